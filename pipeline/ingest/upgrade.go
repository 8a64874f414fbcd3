package ingest

import (
	"context"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// upgradeMargin is how much more log time than its horizon an owner reads back from a plan with a shorter one: the
// log clock begins there with one source of records and has to hear the others.
const upgradeMargin = 10 * schemas.Minute

// findRewind returns where the state is read back from: the plan's rewind point, or an earlier one when the plan was
// made with a shorter horizon than the owner's, as by a program without the family that compares passages. Reading
// back too much is right.
//
// Log time stands still while nothing is received, so the broker's dates only say where to look. findRewind measures
// the log time from there to the plan's rewind point, looks twice as far back when it is too short, and begins the
// clock by so much earlier.
func (w *partitionWorker) findRewind(ctx context.Context, plan Plan) (shard.Rewind, error) {
	own, planned := w.cfg.Dedup.Horizon(), plan.Horizon
	if planned == 0 {
		planned = own - w.cfg.Dedup.HistorySpan
	}
	at := plan.rewindPoint()
	if own <= planned || plan.Rewind == 0 || plan.RewindClock == 0 {
		return at, nil
	}
	bounds, err := retryTransient(ctx, w, "find the bounds of the log", func() (b logBounds, err error) {
		b.first, b.end, err = w.generation.Bounds(ctx, w.number)
		return b, err
	})
	if err != nil || plan.Rewind <= bounds.first {
		return at, err
	}
	need := own - planned + upgradeMargin
	for back := need; ; back *= 2 {
		received, offset := at.ReceivedAt()-back, bounds.first
		if back < at.ReceivedAt() {
			offset, err = retryTransient(ctx, w, "find an offset by time", func() (int64, error) { return w.generation.OffsetAt(ctx, w.number, received) })
			if err != nil {
				return at, err
			}
			offset = min(max(offset, bounds.first), plan.Rewind)
		}
		passed, err := w.measureLogTime(ctx, shard.RewindBefore(offset, received, at.Clock-back), plan.Rewind)
		if err != nil {
			return at, err
		}
		if passed >= need || offset == bounds.first {
			w.log.Info().Int64("from", offset).Int64("planned", plan.Rewind).
				Msg("the plan was made with a shorter horizon: state is read back from further")
			return shard.RewindBefore(offset, received, at.Clock-passed), nil
		}
	}
}

// measureLogTime returns the log time that passes over the records from a rewind point up to an offset.
func (w *partitionWorker) measureLogTime(ctx context.Context, from shard.Rewind, to int64) (schemas.Micros, error) {
	versions := w.cfg.Versions()
	clock := shard.New(w.cfg.shardConfig(w.number), from)
	err := w.readBack(ctx, from.Offset, to, func(recs *shard.Records, n int) { clock.Process(&versions, recs, 0, n, nil, nil) })
	if err != nil {
		return 0, fmt.Errorf("measure log time: %w", err)
	}
	return clock.LogTime() - from.Clock, nil
}
