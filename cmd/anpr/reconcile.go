package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type reconcileCmd struct {
	Balance balanceCmd `cmd:"" default:"withargs" help:"Balance a window of receipt, per camera and minute: accepted = log = stored + merged + rejected (+ ticks); hits, offences and dead letters on topics = tables; offences on the topic = cases, and cases = events = reviews, where a PostgreSQL is named or runs here. Exit code: 0 balanced, 1 something is left over (it is named), 2 cannot tell (a side does not answer, records are still in flight, retention or a missing journal hides a part)."`
	Verify  verifyCmd  `cmd:"" help:"Verify the delivery protocol from outside: commits of the group and the batches table, no gap, no overlap, nothing backwards, no plan without its insert, no insert without a plan. Exit code: 0 it holds, 1 it is broken, 2 cannot tell."`
	Seals   sealsCmd   `cmd:"" help:"Are the stored offences those that were decided? Every column against its seal, the chain of every camera, and the table against the offence topic. Exit code: 0 they are, 1 they are not (each is named), 2 cannot tell."`
	Watch   watchCmd   `cmd:"" help:"Do all of it continuously and show the result as metrics, until stopped. anpr up does this by itself."`
}

type balanceCmd struct {
	flags.SourcesFlags
	flags.PostgresFlags
	From   time.Time     `help:"First minute of receipt: a day or an instant; default an hour before --to."`
	To     time.Time     `help:"End of the window, exclusive; a day counts as a whole; default the last whole minute that is at least 30 s ago."`
	By     []string      `help:"Also list the account by camera, by minute, or both." enum:"camera,minute" sep:","`
	Settle time.Duration `help:"How long to wait for the pipeline to commit what the window holds." default:"30s"`
	JSON   bool          `help:"Print JSON."`
}

// Run balances once.
func (c *balanceCmd) Run(ctx context.Context) error {
	b, err := c.OpenWithCases(&c.PostgresFlags, embedded.Reconciler)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	defer roles.CloseSources(b)
	b.Settle = c.Settle
	r, err := b.Reconcile(ctx, c.timeRange(time.Now()), reconcile.GroupBy{Camera: slices.Contains(c.By, "camera"), Minute: slices.Contains(c.By, "minute")})
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	if err := flags.PrintResult(os.Stdout, r, c.JSON); err != nil {
		return err
	}
	switch r.Conclusion {
	case reconcile.Residual:
		return flags.WithExitCode(flags.ExitLeftOver, fmt.Errorf("%d are left over; deploy/README.md, \"Does it add up\", says what to do", r.LeftOver()))
	case reconcile.CannotTell:
		return flags.WithExitCode(flags.ExitCannotTell, errors.New("cannot tell whether it adds up"))
	case reconcile.Balanced:
	}
	return nil
}

// timeRange fills in missing ends, in whole minutes.
func (c *balanceCmd) timeRange(now time.Time) reconcile.TimeRange {
	to := c.To
	if to.IsZero() {
		to = now.Add(-30 * time.Second)
	}
	to = to.Truncate(time.Minute)
	from := c.From
	if from.IsZero() {
		from = to.Add(-time.Hour)
	}
	return reconcile.TimeRange{From: from.Truncate(time.Minute), To: to}
}

type verifyCmd struct {
	flags.SourcesFlags
	Last time.Duration `help:"Look at the batches inserted in this time; 0 = all there are." default:"24h"`
	For  time.Duration `help:"Keep looking at the commits this long. A broker without a history of commits (the embedded one) shows plans only while one looks." default:"0s"`
	JSON bool          `help:"Print JSON."`
}

// Run verifies once.
func (c *verifyCmd) Run(ctx context.Context) error {
	b, err := c.OpenSources(embedded.Reconciler)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	defer roles.CloseSources(b)
	v, err := b.Verify(ctx, c.Last, c.For)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell: %w", err))
	}
	if err := flags.PrintResult(os.Stdout, v, c.JSON); err != nil {
		return err
	}
	if n := len(v.Violations); n > 0 {
		return flags.WithExitCode(flags.ExitLeftOver, fmt.Errorf("the delivery protocol is broken in %d places; deploy/README.md, AnprDeliveryBroken, says what to do", n))
	}
	return nil
}

type watchCmd struct {
	flags.SourcesFlags
	flags.WatchFlags
	flags.SealsFlags
	flags.OpsFlags
}

// Run watches until the context ends.
func (c *watchCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.WatchEvery <= 0 {
		return fmt.Errorf("--watch-every %s: want a time above 0", c.WatchEvery)
	}
	return roles.RunStandalone(ctx, c.Standalone(roles.Port{}), log, func(o *platform.Ops, _ net.Listener) (roles.Role, error) {
		books, err := c.Sources(embedded.Reconciler)
		if err != nil {
			return nil, err
		}
		account, err := c.SealsAccount(c.DataFlags, c.ClickHouseFlags)
		if err != nil {
			return nil, err
		}
		w, err := roles.StartReconcile(ctx, roles.ReconcileConfig{Sources: books, Every: c.WatchEvery, Seals: account, SealsEvery: c.SealsEvery, Ops: o, Log: log})
		if err != nil {
			return nil, err
		}
		w.AddReadiness(o)
		log.Info().Stringer("every", c.WatchEvery).Strs("receipts", books.Receipts).Msg("reconciling")
		return w, nil
	})
}
