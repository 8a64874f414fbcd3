package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// recover rebuilds the shard at the committed offset and finishes the batch that was under way, if any. It returns the
// offset to go on from.
func (r *runner) recover(ctx context.Context) (int64, error) {
	began := time.Now()
	plan, err := r.committed(ctx)
	if err != nil {
		return 0, err
	}
	if beyond(r.losses, plan.Start) > plan.Start {
		if plan, err = r.crossLoss(ctx, plan); err != nil {
			return 0, err
		}
	}
	r.shard = shard.New(r.cfg.shard(r.partition), plan.rewind())
	if err := r.restoreTold(ctx, plan); err != nil {
		return 0, err
	}
	versions := r.cfg.Versions()
	reread := 0
	err = r.replay(ctx, plan.Rewind, plan.Start, func(recs *shard.Records, n int) {
		r.shard.Process(&versions, recs, 0, n, nil, nil)
		reread += n
	})
	if err != nil {
		return 0, fmt.Errorf("rebuild state of partition %d: %w", r.partition, err)
	}
	r.shard.SetMatched(plan.matched())
	if err := r.restore(ctx, plan.Start); err != nil {
		return 0, err
	}
	if plan.UnderWay() {
		if err := r.finish(ctx, plan); err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	r.cfg.Metrics.recovered(took, reread, plan.UnderWay())
	r.cfg.Metrics.fills.set(r.partition, r.shard.Fill())
	r.log.Info().Int64("offset", plan.End).Int("reread", reread).Bool("plan_under_way", plan.UnderWay()).
		Dur("took", took).Msg("partition taken over")
	return plan.End, nil
}

// crossLoss commits that the records of a loss are dealt with, as those of a batch are: its plan, its range in the ledger, which is there
// already, and the offset behind it. Whatever ends the process in between, the next owner does the same.
func (r *runner) crossLoss(ctx context.Context, plan Plan) (Plan, error) {
	led, err := retry(ctx, r, "find the end of the ledger", func() (StoredExtent, error) { return r.cfg.State.Reached(ctx, r.cfg.Topic, r.partition) })
	if err != nil {
		return plan, err
	}
	bounds, err := retry(ctx, r, "find the bounds of the log", func() (b logBounds, err error) {
		b.first, b.end, err = r.sess.Bounds(ctx, r.partition)
		return b, err
	})
	if err != nil {
		return plan, err
	}
	over, next, err := plan.crossLosses(r.losses, bounds)
	if err == nil {
		err = next.agrees(led, false)
	}
	if err != nil {
		return plan, fmt.Errorf("partition %d: %w", r.partition, err)
	}
	r.log.Warn().Int64("from", over.Start).Int64("to", over.End).Msg("a recorded loss: the partition goes on behind it")
	if err := r.commit(ctx, over); err != nil {
		return plan, err
	}
	return next, r.commit(ctx, next)
}

// restoreTold loads which hits were told of the records that are read back.
func (r *runner) restoreTold(ctx context.Context, plan Plan) error {
	if plan.Rewind >= plan.Start {
		return nil
	}
	told, err := retry(ctx, r, "read back hits", func() ([]shard.Told, error) {
		return r.cfg.State.Told(ctx, r.partition, plan.Rewind, plan.Start)
	})
	r.shard.RestoreTold(told)
	return err
}

// restore loads what outlives the horizon from the tables.
func (r *runner) restore(ctx context.Context, below int64) error {
	since := r.shard.OffencesSince()
	offences, err := retry(ctx, r, "read back offences", func() ([]schemas.Earlier, error) {
		return r.cfg.State.Offences(ctx, r.partition, below, since)
	})
	if err != nil {
		return err
	}
	seals, err := retry(ctx, r, "read back seals", func() (map[string]schemas.Sum, error) {
		return r.cfg.State.Seals(ctx, r.partition, below)
	})
	if err != nil {
		return err
	}
	r.shard.Restore(offences, seals)
	return nil
}

// finish makes exactly the planned batch again and writes it. Its plan is committed anew first, under this generation:
// that is the fence against the previous owner.
func (r *runner) finish(ctx context.Context, plan Plan) error {
	b := <-r.free
	b.reset()
	r.open(b, plan.Start)
	others := false
	if c := b.Totals; (plan.Catalogue != c.CatalogueVersion || plan.Reference != c.ReferenceVersion) && plan.Catalogue != "" {
		// The tables may have the batch as planned and drop this one: what the new lists say of the vehicles in view waits for the next.
		others = true
		r.shard.SetMatched(b.versions.Names())
		r.log.Warn().Str("planned_catalogue", plan.Catalogue).Str("catalogue", c.CatalogueVersion).
			Str("planned_reference", plan.Reference).Str("reference", c.ReferenceVersion).
			Msg("the batch under way was planned with other versions; rows already inserted keep those")
	}
	err := r.replay(ctx, plan.Start, plan.End, func(recs *shard.Records, n int) {
		b.process(r.shard, &b.versions, recs, 0, n)
	})
	if err != nil {
		return fmt.Errorf("rebuild the batch under way of partition %d: %w", r.partition, err)
	}
	b.Range.End = plan.End
	if others {
		r.shard.SetMatched(shard.VersionNames{})
	}
	r.sealed(b, true)
	taken := time.Now()
	if err := r.commit(ctx, plan); err != nil {
		return err
	}
	if err := r.write(ctx, b, taken); err != nil {
		return err
	}
	if err := r.commit(ctx, b.after); err != nil {
		return err
	}
	r.free <- b
	return nil
}

// replay reads the records [from, to) but for those given up, and shows them, the first n of a fetch at a time. Offsets missing in between
// (compaction, transaction markers) are normal.
func (r *runner) replay(ctx context.Context, from, to int64, visit func(recs *shard.Records, n int)) error {
	for _, part := range Outside(r.losses, from, to) {
		if err := r.replayPart(ctx, part.Start, part.End, visit); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) replayPart(ctx context.Context, from, to int64, visit func(recs *shard.Records, n int)) error {
	reader, err := retry(ctx, r, "open the partition", func() (Reader, error) { return r.sess.Open(ctx, r.partition, from) })
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	recs := &shard.Records{}
	for next := from; next < to; {
		recs.Reset()
		_, failed := retry(ctx, r, "fetch", func() (struct{}, error) { return struct{}{}, reader.Fetch(ctx, recs) })
		n := 0
		for n < recs.Len() && next < to {
			offset, _ := recs.At(n)
			next = offset + 1
			if offset < to {
				n++
			}
		}
		visit(recs, n)
		if failed != nil && next < to { // what cannot be fetched may lie behind what is wanted
			return failed
		}
	}
	return nil
}
