package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// retryWhileAway calls f until f succeeds, for two minutes: a part may be on the way back. Each call may take 20 s, so
// that a connection silenced by a firewall is left for a new connection.
func retryWhileAway[T any](ctx context.Context, what string, f func(context.Context) (T, error)) (T, error) {
	v, err := backoff.Retry(ctx, func() (T, error) {
		try, done := context.WithTimeout(ctx, 20*time.Second)
		defer done()
		return f(try)
	}, backoff.WithBackOff(backoff.NewConstantBackOff(500*time.Millisecond)), backoff.WithMaxElapsedTime(2*time.Minute))
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// whileItLives returns a context that ends when a part that everything needs has ended by itself; the cause names
// the part.
func whileItLives(ctx context.Context, m *roles.Machine) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cancel(m.Wait(ctx))
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}

// readLag returns how many records are on the log and how many of them are not processed.
func (c *pipelineCounts) readLag(ctx context.Context) (end, lag int64, err error) {
	return rehearsal.CountBehind(ctx, c.admin, c.group)
}

// Latencies from which a demo is called too slow, in milliseconds: an outsider would ask for the cause. A quiet
// machine with two cores is ten times faster. The latencies say nothing about the results being right.
const (
	slowHitP99     = 5_000
	slowVisibleP99 = 30_000
)

// exitTooSlow is the exit code of a demo with right results that could not keep up on this machine.
const exitTooSlow = 4

// demoRun describes the traffic for recordProblems.
type demoRun struct {
	notSent uint64             // reads due and never acknowledged by the gateway
	cut     bool               // ended early, by Ctrl-C
	resumed bool               // there were data of an earlier run, which may finish now
	truth   *bench.TruthReport // nil: there is no truth to compare with
	hits    latencies
}

// recordProblems records every wrong result and, apart, everything too slow. Reads that were never sent are not
// wrong: they are not on the log, and cameras would send them again. The findings that the truth expects from them
// cannot exist.
func (s *demoSummary) recordProblems(r demoRun) {
	s.Residual = int64(s.Produced) - int64(s.Stored+s.Merged+s.Rejected)
	if s.Residual != 0 {
		s.Problems = append(s.Problems, fmt.Sprintf("%d records of the log are not in the tables, or counted twice", s.Residual))
	}
	if s.Duplicates != 0 {
		s.Problems = append(s.Problems, fmt.Sprintf("%d rows are there twice", s.Duplicates))
	}
	if n := &s.Cases; n.Taken != int64(n.Offences) {
		s.Problems = append(s.Problems, fmt.Sprintf("%d of %d offences are cases", n.Taken, n.Offences))
	}
	if r.cut {
		return
	}
	if r.notSent > 0 {
		s.Slow = append(s.Slow, fmt.Sprintf("%d reads were due and not taken by the gateway in time: they are not on the log, and what the truth expects of them cannot be found", r.notSent))
	}
	if r.hits.n > 0 && r.hits.p99 > slowHitP99 {
		s.Slow = append(s.Slow, fmt.Sprintf("1 of 100 hits took longer than %.1f s from the gateway to a subscriber", r.hits.p99/1000))
	}
	if s.visible99 > slowVisibleP99 {
		s.Slow = append(s.Slow, fmt.Sprintf("1 of 100 reads took longer than %.1f s until it was visible in ClickHouse", s.visible99/1000))
	}
	if r.truth == nil {
		return
	}
	s.Truth = r.truth.Tallies()
	if n := r.truth.RepeatedHits(); n > 0 {
		s.Slow = append(s.Slow, fmt.Sprintf("%d listed vehicles were told twice at one place, because their reads reached the gateway more than a minute apart", n))
	}
	for _, name := range bench.Kinds() {
		t := s.Truth[name]
		if t.Missing > 0 && r.notSent == 0 || t.Extra > 0 && !r.resumed {
			s.Problems = append(s.Problems, fmt.Sprintf("%s are not those of the generator's truth: %s", name, formatTally(t)))
		}
	}
}

// exitError returns the error of a run that was not exact, or was exact and too slow.
func (s *demoSummary) exitError() error {
	switch {
	case len(s.Problems) > 0:
		return fmt.Errorf("the result is not exact: %s", strings.Join(append(s.Problems, s.Slow...), "; "))
	case len(s.Slow) > 0:
		return flags.WithExitCode(exitTooSlow, fmt.Errorf("everything that was sent is there once and every verdict is right, but this machine was too slow: %s; try again with a lower --rate, or with nothing else running", strings.Join(s.Slow, "; ")))
	}
	return nil
}
