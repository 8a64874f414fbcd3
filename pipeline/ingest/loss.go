package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Loss is a range of records given up by a person, so that its partition goes on behind the range. A batches row of
// its own records the range, the person and the reason, so the reconciliation shows the loss.
type Loss struct {
	Start int64 `json:"from"`
	End   int64 `json:"to"`
}

// RecordedLoss is a loss as stored in its batches row.
type RecordedLoss struct {
	Partition int32 `json:"partition"`
	Loss
	Reason string    `json:"reason"` // as written by the person
	By     string    `json:"by"`     // the person
	At     time.Time `json:"at"`     // time of recording
}

// UnreadableError names the records [From, To) which cannot be taken from the log. To is From when the log does not
// tell their end. The error wraps ErrStop, because no retry mends it, and the cause.
type UnreadableError struct {
	From, To int64
	Err      error
}

// Error names the records and the cause.
func (e *UnreadableError) Error() string {
	if e.To <= e.From {
		return fmt.Sprintf("the records from offset %d on cannot be read: %v", e.From, e.Err)
	}
	return fmt.Sprintf("the records [%d, %d) cannot be read: %v", e.From, e.To, e.Err)
}

// Unwrap returns ErrStop and the cause.
func (e *UnreadableError) Unwrap() []error { return []error{ErrStop, e.Err} }

// skipLosses returns the first offset at or after offset outside all losses. The losses are sorted by start.
func skipLosses(losses []Loss, offset int64) int64 {
	for _, l := range losses {
		if l.Start <= offset && offset < l.End {
			offset = l.End
		}
	}
	return offset
}

// RangesOutside returns the parts of [from, to) outside all losses, in order. The losses are sorted by start.
func RangesOutside(losses []Loss, from, to int64) (out []Loss) {
	for _, l := range losses {
		if l.End <= from || l.Start >= to {
			continue
		}
		if from < l.Start {
			out = append(out, Loss{from, l.Start})
		}
		from = max(from, l.End)
	}
	if from < to {
		out = append(out, Loss{from, to})
	}
	return out
}

// crossLosses moves a plan behind the loss at its start. It returns the plan to commit first, over the loss, and the
// plan to go on with. A loss with its end inside a batch under way is an error, because a part of the batch may be
// stored.
func (p Plan) crossLosses(losses []Loss, log logBounds) (over, next Plan, err error) {
	to := skipLosses(losses, p.Start)
	switch {
	case to < p.End:
		return p, p, fmt.Errorf("%w: the recorded loss ends at offset %d, within the batch [%d, %d) that was under way; record the loss up to offset %d",
			ErrStop, to, p.Start, p.End, p.End)
	case to > log.end:
		return p, p, fmt.Errorf("%w: the recorded loss ends at offset %d, and the log at %d", ErrStop, to, log.end)
	}
	over, next = p, p
	over.End = to
	next.Start, next.End = to, to
	next.Rewind = min(skipLosses(losses, p.Rewind), to)
	return over, next, nil
}

// readLosses reads back the partition's recorded losses.
func (w *partitionWorker) readLosses(ctx context.Context) error {
	losses, err := w.cfg.State.Losses(ctx, w.cfg.Topic, w.number)
	if err != nil {
		return err
	}
	slices.SortFunc(losses, func(a, b Loss) int { return cmp.Compare(a.Start, b.Start) })
	w.losses = losses
	return nil
}
