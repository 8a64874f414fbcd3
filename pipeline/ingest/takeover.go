package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// commitState is the group's commit for a partition; offset -1 = never committed.
type commitState struct {
	offset   int64
	metadata string
}

// logBounds are the first offset still in the log and the offset after the last.
type logBounds struct{ first, end int64 }

// StoredExtent is the greatest end offset in the partition's batches rows. Any is false when there is no batches row
// at all.
type StoredExtent struct {
	End int64
	Any bool
}

// errTablesBehind says that the tables have less than was committed. A lagging replica may answer so: the worker asks
// again before it stops.
var errTablesBehind = errors.New("the tables have less than was committed")

// planTakeOver decides how to take a partition over, from three witnesses of its progress: the group's commit, the log
// and the batches rows. Where they disagree, going on would skip records or store them twice, so the worker stops;
// only a person can say what happened. The decision table is in resume_test.go.
func planTakeOver(c commitState, log logBounds, led StoredExtent, losses []Loss) (Plan, error) {
	if c.offset < 0 {
		switch {
		case skipLosses(losses, 0) > 0 && led.End == skipLosses(losses, 0): // the first records were given up, and nothing was processed
			return Plan{Version: planVersion}, nil
		case led.Any:
			return Plan{}, fmt.Errorf("%w: nothing is committed, but the tables hold ranges up to offset %d: the commits expired, or the topic was made anew; "+
				"set the group's offset to %d by hand, or empty the tables", ErrStop, led.End, led.End)
		case log.first > 0:
			return Plan{}, fmt.Errorf("%w: nothing was ever committed and the log begins at offset %d: records [0, %d) left it before they were processed; "+
				"`anpr partition resume --skip-to %d` records the loss and lets the partition go on", ErrStop, log.first, log.first, log.first)
		}
		return Plan{Version: planVersion}, nil
	}
	p, err := ParsePlan(c.metadata, c.offset)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrStop, err)
	}
	if to := skipLosses(losses, p.Start); to > p.Start && to >= log.first { // takeOver crosses the loss
		return p, nil
	}
	if p.Start < log.first {
		return p, fmt.Errorf("%w: records [%d, %d) left the log before they were processed; `anpr partition resume --skip-to %d` records the loss and lets the partition go on",
			ErrStop, p.Start, log.first, log.first)
	}
	if p.End > log.end {
		return p, fmt.Errorf("%w: offset %d was committed or planned but the log ends at %d: the log was cut; restore it, or set the group's offset by hand",
			ErrStop, p.End, log.end)
	}
	return p, p.checkStoredExtent(led, c.metadata == "")
}

// checkStoredExtent compares a plan with the batches rows. byHand: a person set the offset, and may leave a gap (a
// recorded loss, a first start at the end of a log) but no overlap.
func (p Plan) checkStoredExtent(led StoredExtent, byHand bool) error {
	switch {
	case !led.Any && (byHand || p.UnderWay() || p.Start == 0): // before the first batch
		return nil
	case led.Any && (led.End == p.Start || p.UnderWay() && led.End == p.End):
		return nil
	case led.Any && led.End > p.Start:
		return fmt.Errorf("%w: the group stands at [%d, %d) and the tables hold ranges up to offset %d: the offset was set back, or another group writes into these tables; "+
			"going on would store records twice. Set the group's offset to %d by hand", ErrStop, p.Start, p.End, led.End, led.End)
	case byHand:
		return nil
	}
	return fmt.Errorf("%w: the group stands at [%d, %d) and the tables hold ranges only up to offset %d: the tables were restored from an older state; "+
		"set the group's offset to %d by hand, as long as the log has it", errTablesBehind, p.Start, p.End, led.End, led.End)
}

// tablesPatience is how long the worker asks tables which are behind again: several times the delay of a working
// replica.
const tablesPatience = 30 * time.Second

// findPlan finds the offset to go on from, and stops when the commit, the log and the tables contradict each other.
func (w *partitionWorker) findPlan(ctx context.Context) (Plan, error) {
	since := time.Now()
	var log logBounds
	plan, err := retryTransient(ctx, w, "find the committed offset", func() (Plan, error) {
		// The batches rows are read first: a stored range was planned before, so a later read of the commit cannot be older.
		// Otherwise a worker paused in between would take its successor's progress for a contradiction. The log's bounds are
		// read last: a plan made in between may reach beyond an older end.
		led, err := w.cfg.State.Reached(ctx, w.cfg.Topic, w.number)
		if err != nil {
			return Plan{}, err
		}
		offset, metadata, err := w.generation.Committed(ctx, w.number)
		if err != nil {
			return Plan{}, err
		}
		if log.first, log.end, err = w.generation.Bounds(ctx, w.number); err != nil {
			return Plan{}, err
		}
		if err := w.readLosses(ctx); err != nil {
			return Plan{}, err
		}
		p, err := planTakeOver(commitState{offset, metadata}, log, led, w.losses)
		if errors.Is(err, errTablesBehind) && time.Since(since) > tablesPatience {
			err = fmt.Errorf("%w: %w", ErrStop, err)
		}
		return p, err
	})
	if err != nil {
		return plan, fmt.Errorf("partition %d: %w", w.number, err)
	}
	if plan.Rewind < log.first {
		w.log.Warn().Int64("from", log.first).Msg("part of the state's horizon left the log; repeats of older reads may be stored again")
		plan.Rewind = log.first
	}
	return plan, nil
}
