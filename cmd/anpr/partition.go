package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

// partitionCmd is for partitions that stand still.
type partitionCmd struct {
	List   partitionListCmd   `cmd:"" help:"How far each partition of the reads is, and what was given up of it."`
	Resume partitionResumeCmd `cmd:"" help:"Let a parked partition go on behind records that cannot be processed. They are recorded as lost, with who and why; no read of them will ever be stored. The log of the worker and its /readyz say which records."`
}

// standing is how far a partition is.
type standing struct {
	partition int32
	plan      ingest.Plan // of the group's commit
	reached   ingest.StoredExtent
	bounds    platform.Bounds
	losses    []ingest.Loss
}

// openSides opens log and tables as a role. The caller closes the books.
func openSides(f *sidesFlags, role embedded.Role, log zerolog.Logger) (*reconcile.Books, error) {
	if _, err := f.findSides(role); err != nil {
		return nil, err
	}
	return openBooks(booksFlags{sidesFlags: *f}, log)
}

// askStandings finds out how far every partition is, or the one.
func askStandings(ctx context.Context, b *reconcile.Books, only ...int32) ([]standing, error) {
	partitions, err := b.Log.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	if len(only) > 0 && !slices.Contains(partitions, only[0]) {
		return nil, fmt.Errorf("--partition %d: %s has the partitions 0 to %d", only[0], schemas.TopicReads, len(partitions)-1)
	}
	commits, err := b.Log.Commits(ctx, b.Group, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	bounds, err := b.Log.Bounds(ctx, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	state := sink.NewState(b.DB)
	var out []standing
	for _, id := range slices.Sorted(maps.Keys(commits)) {
		if len(only) > 0 && id != only[0] {
			continue
		}
		s := standing{partition: id, bounds: bounds[id]}
		if commits[id].Offset >= 0 {
			if s.plan, err = ingest.ParsePlan(commits[id].Metadata, commits[id].Offset); err != nil {
				return nil, fmt.Errorf("partition %d: the commit of group %s: %w", id, b.Group, err)
			}
		}
		if s.reached, err = state.Reached(ctx, schemas.TopicReads, id); err != nil {
			return nil, err
		}
		if s.losses, err = state.Losses(ctx, schemas.TopicReads, id); err != nil {
			return nil, err
		}
		slices.SortFunc(s.losses, func(a, b ingest.Loss) int { return cmp.Compare(a.Start, b.Start) })
		out = append(out, s)
	}
	return out, nil
}

type partitionListCmd struct{ sidesFlags }

// Run prints a line a partition.
func (c *partitionListCmd) Run(ctx context.Context, log zerolog.Logger) error {
	b, err := openSides(&c.sidesFlags, embedded.Reconciler, log)
	if err != nil {
		return err
	}
	defer closeBooks(b)
	all, err := askStandings(ctx, b)
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
	sidesFlags
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
	c.By = cmp.Or(c.By, userName())
	b, err := openSides(&c.sidesFlags, embedded.Ingest, log)
	if err != nil {
		return err
	}
	defer closeBooks(b)
	loss, err := c.checkLoss(ctx, b)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("partition %d: the records [%d, %d), at most %d,", c.Partition, loss.Start, loss.End, loss.End-loss.Start)
	if c.DryRun {
		fmt.Println(what, "would be recorded as lost")
		return nil
	}
	if err := sink.NewState(b.DB).RecordLoss(ctx, schemas.TopicReads, loss); err != nil {
		return err
	}
	log.Warn().Int32("partition", c.Partition).Int64("from", loss.Start).Int64("to", loss.End).Str("by", c.By).Str("why", c.Reason).Msg("records given up")
	fmt.Println(what, "are recorded as lost; its worker goes on behind them within seconds. `anpr reconcile` names them.")
	return nil
}

// checkLoss checks that the partition stands, and returns what would be given up.
func (c *partitionResumeCmd) checkLoss(ctx context.Context, b *reconcile.Books) (*ingest.RecordedLoss, error) {
	before, err := askStandings(ctx, b, c.Partition)
	if err != nil {
		return nil, err
	}
	if err := before[0].mayLose(c.SkipTo); err != nil {
		return nil, err
	}
	if !c.Readable {
		if err := c.onlyUnreadable(ctx, &before[0]); err != nil {
			return nil, err
		}
	}
	select {
	case <-time.After(c.Watch):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := askStandings(ctx, b, c.Partition)
	if err != nil {
		return nil, err
	}
	was, is := before[0], after[0]
	if is.plan.Start != was.plan.Start || is.plan.End != was.plan.End || is.reached != was.reached {
		return nil, fmt.Errorf("partition %d goes on by itself (committed %d, then %d): nothing was recorded", c.Partition, was.plan.Start, is.plan.Start)
	}
	return &ingest.RecordedLoss{Partition: c.Partition, Loss: ingest.Loss{Start: is.plan.Start, End: c.SkipTo}, Reason: strings.TrimSpace(c.Reason), By: c.By}, nil
}

// onlyUnreadable refuses to give up records that a worker can read: it fetches as one does.
func (c *partitionResumeCmd) onlyUnreadable(ctx context.Context, s *standing) error {
	from, to := max(s.plan.Start, s.bounds.First), s.plan.End // what left the log, and a batch under way, go in any case
	if c.SkipTo <= max(from, to) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	n, err := source.Probe(ctx, source.Config{Brokers: c.kafka().Brokers(), Topic: schemas.TopicReads, ClientID: "anpr-partition", Dial: c.kafka().Dial()}, c.Partition, from)
	e, ok := errors.AsType[*ingest.UnreadableError](err)
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
		return fmt.Errorf("partition %d: the tables have records up to offset %d and the group stands at %d; the runbook, AnprPartitionParked, says what to do", s.partition, s.reached.End, from)
	}
	return nil
}
