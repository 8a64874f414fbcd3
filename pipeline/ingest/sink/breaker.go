package sink

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

func (c *ClickHouse) breakerSettings() gobreaker.Settings {
	return gobreaker.Settings{
		Name:        "clickhouse",
		MaxRequests: c.cfg.Breaker.Probes,
		Timeout:     c.cfg.Breaker.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= c.cfg.Breaker.Failures },
		// A refusal shows that the server lives. A cancelled caller says nothing about the server.
		IsExcluded: func(err error) bool {
			return errors.Is(err, ingest.ErrStop) || errors.Is(err, context.Canceled)
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			c.cfg.Metrics.setBreaker(to)
			c.cfg.Logger.Warn().Str("breaker", name).Stringer("from", from).Stringer("to", to).
				Msg("circuit breaker changed; while it is open nothing is inserted and the log holds the backlog")
		},
	}
}

// excuseServer marks a failure whose caller has given up. What a torn connection says then (closed, timed out) is the
// caller's doing.
func excuseServer(caller context.Context, err error) error {
	if err != nil && caller.Err() != nil {
		return errors.Join(context.Canceled, err)
	}
	return err
}

// backoffPause doubles with every try from least to most. The upper half is random, so many blocks do not return at
// the same instant.
func backoffPause(least, most time.Duration, try int) time.Duration {
	d := most
	if try < 30 && least<<try < most {
		d = least << try
	}
	return d/2 + rand.N(d/2+1)
}

// pauseFor waits for d or for the end of ctx, whichever is first.
func pauseFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
