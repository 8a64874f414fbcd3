package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// fetched holds the records from one fetch and the time of the fetch.
type fetched struct {
	shard.Records
	at time.Time
}

// partition is the knowledge about a partition, apart from the generation running it. It belongs to one goroutine at a
// time: takeOver's, then fillBatches'.
type partition struct {
	cfg    *Config
	number int32
	log    zerolog.Logger
	shard  *shard.Shard
	losses []Loss // sorted by start

	nextOffset int64     // after the last taken record; the next batch begins there, even when the log has a hole
	logEnd     int64     // end of the log at the last fetch
	caughtUp   bool      // the last fetch reached the end of the log
	activation string    // in force for the batch that is filling; "" = before the first
	marked     string    // activation for which this owner wrote a mark
	heard      time.Time // when the last record was taken
}

// partitionWorker runs a partition for one generation. fetchRecords, fillBatches and flushBatches are one goroutine
// each, joined by bounded channels. When the sink stands still, flushBatches waits, then fillBatches, then
// fetchRecords, and Kafka keeps the backlog.
type partitionWorker struct {
	partition
	generation Generation

	fetched chan *fetched // full buffers, fetchRecords -> fillBatches
	empty   chan *fetched // empty buffers, fillBatches -> fetchRecords
	ready   chan *Batch   // batches to write, fillBatches -> flushBatches
	free    chan *Batch   // written batches, flushBatches -> fillBatches

	takenOver func()       // called when the take-over is complete; may be nil
	stored    atomic.Int64 // set by flushBatches: everything before this offset is durable and committed
}

// Two buffers each: one fills while the other is worked on. A third batch would never fill, since fillBatches hands a
// batch over before it begins the next.
const (
	fetchBuffers = 2
	batchBuffers = 2
)

func newPartitionWorker(cfg *Config, generation Generation, number int32) *partitionWorker {
	w := &partitionWorker{
		partition:  partition{cfg: cfg, number: number, log: cfg.Logger.With().Int32("partition", number).Logger()},
		generation: generation,
		fetched:    make(chan *fetched, fetchBuffers), empty: make(chan *fetched, fetchBuffers),
		ready: make(chan *Batch), free: make(chan *Batch, batchBuffers),
	}
	for range fetchBuffers {
		w.empty <- &fetched{}
	}
	for range batchBuffers {
		w.free <- newBatch(cfg.Sink.NewBlock(), cfg.Publisher)
	}
	return w
}

// run works until the generation ends (ctx), the worker is fenced, or an error cannot be mended.
func (w *partitionWorker) run(ctx context.Context) error {
	next, err := w.takeOver(ctx)
	if err != nil {
		return err
	}
	if w.takenOver != nil {
		w.takenOver()
	}
	w.stored.Store(next)
	w.nextOffset, w.heard = next, time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.fetchRecords(ctx, next) })
	g.Go(func() error { return w.fillBatches(ctx) })
	g.Go(func() error { return w.flushBatches(ctx) })
	return g.Wait()
}

// fetchRecords keeps one fetch ahead of fillBatches.
func (w *partitionWorker) fetchRecords(ctx context.Context, from int64) error {
	reader, err := retryTransient(ctx, w, "open the partition", func() (Reader, error) { return w.generation.Open(ctx, w.number, from) })
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	handed := from // offset after the last record given to fillBatches
	for {
		var into *fetched
		select {
		case into = <-w.empty:
		case <-ctx.Done():
			return ctx.Err()
		}
		into.Reset()
		_, failed := retryTransient(ctx, w, "fetch", func() (struct{}, error) { return struct{}{}, reader.Fetch(ctx, &into.Records) })
		into.at = time.Now()
		if n := into.Len(); n > 0 {
			last, _ := into.At(n - 1)
			handed = last + 1
		}
		select {
		case w.fetched <- into: // also the records before a failure
		case <-ctx.Done():
			return ctx.Err()
		}
		if failed != nil {
			w.storeBefore(ctx, handed)
			return failed
		}
	}
}

// storeBefore waits until the records before offset are stored and committed, so a partition stops exactly at the
// record which cannot be fetched, not before.
func (w *partitionWorker) storeBefore(ctx context.Context, offset int64) {
	for w.stored.Load() < offset && pauseFor(ctx, 10*time.Millisecond) {
	}
}

