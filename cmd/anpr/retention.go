package main

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

// trimEvery is how often the embedded log is held against its limits.
const trimEvery = time.Minute

// limits are those of the embedded log.
func (f *engineFlags) limits() embedded.Limits {
	return embedded.Limits{Age: time.Duration(f.LogDays * 24 * float64(time.Hour)), Bytes: f.LogBytes, Batches: f.LogBatches}
}

// startRetention says the limits of the log and holds it to them until the stack stops. Without limits it does nothing.
func (s *stack) startRetention(ctx context.Context) {
	limits := s.flags.limits()
	if limits == (embedded.Limits{}) {
		return
	}
	s.log.Info().Float64("days", s.flags.LogDays).Int64("bytes", limits.Bytes).Int64("batches", limits.Batches).
		Msg("the log is kept up to these limits (--log-days, --log-bytes, --log-batches); further back only backups reach: anpr backup")
	metrics := embedded.NewLogMetrics(s.ops.Registry, limits)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(trimEvery)
		defer tick.Stop()
		for {
			if err := s.trim(run, limits, metrics); err != nil && run.Err() == nil {
				s.log.Error().Err(err).Msg("the log was not held to its limits; trying again in a minute")
			}
			select {
			case <-tick.C:
			case <-run.Done():
				return
			}
		}
	}()
	s.parts.Push("log limits", func(context.Context) error { cancel(); <-done; return nil })
}

func (s *stack) trim(ctx context.Context, limits embedded.Limits, m *embedded.LogMetrics) error {
	ctx, cancel := context.WithTimeout(ctx, trimEvery/2)
	defer cancel()
	need, err := s.needed(ctx)
	if err != nil {
		return err
	}
	use, err := s.broker.Trim(ctx, limits, need, time.Now())
	if err != nil {
		return err
	}
	m.Set(use, time.Now())
	if use.Dropped > 0 {
		s.log.Info().Int64("bytes", use.Dropped).Time("oldest", use.Oldest).Msg("the oldest records left the log")
	}
	return nil
}

// needed is from where on the pipeline reads the log again: a take-over rebuilds its state from the offset that the committed plan
// names. A restore that is under way has a group of its own, which counts too. Before the first commit everything is needed.
func (s *stack) needed(ctx context.Context) (embedded.Need, error) {
	l := reconcile.NewLog(s.flags.kafka())
	defer l.Close()
	ids, err := l.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	need := map[int32]int64{}
	for _, group := range []string{s.flags.Group, s.flags.Group + "-restore-" + s.flags.ClickhouseDatabase} {
		commits, err := l.Commits(ctx, group, schemas.TopicReads, ids)
		if err != nil {
			return nil, err
		}
		for _, p := range ids {
			at := neededFrom(commits[p])
			if commits[p].Offset < 0 && group != s.flags.Group {
				continue // no such restore
			}
			if first, ok := need[p]; !ok || at < first {
				need[p] = at
			}
		}
	}
	return embedded.Need{schemas.TopicReads: need}, nil
}

// neededFrom is the first offset that the owner of a partition reads again. A commit that is not understood needs everything.
func neededFrom(c platform.Commit) int64 {
	if c.Offset < 0 {
		return 0
	}
	plan, err := ingest.ParsePlan(c.Metadata, c.Offset)
	if err != nil {
		return 0
	}
	return min(plan.Rewind, plan.Start)
}
