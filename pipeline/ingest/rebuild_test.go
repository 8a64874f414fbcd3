package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestARebuiltShardGoesOnAsIfItHadNeverStopped: at any offset in a log with quiet times, wild clocks and vehicles in
// view, a shard rebuilt from a commit and from the tables writes and publishes the same as the old shard would have.
func TestARebuiltShardGoesOnAsIfItHadNeverStopped(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	short, cuts := 0, 0
	for trial := range uint64(6) {
		in := newSimInput(seed+trial, profile{})
		in.most = 2 * simRecords // longer than the horizon with a history
		in.appendAll()
		for p := range in.log.parts {
			part := &in.log.parts[p]
			whole, plans := rebuildRun(part, 0, nil, Plan{})
			for range 12 {
				cut := rng.IntN(len(part.offsets))
				plan := plans[cut]
				if plan.Rewind > 0 {
					short++
				}
				cuts++
				from, _ := slices.BinarySearch(part.offsets, plan.Rewind)
				again, _ := rebuildRun(part, from, &whole.blocks[cut], plan)
				for i := cut; i < len(part.offsets); i++ {
					if a, b := whole.did[i], again.did[i]; a != b {
						t.Fatalf("trial %d, partition %d, record %d, rebuilt at %d from %d:\n%s\nnever stopped:\n%s", trial, p, i, cut, from, b, a)
					}
				}
			}
		}
	}
	if short < cuts/4 {
		t.Errorf("%d of %d rebuilds began after the beginning of the log: too few to prove anything", short, cuts)
	}
}

// rebuilt holds a run's outputs at each record, and the tables' content before the record.
type rebuilt struct {
	did    []string
	blocks []simRows
}

// rebuildRun processes the records from index from on. With a plan it rebuilds up to the plan's start, from what the
// tables held then.
func rebuildRun(part *simPart, from int, tables *simRows, plan Plan) (out rebuilt, plans []Plan) {
	w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
	cfg := Config{Partitions: simPartitions, Publisher: &simTopics{w}, Dedup: simDedup()}.withDefaults()
	partition := int32(0)
	sh := shard.New(cfg.shardConfig(partition), plan.rewindPoint())
	block := &simBlock{newSimRows()}
	b := newBatch(block, cfg.Publisher)
	out.did = make([]string, len(part.offsets))
	live := tables == nil
	if !live {
		var told []shard.Told
		for _, x := range tables.told {
			if x.pos.Offset >= plan.Rewind {
				told = append(told, x.Told)
			}
		}
		sh.RestoreTold(told)
	}
	for i := from; i < len(part.offsets); i++ {
		plans = append(plans, newPlan(sh, part.offsets[i]))
		if tables == nil {
			out.blocks = append(out.blocks, simRows{ids: slices.Clone(block.ids), seals: slices.Clone(block.seals), told: slices.Clone(block.told)})
		} else if !live && part.offsets[i] >= plan.Start {
			sh.Restore(tables.restoredState())
			sh.SetMatched(plan.matchedVersions())
			live = true
		}
		before := map[string]int{}
		for table, rows := range block.rows {
			before[table] = len(rows)
		}
		w.sent = nil
		one := &shard.Records{}
		one.Append(part.offsets[i], part.values[i])
		if live {
			b.processRecords(sh, simVersions(), one, 0, 1)
		} else {
			sh.Process(simVersions(), one, 0, 1, nil, nil)
		}
		var did []string
		for table, rows := range block.rows {
			did = append(did, rows[before[table]:]...)
		}
		for _, m := range w.sent {
			did = append(did, m.id)
		}
		slices.Sort(did)
		out.did[i] = strings.Join(append(did, fmt.Sprintf("memory %+v", sh.Fill())), "\n")
	}
	return out, plans
}

// restoredState returns the state which a worker reads back from these rows.
func (r *simRows) restoredState() (offences []schemas.PriorOffence, seals map[string]schemas.Sum) {
	seals = map[string]schemas.Sum{}
	for _, o := range r.ids {
		offences = append(offences, o.PriorOffence)
	}
	for _, x := range r.seals { // in the order of the log
		seals[x.camera] = x.seal
	}
	return offences, seals
}
