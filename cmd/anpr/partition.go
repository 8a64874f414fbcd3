package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/schemas"
)

// partitionCmd concerns parked partitions.
type partitionCmd struct {
	List   partitionListCmd   `cmd:"" help:"How far each partition of the reads is, and what was given up of it."`
	Resume partitionResumeCmd `cmd:"" help:"Let a parked partition go on behind records that cannot be processed. They are recorded as lost, with who and why; no read of them will ever be stored. The log of the worker and its /readyz say which records."`
}

type partitionListCmd struct{ flags.SidesFlags }

// Run prints a line a partition.
func (c *partitionListCmd) Run(ctx context.Context) error {
	b, err := c.OpenSides(embedded.Reconciler)
	if err != nil {
		return err
	}
	defer roles.CloseSources(b)
	all, err := roles.AskStandings(ctx, b)
	if err != nil {
		return err
	}
	return recovery.PrintStandings(os.Stdout, all)
}

type partitionResumeCmd struct {
	flags.SidesFlags
	Partition int32         `help:"The partition that stands." required:""`
	SkipTo    int64         `help:"Offset of the first record to go on with; all before it that are not processed are lost." required:""`
	Reason    string        `help:"Why they are given up, at least 10 characters; it stands in the ledger for good." required:""`
	By        string        `help:"Who gives them up. Default: the user of this machine who runs this."`
	Watch     time.Duration `help:"How long the partition must stand still before a loss is recorded." default:"10s"`
	Readable  bool          `name:"with-readable" help:"Also give up records that can be read."`
	DryRun    bool          `help:"Only say what would be lost."`
}

// Run records the loss. The worker goes on by itself.
func (c *partitionResumeCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if len([]rune(strings.TrimSpace(c.Reason))) < 10 {
		return errors.New("--reason: say in at least 10 characters why the records are given up")
	}
	c.By = cmp.Or(c.By, platform.UserName())
	b, err := c.OpenSides(embedded.Ingest)
	if err != nil {
		return err
	}
	defer roles.CloseSources(b)
	wish, state := roles.NewGiveUp(c.Kafka(), b, recovery.GiveUp{
		Partition: c.Partition, SkipTo: c.SkipTo, Reason: c.Reason, By: c.By, Watch: c.Watch, Readable: c.Readable,
	})
	loss, err := wish.Check(ctx, b)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("partition %d: the records [%d, %d), at most %d,", c.Partition, loss.Start, loss.End, loss.End-loss.Start)
	if c.DryRun {
		fmt.Println(what, "would be recorded as lost")
		return nil
	}
	if err := state.RecordLoss(ctx, schemas.TopicReads, loss); err != nil {
		return err
	}
	log.Warn().Int32("partition", c.Partition).Int64("from", loss.Start).Int64("to", loss.End).Str("by", c.By).Str("why", c.Reason).Msg("records given up")
	fmt.Println(what, "are recorded as lost; its worker goes on behind them within seconds. `anpr reconcile` names them.")
	return nil
}
