package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// takeOver rebuilds the shard at the committed offset and finishes the batch under way, if any. It returns the offset
// to go on from.
func (w *partitionWorker) takeOver(ctx context.Context) (int64, error) {
	began := time.Now()
	plan, err := w.findPlan(ctx)
	if err != nil {
		return 0, err
	}
	if skipLosses(w.losses, plan.Start) > plan.Start {
		if plan, err = w.crossLoss(ctx, plan); err != nil {
			return 0, err
		}
	}
	reread, err := w.rebuildShard(ctx, plan)
	if err != nil {
		return 0, fmt.Errorf("rebuild state of partition %d: %w", w.number, err)
	}
	if w.cfg.rebuilt != nil {
		w.cfg.rebuilt(w.shard)
	}
	w.shard.SetMatched(plan.matchedVersions())
	if err := w.restoreLongMemory(ctx, plan.Start); err != nil {
		return 0, err
	}
	if err := w.resumeActivation(ctx, plan); err != nil {
		return 0, err
	}
	if plan.UnderWay() {
		if err := w.finishPlan(ctx, plan); err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	w.cfg.Metrics.countTakeOver(took, reread, plan.UnderWay())
	w.cfg.Metrics.fills.setValue(w.number, w.shard.Fill())
	w.log.Info().Int64("offset", plan.End).Int("reread", reread).Bool("plan_under_way", plan.UnderWay()).
		Dur("took", took).Msg("partition taken over")
	return plan.End, nil
}

// rebuildShard makes the shard and reads back its state at the plan's start. It returns how many records it read.
func (w *partitionWorker) rebuildShard(ctx context.Context, plan Plan) (reread int, err error) {
	versions := w.cfg.Versions()
	visit := func(recs *shard.Records, n int) {
		w.shard.Process(&versions, recs, 0, n, nil, nil)
		reread += n
	}
	from, err := w.findRewind(ctx, plan)
	if err != nil {
		return 0, err
	}
	w.shard = shard.New(w.cfg.shardConfig(w.number), from)
	if err := w.restoreTold(ctx, from.Offset, plan.Start); err != nil {
		return 0, err
	}
	if from.Offset < plan.Rewind {
		if err := w.readBack(ctx, from.Offset, plan.Rewind, visit); err != nil {
			return 0, err
		}
		w.shard.ResumeAt(plan.rewindPoint())
	}
	return reread, w.readBack(ctx, plan.Rewind, plan.Start, visit)
}

// crossLoss commits the records in a loss as done, like a batch: the plan, the range, whose batches row exists
// already, and the offset behind the loss. If the process dies in between, the next owner does the same.
func (w *partitionWorker) crossLoss(ctx context.Context, plan Plan) (Plan, error) {
	led, err := retryTransient(ctx, w, "find the end of the ledger", func() (StoredExtent, error) { return w.cfg.State.Reached(ctx, w.cfg.Topic, w.number) })
	if err != nil {
		return plan, err
	}
	bounds, err := retryTransient(ctx, w, "find the bounds of the log", func() (b logBounds, err error) {
		b.first, b.end, err = w.generation.Bounds(ctx, w.number)
		return b, err
	})
	if err != nil {
		return plan, err
	}
	over, next, err := plan.crossLosses(w.losses, bounds)
	if err == nil {
		err = next.checkStoredExtent(led, false)
	}
	if err != nil {
		return plan, fmt.Errorf("partition %d: %w", w.number, err)
	}
	w.log.Warn().Int64("from", over.Start).Int64("to", over.End).Msg("a recorded loss: the partition goes on behind it")
	if err := w.commitPlan(ctx, over); err != nil {
		return plan, err
	}
	return next, w.commitPlan(ctx, next)
}

// restoreTold loads the hits told for the records [from, to) to be read back.
func (w *partitionWorker) restoreTold(ctx context.Context, from, to int64) error {
	if from >= to {
		return nil
	}
	told, err := retryTransient(ctx, w, "read back hits", func() ([]shard.Told, error) {
		return w.cfg.State.Told(ctx, w.number, from, to)
	})
	w.shard.RestoreTold(told)
	return err
}

// restoreLongMemory loads the state beyond the horizon from the tables.
func (w *partitionWorker) restoreLongMemory(ctx context.Context, below int64) error {
	since := w.shard.OffencesSince()
	offences, err := retryTransient(ctx, w, "read back offences", func() ([]schemas.PriorOffence, error) {
		return w.cfg.State.Offences(ctx, w.number, below, since)
	})
	if err != nil {
		return err
	}
	seals, err := retryTransient(ctx, w, "read back seals", func() (map[string]schemas.Sum, error) {
		return w.cfg.State.Seals(ctx, w.number, below)
	})
	if err != nil {
		return err
	}
	w.shard.Restore(offences, seals)
	return nil
}

// finishPlan makes exactly the planned batch again and writes it. The plan is committed anew first, under this
// generation: this is the fence against the previous owner.
func (w *partitionWorker) finishPlan(ctx context.Context, plan Plan) error {
	b := <-w.free
	b.reset()
	if err := w.openBatch(ctx, b, plan.Start); err != nil {
		return err
	}
	others := false
	if c := b.Totals; (plan.Catalogue != c.CatalogueVersion || plan.Reference != c.ReferenceVersion) && plan.Catalogue != "" {
		// The tables may have the batch as planned and drop this copy: hits from new lists on the vehicles in view wait for
		// the next batch.
		others = true
		w.shard.SetMatched(b.versions.Names())
		w.log.Warn().Str("planned_catalogue", plan.Catalogue).Str("catalogue", c.CatalogueVersion).
			Str("planned_reference", plan.Reference).Str("reference", c.ReferenceVersion).
			Msg("the batch under way was planned with other versions; rows already inserted keep those")
	}
	err := w.readBack(ctx, plan.Start, plan.End, func(recs *shard.Records, n int) {
		b.processRecords(w.shard, &b.versions, recs, 0, n)
	})
	if err != nil {
		return fmt.Errorf("rebuild the batch under way of partition %d: %w", w.number, err)
	}
	b.Range.End = plan.End
	if others {
		w.shard.SetMatched(shard.VersionNames{})
	}
	w.completeBatch(b)
	taken := time.Now()
	if err := w.commitPlan(ctx, plan); err != nil {
		return err
	}
	if err := w.writeBatch(ctx, b, taken); err != nil {
		return err
	}
	if err := w.commitPlan(ctx, b.after); err != nil {
		return err
	}
	w.free <- b
	return nil
}

// readBack reads the records [from, to) outside all losses and calls visit with the first n records from each fetch.
// Missing offsets in between (compaction, transaction markers) are normal.
func (w *partitionWorker) readBack(ctx context.Context, from, to int64, visit func(recs *shard.Records, n int)) error {
	for _, part := range RangesOutside(w.losses, from, to) {
		if err := w.readBackPart(ctx, part.Start, part.End, visit); err != nil {
			return err
		}
	}
	return nil
}

func (w *partitionWorker) readBackPart(ctx context.Context, from, to int64, visit func(recs *shard.Records, n int)) error {
	reader, err := retryTransient(ctx, w, "open the partition", func() (Reader, error) { return w.generation.Open(ctx, w.number, from) })
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	recs := &shard.Records{}
	for next := from; next < to; {
		recs.Reset()
		_, failed := retryTransient(ctx, w, "fetch", func() (struct{}, error) { return struct{}{}, reader.Fetch(ctx, recs) })
		n := 0
		for n < recs.Len() && next < to {
			offset, _ := recs.At(n)
			next = offset + 1
			if offset < to {
				n++
			}
		}
		visit(recs, n)
		if failed != nil && next < to { // an unreadable record at or after to does not matter here
			return failed
		}
	}
	return nil
}
