package ingest

import (
	"context"
	"time"
)

// flush writes one batch after another: plan, insert, wait, commit. When the next batch is already waiting, the commit
// that ends this one and the plan that begins the next are one request.
func (w *partitionWorker) flush(ctx context.Context) error {
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
		batch.stamps.taken(w.cfg.Metrics.stages, taken)
		if err := w.commit(ctx, batch.plan); err != nil {
			return err
		}
		if err := w.write(ctx, batch, taken); err != nil {
			return err
		}
		var following *Batch
		select {
		case following = <-w.ready:
		default:
			if err := w.commit(ctx, batch.after); err != nil {
				return err
			}
			w.stored.Store(batch.Range.End)
		}
		w.free <- batch
		batch = following
	}
}

// write inserts the batch's rows and waits for what it published. taken is when its plan began to be committed.
func (w *partitionWorker) write(ctx context.Context, b *Batch, taken time.Time) error {
	began := time.Now()
	if err := w.insert(ctx, b); err != nil {
		return err
	}
	inserted := time.Now()
	b.stamps.written(w.cfg.Metrics.stages, taken, began, inserted, int(b.Totals.Fetched))
	if err := b.Pending.Wait(ctx); err != nil {
		return err
	}
	w.cfg.Metrics.written(b, inserted.Sub(began), time.Since(inserted), time.Since(b.opened))
	return nil
}

func (w *partitionWorker) insert(ctx context.Context, b *Batch) error {
	_, err := retry(ctx, w, "insert the batch", func() (struct{}, error) {
		return struct{}{}, w.cfg.Sink.Insert(ctx, b.Range, &b.Totals, b.Block)
	})
	return err
}

// commit writes a plan at its start offset. A stale generation ends the worker of the partition here, before anything is inserted.
func (w *partitionWorker) commit(ctx context.Context, p Plan) error {
	_, err := retry(ctx, w, "commit", func() (struct{}, error) {
		return struct{}{}, w.generation.Commit(ctx, w.number, p.Start, p.String())
	})
	return err
}
