package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// Sources are the inputs of a reconciliation. Log, DB and Group are required.
type Sources struct {
	Log      *KafkaLog
	DB       driver.Conn
	Group    string
	Topic    string        // default anpr.reads.v1
	Receipts []string      // the gateways' journals: directories, or http addresses of ops ports
	Settle   time.Duration // longest wait for the pipeline to commit the records of the time range
	// MaxRecords bounds the records held in memory at a time, five bytes each. A longer time range is cut into slices.
	// Default 40 million.
	MaxRecords int64

	// Cases are the cases of the offences; nil = they are not compared. The groups make cases and store reviews.
	Cases                    CaseBook
	CasesGroup, ReviewsGroup string
}

// TimeRange is a span of receipt [From, To), whole minutes.
type TimeRange struct{ From, To time.Time }

// GroupBy chooses the rows of a report; the balance itself is always by record.
type GroupBy struct{ Camera, Minute bool }

// maxCells bounds the cells of a report in memory.
const maxCells = 4_000_000

// Reconcile balances the time range. An error means that a source could not be asked, so nothing is known.
func (b *Sources) Reconcile(ctx context.Context, w TimeRange, by GroupBy) (*AccountReport, error) {
	began := time.Now()
	if !w.From.Before(w.To) || !w.From.Equal(w.From.Truncate(time.Minute)) || !w.To.Equal(w.To.Truncate(time.Minute)) {
		return nil, fmt.Errorf("window [%s, %s): want whole minutes and an end after the beginning", w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
	}
	r := &reconciliation{b: b, topic: b.Topic, max: b.MaxRecords, tables: tableReader{b.DB}, rejected: map[position]Cell{}, judged: map[int32][2]int64{}}
	if r.topic == "" {
		r.topic = schemas.TopicReads
	}
	if r.max == 0 {
		r.max = 40_000_000
	}
	r.rep = newReport(w, r.topic, b.Group)
	if err := r.findExtent(ctx, w); err != nil {
		return nil, err
	}
	if err := r.reconcileSlices(ctx, w); err != nil {
		return nil, err
	}
	if err := r.compareOutputs(ctx); err != nil {
		return nil, err
	}
	if len(b.Receipts) == 0 {
		r.rep.addUnknown("no journal of a gateway was given, so what the gateways accepted is not known")
	}
	r.rep.conclude(by, time.Since(began))
	return r.rep, nil
}

// position is an offset of the reads topic.
type position struct {
	partition int32
	offset    int64
}

// reconciliation is the state of a single Reconcile.
type reconciliation struct {
	b          *Sources
	rep        *AccountReport
	topic      string
	max        int64
	tables     tableReader
	partitions []int32
	bounds     map[int32]platform.Bounds
	committed  map[int32]int64 // offsets below are judged
	losses     map[int32][]ingest.RecordedLoss
	rejected   map[position]Cell  // rows of rejects among the judged records
	judged     map[int32][2]int64 // extent of the judged offsets
}

// findExtent finds the extent of log and commits, after waiting for the pipeline as long as allowed.
func (r *reconciliation) findExtent(ctx context.Context, w TimeRange) (err error) {
	if r.partitions, err = r.b.Log.Partitions(ctx, r.topic); err != nil {
		return err
	}
	if r.bounds, err = r.b.Log.Bounds(ctx, r.topic, r.partitions); err != nil {
		return err
	}
	ends, err := r.b.Log.OffsetsSince(ctx, r.topic, r.bounds, w.To.Add(slack))
	if err != nil {
		return err
	}
	if r.committed, err = r.waitForCommits(ctx, ends); err != nil {
		return err
	}
	r.losses, err = RecordedLosses(ctx, r.b.DB, "batches", r.topic)
	return err
}

// readableParts returns the parts of [from, to) without offsets that somebody gave up.
func (r *reconciliation) readableParts(partition int32, from, to int64) []ingest.Loss {
	losses := make([]ingest.Loss, len(r.losses[partition]))
	for i, l := range r.losses[partition] {
		losses[i] = l.Loss
	}
	return ingest.RangesOutside(losses, from, to)
}

// isLost reports whether somebody gave the record up.
func (r *reconciliation) isLost(partition int32, offset int64) bool {
	for _, l := range r.losses[partition] {
		if offset >= l.Start && offset < l.End {
			return true
		}
	}
	return false
}

// waitForCommits waits, at most Settle, until the group has committed the ends, and returns the group's commits.
func (r *reconciliation) waitForCommits(ctx context.Context, ends map[int32]int64) (map[int32]int64, error) {
	deadline := time.Now().Add(r.b.Settle)
	for {
		commits, err := r.b.Log.Commits(ctx, r.b.Group, r.topic, r.partitions)
		if err != nil {
			return nil, err
		}
		out, all := map[int32]int64{}, true
		for p, c := range commits {
			out[p] = max(c.Offset, 0)
			all = all && c.Offset >= ends[p] || ends[p] == 0
			if _, err := ingest.ParsePlan(c.Metadata, c.Offset); c.Offset >= 0 && err != nil {
				r.rep.addUnknown("partition %d: the group's commit is not a plan of ours: %v", p, err)
			}
		}
		if all || !time.Now().Before(deadline) {
			return out, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reconcileSlices works through the time range in slices that fit into memory.
func (r *reconciliation) reconcileSlices(ctx context.Context, w TimeRange) error {
	for from := w.From; from.Before(w.To); {
		to := from.Truncate(time.Hour).Add(time.Hour)
		if to.After(w.To) {
			to = w.To
		}
		if err := r.reconcileSlice(ctx, TimeRange{from, to}); err != nil {
			return err
		}
		if len(r.rep.cells) > maxCells {
			return errors.New("the window holds more than four million pairs of camera and minute: ask for a shorter one")
		}
		from = to
	}
	return nil
}

// reconcileSlice balances a slice, halving slices with too many records.
func (r *reconciliation) reconcileSlice(ctx context.Context, w TimeRange) error {
	s, err := r.openSlice(ctx, w)
	if err != nil {
		return err
	}
	if n := s.countRecords(); n > r.max && w.To.Sub(w.From) > time.Minute {
		middle := w.From.Add(w.To.Sub(w.From) / 2).Truncate(time.Minute)
		if err := r.reconcileSlice(ctx, TimeRange{w.From, middle}); err != nil {
			return err
		}
		return r.reconcileSlice(ctx, TimeRange{middle, w.To})
	}
	return s.balanceSlice(ctx)
}
