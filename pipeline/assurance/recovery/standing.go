package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// Standing is the progress of a partition.
type Standing struct {
	partition int32
	plan      ingest.Plan // from the group's commit
	reached   ingest.StoredExtent
	bounds    platform.Bounds
	losses    []ingest.Loss
}

// PartitionState reports the tables' state of a partition.
type PartitionState interface {
	Reached(ctx context.Context, topic string, partition int32) (ingest.StoredExtent, error)
	Losses(ctx context.Context, topic string, partition int32) ([]ingest.Loss, error)
}

// AskStandings returns the progress of every partition, or of the partitions in only.
func AskStandings(ctx context.Context, b *reconcile.Sources, state PartitionState, only ...int32) ([]Standing, error) {
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
	var out []Standing
	for _, id := range slices.Sorted(maps.Keys(commits)) {
		if len(only) > 0 && id != only[0] {
			continue
		}
		s := Standing{partition: id, bounds: bounds[id]}
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

// PrintStandings writes a line a partition.
func PrintStandings(w io.Writer, all []Standing) error {
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

// GiveUp is a request to let a partition go on behind records that cannot be processed.
type GiveUp struct {
	Partition int32
	SkipTo    int64         // first record to go on with
	Reason    string        // why
	By        string        // the person
	Watch     time.Duration // time for which the partition must stand still
	Readable  bool          // also give up readable records
	State     PartitionState
	// Probe fetches from an offset on as a worker does, and returns the number of readable records.
	Probe func(ctx context.Context, partition int32, offset int64) (int, error)
}

// Check checks that the partition is parked, and returns the loss to be recorded.
func (c *GiveUp) Check(ctx context.Context, b *reconcile.Sources) (*ingest.RecordedLoss, error) {
	before, err := AskStandings(ctx, b, c.State, c.Partition)
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
	after, err := AskStandings(ctx, b, c.State, c.Partition)
	if err != nil {
		return nil, err
	}
	was, is := before[0], after[0]
	if is.plan.Start != was.plan.Start || is.plan.End != was.plan.End || is.reached != was.reached {
		return nil, fmt.Errorf("partition %d goes on by itself (committed %d, then %d): nothing was recorded", c.Partition, was.plan.Start, is.plan.Start)
	}
	return &ingest.RecordedLoss{Partition: c.Partition, Loss: ingest.Loss{Start: is.plan.Start, End: c.SkipTo}, Reason: strings.TrimSpace(c.Reason), By: c.By}, nil
}

// onlyUnreadable refuses to give up records that a worker can read, after fetching as a worker does.
func (c *GiveUp) onlyUnreadable(ctx context.Context, s *Standing) error {
	// records that left the log, and a batch under way, go in any case
	from, to := max(s.plan.Start, s.bounds.First), s.plan.End
	if c.SkipTo <= max(from, to) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	n, err := c.Probe(ctx, c.Partition, from)
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
func (s *Standing) mayLose(to int64) error {
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
