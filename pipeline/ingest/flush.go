package ingest

import (
	"context"
	"time"
)

// flushBatches writes batch after batch: plan, insert, wait, commit. When the next batch is already waiting, the
// commit after this batch and the plan before the next are one request.
func (w *partitionWorker) flushBatches(ctx context.Context) error {
	var batch *Batch
	for {
		if batch == nil {
			select {
			case batch = <-w.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		taken := time.Now()
		batch.stamps.noteTaken(w.cfg.Metrics.stages, taken)
		if err := w.commitPlan(ctx, batch.plan); err != nil {
			return err
		}
		if err := w.writeBatch(ctx, batch, taken); err != nil {
			return err
		}
		var following *Batch
		select {
		case following = <-w.ready:
		default:
			if err := w.commitPlan(ctx, batch.after); err != nil {
				return err
			}
			w.stored.Store(batch.Range.End)
		}
		w.free <- batch
		batch = following
	}
}

// writeBatch inserts the batch's rows and waits for its published messages. taken is when the commit of its plan
// began.
func (w *partitionWorker) writeBatch(ctx context.Context, b *Batch, taken time.Time) error {
	began := time.Now()
	if err := w.insertBatch(ctx, b); err != nil {
		return err
	}
	inserted := time.Now()
	b.stamps.noteWritten(w.cfg.Metrics.stages, taken, began, inserted, int(b.Totals.Fetched))
	if err := b.Pending.Wait(ctx); err != nil {
		return err
	}
	w.cfg.Metrics.countBatch(b, inserted.Sub(began), time.Since(inserted), time.Since(b.opened))
	return nil
}

func (w *partitionWorker) insertBatch(ctx context.Context, b *Batch) error {
	_, err := retryTransient(ctx, w, "insert the batch", func() (struct{}, error) {
		return struct{}{}, w.cfg.Sink.Insert(ctx, b.Range, &b.Totals, b.Block)
	})
	return err
}

// commitPlan commits a plan at its start offset. A stale generation ends the partition's worker here, before anything
// is inserted.
func (w *partitionWorker) commitPlan(ctx context.Context, p Plan) error {
	_, err := retryTransient(ctx, w, "commit", func() (struct{}, error) {
		return struct{}{}, w.generation.Commit(ctx, w.number, p.Start, p.String())
	})
	return err
}
