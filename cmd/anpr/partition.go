package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline"
	"github.com/gvc-brussels/anpr/pipeline/embedded"
	"github.com/gvc-brussels/anpr/pipeline/ledger"
	"github.com/gvc-brussels/anpr/pipeline/sink"
	"github.com/gvc-brussels/anpr/pipeline/source"
	"github.com/gvc-brussels/anpr/schemas"
)

// partitionCmd is for partitions that stand still.
type partitionCmd struct {
	List   partitionListCmd   `cmd:"" help:"How far each partition of the reads is, and what was given up of it."`
	Resume partitionResumeCmd `cmd:"" help:"Let a parked partition go on behind records that cannot be processed. They are recorded as lost, with who and why; no read of them will ever be stored. The log of the worker and its /readyz say which records."`
}

type partitionFlags struct {
	runFlags
	brokerFlags
	clickhouseFlags
	Group string `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
}

// standing is how far a partition is.
type standing struct {
	partition int32
	plan      pipeline.Plan // of the group's commit
	committed bool          // whether there is one
	reached   pipeline.Reached
	bounds    ledger.Bounds
	losses    []pipeline.Loss
}

// places is where standing is asked.
type places struct {
	log   *ledger.Log
	state *sink.State
	group string
	close func()
}

func (f *partitionFlags) open(role embedded.Role, log zerolog.Logger) (*places, error) {
	run, err := f.find()
	if err != nil {
		return nil, err
	}
	run.broker(&f.brokerFlags)
	run.tables(&f.clickhouseFlags, role)
	cfg, err := f.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	conn, err := sink.Open(cfg)
	if err != nil {
		return nil, err
	}
	l := ledger.NewLogVia(f.KafkaAddr, f.dial())
	return &places{l, sink.NewState(conn), f.Group, func() { l.Close(); _ = conn.Close() }}, nil
}

// ask finds out how far every partition is, or the one.
func (p *places) ask(ctx context.Context, only ...int32) ([]standing, error) {
	partitions, err := p.log.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	if len(only) > 0 && !slices.Contains(partitions, only[0]) {
		return nil, fmt.Errorf("--partition %d: %s has the partitions 0 to %d", only[0], schemas.TopicReads, len(partitions)-1)
	}
	commits, err := p.log.Commits(ctx, p.group, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	bounds, err := p.log.Bounds(ctx, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	var out []standing
	for _, id := range slices.Sorted(maps.Keys(commits)) {
		if len(only) > 0 && id != only[0] {
			continue
		}
		s := standing{partition: id, bounds: bounds[id], committed: commits[id].Offset >= 0}
		if s.committed {
			if s.plan, err = pipeline.ParsePlan(commits[id].Metadata, commits[id].Offset); err != nil {
				return nil, fmt.Errorf("partition %d: the commit of group %s: %w", id, p.group, err)
			}
		}
		if s.reached, err = p.state.Reached(ctx, schemas.TopicReads, id); err != nil {
			return nil, err
		}
		if s.losses, err = p.state.Losses(ctx, schemas.TopicReads, id); err != nil {
			return nil, err
		}
		slices.SortFunc(s.losses, func(a, b pipeline.Loss) int { return cmp.Compare(a.Start, b.Start) })
		out = append(out, s)
	}
	return out, nil
}

type partitionListCmd struct{ partitionFlags }

// Run prints a line a partition.
func (c *partitionListCmd) Run(ctx context.Context, log zerolog.Logger) error {
	p, err := c.open(embedded.Reconciler, log)
	if err != nil {
		return err
	}
	defer p.close()
	all, err := p.ask(ctx)
	if err != nil {
		return err
	}
	return printPartitions(os.Stdout, all)
}

func printPartitions(w io.Writer, all []standing) error {
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "PARTITION\tLOG FROM\tTO\tCOMMITTED\tUNDER WAY TO\tIN THE TABLES TO\tWAITING\tLOST")
	for i := range all {
		s := &all[i]
		under, lost := "-", make([]string, len(s.losses))
		if s.plan.UnderWay() {
			under = strconv.FormatInt(s.plan.End, 10)
		}
		for k, l := range s.losses {
			lost[k] = fmt.Sprintf("[%d, %d)", l.Start, l.End)
		}
		_, _ = fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t%s\t%d\t%d\t%s\n", s.partition, s.bounds.First, s.bounds.End, s.plan.Start, under, s.reached.End,
			max(0, s.bounds.End-max(s.plan.Start, s.bounds.First)), cmp.Or(strings.Join(lost, " "), "-"))
	}
	return tw.Flush()
}

type partitionResumeCmd struct {
	partitionFlags
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
	if c.By == "" {
		u, err := user.Current()
		if err != nil {
			return fmt.Errorf("--by is needed: this machine does not say who runs this: %w", err)
		}
		c.By = u.Username
	}
	p, err := c.open(embedded.Ingest, log)
	if err != nil {
		return err
	}
	defer p.close()
	loss, err := c.loss(ctx, p)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("partition %d: the records [%d, %d), at most %d,", c.Partition, loss.Start, loss.End, loss.End-loss.Start)
	if c.DryRun {
		fmt.Println(what, "would be recorded as lost")
		return nil
	}
	if err := p.state.RecordLoss(ctx, schemas.TopicReads, loss); err != nil {
		return err
	}
	log.Warn().Int32("partition", c.Partition).Int64("from", loss.Start).Int64("to", loss.End).Str("by", c.By).Str("why", c.Reason).Msg("records given up")
	fmt.Println(what, "are recorded as lost; its worker goes on behind them within seconds. `anpr reconcile` names them.")
	return nil
}

// loss checks that the partition stands and what would be given up.
func (c *partitionResumeCmd) loss(ctx context.Context, p *places) (*sink.RecordedLoss, error) {
	before, err := p.ask(ctx, c.Partition)
	if err != nil {
		return nil, err
	}
	if err := before[0].mayLose(c.SkipTo); err != nil {
		return nil, err
	}
	if err := c.onlyUnreadable(ctx, &before[0]); err != nil && !c.Readable {
		return nil, err
	}
	select {
	case <-time.After(c.Watch):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := p.ask(ctx, c.Partition)
	if err != nil {
		return nil, err
	}
	if b, a := before[0], after[0]; a.plan.Start != b.plan.Start || a.plan.End != b.plan.End || a.reached != b.reached {
		return nil, fmt.Errorf("partition %d goes on by itself (committed %d, then %d): nothing was recorded", c.Partition, b.plan.Start, a.plan.Start)
	}
	return &sink.RecordedLoss{Partition: c.Partition, Loss: pipeline.Loss{Start: after[0].plan.Start, End: c.SkipTo}, Reason: strings.TrimSpace(c.Reason), By: c.By}, nil
}

// onlyUnreadable refuses to give up records that a worker can read: it fetches as one does.
func (c *partitionResumeCmd) onlyUnreadable(ctx context.Context, s *standing) error {
	from, to := max(s.plan.Start, s.bounds.First), s.plan.End // what left the log, and a batch under way, go in any case
	if c.SkipTo <= max(from, to) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	n, err := source.Probe(ctx, source.Config{Brokers: brokers(c.KafkaAddr), Topic: schemas.TopicReads, ClientID: "anpr-partition", Dial: c.dial()}, c.Partition, from)
	e, ok := errors.AsType[*pipeline.UnreadableError](err)
	switch {
	case n > 0:
		return fmt.Errorf("--skip-to %d: the records of partition %d from offset %d on can be read: the worker's log and its /readyz say what stops it; give them up with --with-readable", c.SkipTo, c.Partition, from)
	case ok && e.To > e.From && c.SkipTo > max(e.To, to):
		return fmt.Errorf("--skip-to %d: of partition %d only the records [%d, %d) cannot be read; skip to %d, or give up those behind them too with --with-readable", c.SkipTo, c.Partition, e.From, e.To, max(e.To, to))
	case !ok && err != nil:
		return fmt.Errorf("fetch offset %d of partition %d: %w; --with-readable gives the records up without looking", from, c.Partition, err)
	}
	return nil
}

// mayLose reports why the records up to an offset cannot be given up.
func (s *standing) mayLose(to int64) error {
	from := s.plan.Start
	switch {
	case to <= from:
		return fmt.Errorf("--skip-to %d: partition %d stands at offset %d; nothing before it is waiting", to, s.partition, from)
	case to > s.bounds.End:
		return fmt.Errorf("--skip-to %d: the log of partition %d ends at offset %d", to, s.partition, s.bounds.End)
	case to < s.bounds.First:
		return fmt.Errorf("--skip-to %d: the log of partition %d begins at offset %d; skip to it or beyond", to, s.partition, s.bounds.First)
	case s.plan.UnderWay() && s.reached.Any && s.reached.End == s.plan.End:
		return fmt.Errorf("partition %d: the batch [%d, %d) that was under way is in the tables already: restart the worker, it only has to commit", s.partition, from, s.plan.End)
	case to < s.plan.End:
		return fmt.Errorf("--skip-to %d: the batch [%d, %d) was under way and may be stored in part; skip to %d or beyond", to, from, s.plan.End, s.plan.End)
	case s.reached.Any && s.reached.End > from:
		for _, l := range s.losses {
			if l.Start == from {
				return fmt.Errorf("partition %d: the loss of [%d, %d) is recorded already; if its worker does not go on, its log says why", s.partition, l.Start, l.End)
			}
		}
		return fmt.Errorf("partition %d: the tables have records up to offset %d and the group stands at %d; the runbook, \"A partition is parked\", says what to do", s.partition, s.reached.End, from)
	}
	return nil
}
