package ingest

import (
	"context"
	"time"
)

// flush writes one batch after another: plan, insert, wait, commit. When the next batch is already waiting, the commit
// that ends this one and the plan that begins the next are one request.
func (r *runner) flush(ctx context.Context) error {
	var batch *Batch
	for {
		if batch == nil {
			select {
			case batch = <-r.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		taken := time.Now()
		batch.stamps.taken(r.cfg.Metrics.stages, taken)
		if err := r.commit(ctx, batch.plan); err != nil {
			return err
		}
		if err := r.write(ctx, batch, taken); err != nil {
			return err
		}
		var following *Batch
		select {
		case following = <-r.ready:
		default:
			if err := r.commit(ctx, batch.after); err != nil {
				return err
			}
			r.stored.Store(batch.Range.End)
		}
		r.free <- batch
		batch = following
	}
}

// write inserts the batch's rows and waits for what it published. taken is when its plan began to be committed.
func (r *runner) write(ctx context.Context, b *Batch, taken time.Time) error {
	began := time.Now()
	if err := r.insert(ctx, b); err != nil {
		return err
	}
	inserted := time.Now()
	b.stamps.written(r.cfg.Metrics.stages, taken, began, inserted, int(b.Totals.Fetched))
	if err := b.Pending.Wait(ctx); err != nil {
		return err
	}
	r.cfg.Metrics.written(b, inserted.Sub(began), time.Since(inserted), time.Since(b.opened))
	return nil
}

func (r *runner) insert(ctx context.Context, b *Batch) error {
	_, err := retry(ctx, r, "insert the batch", func() (struct{}, error) {
		return struct{}{}, r.cfg.Sink.Insert(ctx, b.Range, &b.Totals, b.Block)
	})
	return err
}

// commit writes a plan at its start offset. A stale generation ends the runner here, before anything is inserted.
func (r *runner) commit(ctx context.Context, p Plan) error {
	_, err := retry(ctx, r, "commit", func() (struct{}, error) {
		return struct{}{}, r.sess.Commit(ctx, r.partition, p.Start, p.String())
	})
	return err
}
