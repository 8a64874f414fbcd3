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

// fetched is what one fetch brought, and when.
type fetched struct {
	shard.Records
	at time.Time
}

// partition is what is known of a partition, apart from the generation that runs it. It belongs to one goroutine at a time: the one that takes
// the partition over, then process.
type partition struct {
	cfg    *Config
	number int32
	log    zerolog.Logger
	shard  *shard.Shard
	losses []Loss // in order

	nextOffset int64     // after the last record taken; the next batch begins there, even when the log has a hole
	logEnd     int64     // of the log, as of the last fetch
	caughtUp   bool      // the last fetch reached the end of the log
	heard      time.Time // when the last record was taken
}

// partitionWorker runs a partition for one generation. fetch, process and flush are one goroutine each, joined by
// bounded channels: when the sink stands still, flush does, then process, then fetch, and Kafka keeps the backlog.
type partitionWorker struct {
	partition
	generation Generation

	fetched chan *fetched // full buffers, fetch -> process
	empty   chan *fetched // empty buffers, process -> fetch
	ready   chan *Batch   // batches to write, process -> flush
	free    chan *Batch   // written batches, flush -> process

	takenOver func()       // told when the partition has been taken over; may be nil
	stored    atomic.Int64 // flush: everything before this offset is durable and committed
}

// Two of each: one is filled while the other is worked on. A third batch would never be filled, since process hands one over before
// it begins the next.
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

// run works until the generation ends (ctx), the worker is fenced, or something cannot be mended.
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

// fetchRecords keeps one fetch ahead of process.
func (w *partitionWorker) fetchRecords(ctx context.Context, from int64) error {
	reader, err := retryTransient(ctx, w, "open the partition", func() (Reader, error) { return w.generation.Open(ctx, w.number, from) })
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	handed := from // offset after the last record given to process
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
		case w.fetched <- into: // also what came before a failure
		case <-ctx.Done():
			return ctx.Err()
		}
		if failed != nil {
			w.storeBefore(ctx, handed)
			return failed
		}
	}
}

// storeBefore waits until what was fetched before the offset is stored and committed, so that a partition stops at the record that cannot
// be fetched and not somewhere before it.
func (w *partitionWorker) storeBefore(ctx context.Context, offset int64) {
	for w.stored.Load() < offset && pauseFor(ctx, 10*time.Millisecond) {
	}
}

// fillBatches turns records into batches, as its builder says. A full batch does not wait and stops the intake.
//
// Of several things ready at once the first of this order is taken: the end, handing over, records, timers. A select
// would pick at random, and a simulated run could not be repeated.
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

// openBatch starts a batch at offset, under the versions current now. The ranges of a partition leave no gap: the offsets of a
// hole (compaction, transaction markers) belong to the batch after it.
func (w *partitionWorker) openBatch(b *Batch, offset int64) {
	b.versions = w.cfg.Versions()
	b.opened = time.Now()
	b.forgotten = w.shard.Forgotten()
	b.Range = Range{Topic: w.cfg.Topic, Partition: w.number, Start: offset, End: offset}
	b.Totals.CatalogueVersion = b.versions.Engine.Catalogue().Version()
	b.Totals.ReferenceVersion = b.versions.Reference.Version()
	b.plan = newPlan(w.shard, offset)
}

// completeBatch completes a batch for the hand-over: its totals and its plans. It may be called again for the same batch.
func (w *partitionWorker) completeBatch(b *Batch) *Batch {
	if !b.Balanced() {
		panic(fmt.Sprintf("BUG: batch %+v does not balance: %+v", b.Range, b.Totals))
	}
	b.Totals.Clock = w.shard.Clock()
	now := w.shard.Forgotten()
	b.Counts.Forgotten = shard.Forgotten{IDs: now.IDs - b.forgotten.IDs, Passages: now.Passages - b.forgotten.Passages}
	b.plan.End = b.Range.End
	b.plan.Catalogue, b.plan.Reference = b.Totals.CatalogueVersion, b.Totals.ReferenceVersion
	b.after = newPlan(w.shard, b.Range.End)
	return b
}

// writeTick writes a tick when one is due: open passages close while the partition is idle, and new lists are matched against the vehicles in
// view. Time counts from the last record by this machine's clock, wherever that stands.
func (w *partitionWorker) writeTick(ctx context.Context) {
	if !w.caughtUp {
		return
	}
	versions := w.cfg.Versions()
	at, due := w.shard.TickAt(schemas.Micros(time.Since(w.heard).Microseconds()), versions.Names())
	if !due {
		return
	}
	if err := w.generation.Tick(ctx, w.number, at); err != nil && ctx.Err() == nil {
		w.log.Warn().Err(err).Msg("tick not written; open passages wait for the next one")
	}
}

// retryTransient calls f until it succeeds, ctx ends, or the error is final (ErrFenced, ErrStop).
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
