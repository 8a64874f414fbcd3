package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// partLog is a generation that only reads one partition.
type partLog struct {
	Generation
	part  *simPart
	asked []schemas.Micros // times of OffsetAt
}

func (l *partLog) Bounds(context.Context, int32) (first, end int64, err error) {
	return l.part.first, l.part.end, nil
}

func (l *partLog) OffsetAt(_ context.Context, _ int32, at schemas.Micros) (int64, error) {
	l.asked = append(l.asked, at)
	return l.part.offsetAt(at), nil
}

func (l *partLog) Open(_ context.Context, _ int32, offset int64) (Reader, error) {
	return &partReader{l.part, offset}, nil
}

type partReader struct {
	part *simPart
	next int64
}

func (r *partReader) Close() error { return nil }

func (r *partReader) Fetch(_ context.Context, into *shard.Records) error {
	i, _ := slices.BinarySearch(r.part.offsets, r.next)
	for _, k := range r.part.offsets[i:min(i+97, len(r.part.offsets))] {
		into.Append(k, r.part.values[i])
		r.next = k + 1
		i++
	}
	return nil
}

// untold is a State without hits.
type untold struct{ State }

func (untold) Told(context.Context, int32, int64, int64) ([]shard.Told, error) { return nil, nil }

// listHistory writes out every passage that a shard's history finds for the plates of the simulation.
func listHistory(s *shard.Shard) string {
	var b strings.Builder
	for _, p := range append(slices.Clone(simPlates), "1PRK999") {
		for _, x := range s.History().Passages(nil, schemas.MustPlate(p).Class(), 0, 1<<62) {
			fmt.Fprintf(&b, "%+v\n", x)
		}
	}
	return b.String()
}

// TestAnOwnerWithALongerHorizonReadsBackFromFurther: a plan that a program without history wrote is taken over by one
// with a history. The history is then that of a shard which had read the log from the beginning, the clock is that of
// the plan, and the next plan has the longer horizon.
func TestAnOwnerWithALongerHorizonReadsBackFromFurther(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	short, cuts := 0, 0
	for trial := range uint64(4) {
		in := newSimInput(seed+trial, profile{steady: trial%2 == 0})
		in.most = 6 * simRecords
		in.appendAll()
		for p := range in.log.parts {
			part := &in.log.parts[p]
			cfg := Config{Partitions: simPartitions, Dedup: simDedup(), State: untold{}, Logger: zerolog.Nop(), Versions: func() shard.Versions { return *simVersions() }}.withDefaults()
			cfg.Dedup.HistorySpan = 5 * schemas.Minute
			old := cfg
			old.Dedup.HistorySpan, old.Dedup.MaxHistory = 0, 0
			cut := len(part.offsets)*2/3 + rng.IntN(len(part.offsets)/3)
			before, whole := shard.New(old.shardConfig(int32(p)), shard.Rewind{}), shard.New(cfg.shardConfig(int32(p)), shard.Rewind{})
			for i := range cut {
				for _, s := range []*shard.Shard{before, whole} {
					one := &shard.Records{}
					one.Append(part.offsets[i], part.values[i])
					s.Process(simVersions(), one, 0, 1, nil, nil)
				}
			}
			plan, err := ParsePlan(newPlan(before, part.offsets[cut]).String(), part.offsets[cut])
			if err != nil {
				t.Fatal(err)
			}
			log := &partLog{part: part}
			w := &partitionWorker{partition: partition{cfg: &cfg, number: int32(p), log: zerolog.Nop()}, generation: log}
			if _, err := w.rebuildShard(t.Context(), plan); err != nil {
				t.Fatal(err)
			}
			if got, want := listHistory(w.shard), listHistory(whole); got != want {
				t.Errorf("trial %d, partition %d, taken over at %d from %d, asked %v: the history is\n%s\nwant\n%s", trial, p, cut, plan.Rewind, log.asked, got, want)
			}
			if got, want := w.shard.LogTime(), whole.LogTime(); got != want {
				t.Errorf("trial %d, partition %d: log time %d, want %d", trial, p, got, want)
			}
			if after := newPlan(w.shard, plan.Start); after.Horizon != cfg.Dedup.Horizon() || after.Rewind > plan.Rewind {
				t.Errorf("trial %d, partition %d: the next plan is %v after %v", trial, p, after, plan)
			}
			plain := shard.New(cfg.shardConfig(int32(p)), plan.rewindPoint())
			for i := range cut {
				if part.offsets[i] >= plan.Rewind {
					one := &shard.Records{}
					one.Append(part.offsets[i], part.values[i])
					plain.Process(simVersions(), one, 0, 1, nil, nil)
				}
			}
			if cuts++; listHistory(plain) != listHistory(whole) {
				short++
			}
		}
	}
	if short < cuts/2 {
		t.Errorf("of %d plans the horizon was too short for %d: too few to prove anything", cuts, short)
	}
}

// TestAnOwnerWithTheSameHorizonAsksNothing: the plans of today are taken over as before, with no question about time.
func TestAnOwnerWithTheSameHorizonAsksNothing(t *testing.T) {
	for _, span := range []schemas.Micros{0, simHistory} {
		cfg := Config{Partitions: 1, Dedup: simDedup()}.withDefaults()
		cfg.Dedup.HistorySpan = span
		plan := Plan{Version: planVersion, Start: 900, End: 900, Rewind: 500, RewindClock: simStart}
		if span > 0 {
			plan.Horizon = cfg.Dedup.Horizon()
		}
		w := &partitionWorker{partition: partition{cfg: &cfg, log: zerolog.Nop()}} // without a generation a question would panic
		if at, err := w.findRewind(t.Context(), plan); err != nil || at.Offset != 500 || at.Clock != simStart {
			t.Errorf("history of %v: %+v, %v", span, at, err)
		}
	}
}