// fillBatches turns records into batches, as its builder decides. A full batch does not wait and stops the intake.
//
// When several events are ready at once, the first in this order wins: the end, handing over, records, timers. A
// single select would pick at random, and a simulated run could not be repeated.
func (w *partitionWorker) fillBatches(ctx context.Context) error {
	b := newBatchBuilder(w)
	defer b.stopTimers()
	for {
		to, batch := b.handOverTo()
		select {
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if to != nil {
			select {
			case to <- batch:
				if !b.startNextBatch(ctx) {
					return ctx.Err()
				}
				continue
			default:
			}
		}
		select {
		case recs := <-w.fetched:
			if err := b.consumeFetch(ctx, recs); err != nil {
				return err
			}
			continue
		default:
		}
		select {
		case recs := <-w.fetched:
			if err := b.consumeFetch(ctx, recs); err != nil {
				return err
			}
		case to <- batch:
			if !b.startNextBatch(ctx) {
				return ctx.Err()
			}
		case <-b.linger.C:
			b.advanceLinger()
		case <-b.idle.C:
			w.writeTick(ctx)
			b.idle.Reset(w.cfg.TickAfter)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openBatch starts a batch at offset, under the current versions. A partition's ranges leave no gap: a hole in the log
// (compaction, transaction markers) belongs to the batch after the hole.
func (w *partitionWorker) openBatch(ctx context.Context, b *Batch, offset int64) (err error) {
	if b.versions, err = w.versions(ctx); err != nil {
		return err
	}
	b.opened = time.Now()
	b.forgotten = w.shard.Forgotten()
	b.Range = Range{Topic: w.cfg.Topic, Partition: w.number, Start: offset, End: offset}
	b.Totals.CatalogueVersion = b.versions.Engine.Catalogue().Version()
	b.Totals.ReferenceVersion = b.versions.Reference.Version()
	b.plan = w.planAt(offset)
	return nil
}

// completeBatch sets the totals and plans for the hand-over. It may be called again for the same batch.
func (w *partitionWorker) completeBatch(b *Batch) *Batch {
	if !b.Balanced() {
		panic(fmt.Sprintf("BUG: batch %+v does not balance: %+v", b.Range, b.Totals))
	}
	b.Totals.Clock = w.shard.Clock()
	now := w.shard.Forgotten()
	b.Counts.Forgotten = shard.Forgotten{IDs: now.IDs - b.forgotten.IDs, Passages: now.Passages - b.forgotten.Passages, History: now.History - b.forgotten.History}
	b.plan.End = b.Range.End
	b.plan.Catalogue, b.plan.Reference = b.Totals.CatalogueVersion, b.Totals.ReferenceVersion
	b.after = w.planAt(b.Range.End)
	return b
}

// writeTick writes a tick when due: open passages close while the partition is idle, and new lists are matched against
// the vehicles in view. Time counts from the last record by this machine's clock, however wrong the clock's date is.
func (w *partitionWorker) writeTick(ctx context.Context) {
	if !w.caughtUp {
		return
	}
	versions, err := w.versions(ctx)
	if err != nil {
		return // the next batch says so
	}
	at, due := w.shard.TickAt(schemas.Micros(time.Since(w.heard).Microseconds()), versions.Names())
	if !due {
		return
	}
	if err := w.generation.Tick(ctx, w.number, at); err != nil && ctx.Err() == nil {
		w.log.Warn().Err(err).Msg("tick not written; open passages wait for the next one")
	}
}

// retryTransient calls f until success, the end of ctx, or a final error (ErrFenced, ErrStop).
func retryTransient[T any](ctx context.Context, w *partitionWorker, what string, f func() (T, error)) (T, error) {
	wait := 20 * time.Millisecond
	for n := 0; ; n++ {
		v, err := f()
		if err == nil {
			return v, nil
		}
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		if errors.Is(err, ErrFenced) || errors.Is(err, ErrStop) {
			return v, fmt.Errorf("%s: %w", what, err)
		}
		if n%10 == 3 {
			w.log.Warn().Err(err).Int("attempt", n+1).Msg(what + ": trying again")
		}
		select {
		case <-time.After(wait/2 + w.cfg.jitter(wait)):
		case <-ctx.Done():
			return v, ctx.Err()
		}
		wait = min(2*wait, 2*time.Second)
	}
}
