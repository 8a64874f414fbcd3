package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

const (
	// announcementsKnown is how old a worker's knowledge of announcements may be when it takes records: less than the lead, by
	// more than the clocks of two machines differ.
	announcementsKnown = time.Duration(schemas.AnnouncementLead) * time.Microsecond / 2
	// markAfter is how long after the instant a partition waits for its own records to say so.
	markAfter = 2 * time.Second
)

// Activation is a version of the catalogue that was announced, and the instant in the log's time from which on it
// decides.
//
// A partition changes at the first record with which the log's time is at or past the instant ([shard.Shard.FirstPast])
// and the owner's own clock is too. A passage is decided under the catalogue in force at the record that closes it,
// whenever it was captured; a straggler under the one at its own record. So a batch never has two catalogues.
//
// Where a partition has changed is written down before anything is decided under the new catalogue: first in the
// offset commit, which a stale owner cannot make, then in the announcements, for whoever reads the log again. From
// then on the place counts, and no clock.
type Activation struct {
	ID      string
	Instant schemas.Micros
	Offset  int64 // where the partition changed; -1 = not yet
}

// Activations says which catalogue decides where. Safe for concurrent use.
type Activations interface {
	// Await returns when every announcement from before the moment is known. An error may be tried again.
	Await(ctx context.Context, before time.Time) error
	// Resume returns the activation in force for a partition at an offset: the planned one, from the commit of the last
	// owner, or a later one with a recorded place at or below the offset. "" = before the first.
	Resume(partition int32, offset int64, planned string) (string, error)
	// Next returns the activation after another one, or the first after "". ok is false when there is none.
	Next(partition int32, after string) (next Activation, ok bool)
	// Versions returns the versions to decide under. An error that wraps ErrStop says that they cannot be had.
	Versions(ctx context.Context, activation string) (shard.Versions, error)
	// Record writes down that the partition changed at the offset. An error may be tried again; twice is as once.
	Record(ctx context.Context, partition int32, activation string, offset int64) error
}

// versions returns the versions for the next batch.
func (w *partitionWorker) versions(ctx context.Context) (shard.Versions, error) {
	if w.cfg.Activations == nil {
		return w.cfg.Versions(), nil
	}
	return w.cfg.Activations.Versions(ctx, w.activation)
}

// planAt returns the commit for offset, with nothing under way.
func (w *partitionWorker) planAt(offset int64) Plan {
	p := newPlan(w.shard, offset)
	p.Activation = w.activation
	return p
}

// awaitAnnouncements waits until every announcement is known that can count for records fetched at a moment.
func (w *partitionWorker) awaitAnnouncements(ctx context.Context, fetched time.Time) error {
	if w.cfg.Activations == nil {
		return nil
	}
	_, err := retryTransient(ctx, w, "follow the announcements", func() (struct{}, error) {
		return struct{}{}, w.cfg.Activations.Await(ctx, fetched.Add(-announcementsKnown))
	})
	return err
}

// resumeActivation finds the activation in force at the plan's start. An owner that died after its commit and before the
// place was recorded has it recorded here.
func (w *partitionWorker) resumeActivation(ctx context.Context, plan Plan) error {
	a := w.cfg.Activations
	if a == nil {
		return nil
	}
	_, err := retryTransient(ctx, w, "follow the announcements", func() (struct{}, error) { return struct{}{}, a.Await(ctx, time.Now()) })
	if err != nil {
		return err
	}
	if w.activation, err = a.Resume(w.number, plan.Start, plan.Activation); err != nil || w.activation == "" {
		return err
	}
	return w.recordActivation(ctx, plan.Start)
}

// recordActivation writes down where the partition changed, unless it is recorded.
func (w *partitionWorker) recordActivation(ctx context.Context, offset int64) error {
	_, err := retryTransient(ctx, w, "record where a catalogue begins", func() (struct{}, error) {
		return struct{}{}, w.cfg.Activations.Record(ctx, w.number, w.activation, offset)
	})
	return err
}

// findActivation returns the end of those of the records [from, to) that are decided under the activation in force,
// and the activation after them. The end is to when all are.
func (w *partitionWorker) findActivation(v *shard.Versions, recs *shard.Records, from, to int) (int, Activation) {
	if w.cfg.Activations == nil {
		return to, Activation{}
	}
	next, ok := w.cfg.Activations.Next(w.number, w.activation)
	switch {
	case !ok:
		return to, next
	case next.Offset >= 0:
		for i := from; i < to; i++ {
			if offset, _ := recs.At(i); offset >= next.Offset {
				return i, next
			}
		}
		return to, next
	case w.cfg.now().Before(next.Instant.Time()):
		return to, next
	}
	return w.shard.FirstPast(v, recs, from, to, next.Instant), next
}

// beginActivation ends the batch and lets the next one be decided under an activation. It returns when everything
// before is stored and the place is written down.
func (b *batchBuilder) beginActivation(ctx context.Context, next Activation) error {
	w := b.w
	if b.batch.Fetched > 0 && !b.handOverFull(ctx) {
		return ctx.Err()
	}
	b.batch.reset() // it was opened under the former
	w.storeBefore(ctx, w.nextOffset)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, err := w.cfg.Activations.Versions(ctx, next.ID); err != nil {
		return fmt.Errorf("partition %d stands before offset %d: %w", w.number, w.nextOffset, err)
	}
	w.activation = next.ID
	if err := w.commitPlan(ctx, w.planAt(w.nextOffset)); err != nil {
		return err
	}
	if err := w.recordActivation(ctx, w.nextOffset); err != nil {
		return err
	}
	w.log.Info().Str("activation", next.ID).Int64("offset", w.nextOffset).Msg("the partition is decided under another catalogue from here on")
	return nil
}

// markActivation writes a mark when an activation is due by this machine's clock and the partition has no records that say so.
func (w *partitionWorker) markActivation(ctx context.Context) {
	if w.cfg.Activations == nil || !w.caughtUp {
		return
	}
	next, ok := w.cfg.Activations.Next(w.number, w.activation)
	now := w.cfg.now()
	if !ok || next.Offset >= 0 || next.ID == w.marked || now.Before(next.Instant.Time().Add(markAfter)) {
		return
	}
	if err := w.generation.Mark(ctx, w.number, schemas.MicrosOf(now)); err != nil {
		if ctx.Err() == nil {
			w.log.Warn().Err(err).Msg("mark not written; the activation waits for the next one")
		}
		return
	}
	w.marked = next.ID
}
