package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

// rejectsCmd works on the dead letters. It asks the office as `anpr query` does, under the same law and into the
// same access log.
type rejectsCmd struct {
	Redrive redriveCmd `cmd:"" aliases:"replay" help:"Put rejected records on the log again, byte for byte, after their cause is mended (a camera registered, a validity corrected). Each ends as one read however often this is run. The office decides whether you may see them and logs who asked and why."`
}

type redriveCmd struct {
	ask.ClientFlags
	ask.Asking
	flags.ClickHouseFlags
	flags.BrokerFlags
	Group        string        `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
	RejectReason string        `help:"Only records rejected for this reason, for example unknown_camera." required:""`
	Camera       []string      `help:"Only these cameras."`
	Receipts     string        `help:"Directory for the receipts of what is sent, for anpr reconcile; one of its own, not a gateway's." type:"path" env:"ANPR_REPLAY_RECEIPTS"`
	Settle       time.Duration `help:"How long to wait until the pipeline has committed what is on the log now, which shows what is stored already." default:"60s"`
	DryRun       bool          `help:"Only say what would be sent."`
}

// Run puts them on the log. Exit code 0 also when nothing fits; the counts say why.
func (c *redriveCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if _, ok := schemas.ParseReason(c.RejectReason); !ok {
		return fmt.Errorf("no reject reason %q; `anpr query rejects` counts those there are", c.RejectReason)
	}
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillBroker(&c.BrokerFlags)
	run.FillTables(&c.ClickHouseFlags, embedded.Reader)
	wanted, err := c.listWanted(ctx)
	if err != nil {
		return err
	}
	tables, err := c.ClickHouse()
	if err != nil {
		return err
	}
	out, err := roles.Redrive(ctx, roles.RedriveConfig{
		Kafka: c.Kafka(), Tables: tables, Group: c.Group, Wanted: wanted, Receipts: c.Receipts, Settle: c.Settle, DryRun: c.DryRun, Log: log,
	})
	log.Info().Str("reject_reason", c.RejectReason).Str("why", c.Reason).Bool("dry_run", c.DryRun).Interface("outcome", out).Msg("dead letters replayed")
	return errors.Join(err, c.printOutcome(out))
}

// printOutcome prints the outcome for the dead letters.
func (c *redriveCmd) printOutcome(out recovery.RedriveOutcome) error {
	if c.JSON {
		return office.PrintJSON(os.Stdout, out)
	}
	return out.Print(os.Stdout, c.DryRun)
}

// listWanted asks the office, page by page.
func (c *redriveCmd) listWanted(ctx context.Context) (out []recovery.LogPosition, err error) {
	o, err := c.NewClient()
	if err != nil {
		return nil, err
	}
	paging := c.Page()
	for {
		a, err := o.Rejects(ctx, office.RejectsQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: paging, RejectReason: c.RejectReason, Camera: c.Camera})
		if err != nil {
			return nil, ask.ExplainSignIn(err, o.Lang)
		}
		for i := range a.Rejects {
			r := &a.Rejects[i]
			out = append(out, recovery.LogPosition{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset})
		}
		if a.Next == "" {
			return out, nil
		}
		paging.After = a.Next
	}
}
