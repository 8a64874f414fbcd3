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

// runner feeds one partition's shard for one generation. fetch, process and flush are one goroutine each, joined by
// bounded channels: when the sink stands still, flush does, then process, then fetch, and Kafka keeps the backlog.
type runner struct {
	cfg       *Config
	sess      Generation
	partition int32
	log       zerolog.Logger
	shard     *shard.Shard

	fetched chan *fetched // full buffers, fetch -> process
	empty   chan *fetched // empty buffers, process -> fetch
	ready   chan *Batch   // batches to write, process -> flush
	free    chan *Batch   // written batches, flush -> process

	going  func()       // told when the partition has been taken over
	losses []Loss       // of the partition, in order
	stored atomic.Int64 // flush: everything before this offset is durable and committed

	upto     int64     // process: offset after the last record taken; the next batch begins there, even when the log has a hole
	end      int64     // process: of the log, as of the last fetch
	caughtUp bool      // process: the last fetch reached the end of the log
	heard    time.Time // process: when the last record was taken
}

// Two of each: one is filled while the other is worked on. A third batch would never be filled, since process hands one over before
// it begins the next.
const (
	fetchBuffers = 2
	batchBuffers = 2
)

func newRunner(cfg *Config, sess Generation, partition int32) *runner {
	r := &runner{
		cfg: cfg, sess: sess, partition: partition,
		log:     cfg.Logger.With().Int32("partition", partition).Logger(),
		fetched: make(chan *fetched, fetchBuffers), empty: make(chan *fetched, fetchBuffers),
		ready: make(chan *Batch), free: make(chan *Batch, batchBuffers),
	}
	for range fetchBuffers {
		r.empty <- &fetched{}
	}
	for range batchBuffers {
		r.free <- newBatch(cfg.Sink.NewBlock(), cfg.Publisher)
	}
	return r
}

// run works until the generation ends (ctx), the worker is fenced, or something cannot be mended.
func (r *runner) run(ctx context.Context) error {
	next, err := r.recover(ctx)
	if err != nil {
		return err
	}
	if r.going != nil {
		r.going()
	}
	r.stored.Store(next)
	r.upto, r.heard = next, time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.fetch(ctx, next) })
	g.Go(func() error { return r.process(ctx) })
	g.Go(func() error { return r.flush(ctx) })
	return g.Wait()
}

// fetch keeps one fetch ahead of process.
func (r *runner) fetch(ctx context.Context, from int64) error {
	reader, err := retry(ctx, r, "open the partition", func() (Reader, error) { return r.sess.Open(ctx, r.partition, from) })
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	handed := from // offset after the last record given to process
	for {
		var into *fetched
		select {
		case into = <-r.empty:
		case <-ctx.Done():
			return ctx.Err()
		}
		into.Reset()
		_, failed := retry(ctx, r, "fetch", func() (struct{}, error) { return struct{}{}, reader.Fetch(ctx, &into.Records) })
		into.at = time.Now()
		if n := into.Len(); n > 0 {
			last, _ := into.At(n - 1)
			handed = last + 1
		}
		select {
		case r.fetched <- into: // also what came before a failure
		case <-ctx.Done():
			return ctx.Err()
		}
		if failed != nil {
			r.storeBefore(ctx, handed)
			return failed
		}
	}
}

// storeBefore waits until what was fetched before the offset is stored and committed, so that a partition stops at the record that cannot
// be fetched and not somewhere before it.
func (r *runner) storeBefore(ctx context.Context, offset int64) {
	for r.stored.Load() < offset && pause(ctx, 10*time.Millisecond) {
	}
}

// process turns records into batches. A batch is handed over when flush is free and its linger has passed: the short one
// when it holds enough rows to be worth an insert, else the long one. While the log holds enough to fill it, a batch waits to be full, up to
// the longest: its rows are late already, and large inserts cost ClickHouse least. A full batch does not wait and stops the intake.
//
// Of several things ready at once the first of this order is taken: the end, handing over, records, timers. A select
// would pick at random, and a simulated run could not be repeated.
func (r *runner) process(ctx context.Context) error {
	f := r.filling()
	defer f.stop()
	for {
		out := f.out()
		select {
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if out != nil {
			select {
			case out <- r.sealed(f.batch, true):
				if f.handed(ctx); f.batch == nil {
					return ctx.Err()
				}
				continue
			default:
			}
		}
		select {
		case recs := <-r.fetched:
			if err := f.take(ctx, recs); err != nil {
				return err
			}
			continue
		default:
		}
		select {
		case recs := <-r.fetched:
			if err := f.take(ctx, recs); err != nil {
				return err
			}
		case out <- r.sealed(f.batch, out != nil):
			if f.handed(ctx); f.batch == nil {
				return ctx.Err()
			}
		case <-f.linger.C:
			f.lingered()
		case <-f.idle.C:
			r.tick(ctx)
			f.idle.Reset(r.cfg.TickAfter)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// filling is the batch that process fills, and its timers.
type filling struct {
	r            *runner
	batch        *Batch
	linger, idle *time.Timer
	passed       int // how many of the lingers have
}

func (r *runner) filling() *filling {
	f := &filling{r: r, batch: <-r.free, linger: time.NewTimer(time.Hour), idle: time.NewTimer(r.cfg.TickAfter)}
	f.batch.reset()
	return f
}

func (f *filling) stop() {
	f.linger.Stop()
	f.idle.Stop()
}

// out is where the batch goes when it may be handed over, else nil.
func (f *filling) out() chan<- *Batch {
	c, rows := f.r.cfg, f.batch.Block.Rows()
	if f.batch.Totals.Fetched == 0 || f.passed == 0 || f.passed == 1 && rows < c.FewRows ||
		f.passed < 3 && f.r.end-f.r.upto >= int64(c.BatchRows-rows) {
		return nil
	}
	return f.r.ready
}

// take consumes fetched records and gives their buffer back.
func (f *filling) take(ctx context.Context, recs *fetched) error {
	before, fresh, some := f.batch, f.batch.Totals.Fetched == 0, recs.Len() > 0
	if err := f.r.consume(ctx, recs, &f.batch); err != nil {
		return err
	}
	f.r.empty <- recs
	if some && (fresh || f.batch != before) {
		f.passed = 0
		f.linger.Reset(f.r.cfg.Linger)
	}
	if some {
		f.idle.Reset(f.r.cfg.TickAfter)
	}
	return nil
}

// handed waits for the next batch to fill; it is nil when ctx has ended.
func (f *filling) handed(ctx context.Context) {
	f.batch, f.passed = f.r.next(ctx), 0
}

// lingered is called when a linger has passed, and sets the timer for the next.
func (f *filling) lingered() {
	c := f.r.cfg
	switch f.passed++; f.passed {
	case 1:
		f.linger.Reset(c.LingerFew - c.Linger)
	case 2:
		f.linger.Reset(c.LingerFull - c.LingerFew)
	}
}

// consume processes the fetched records, handing over full batches on the way.
func (r *runner) consume(ctx context.Context, recs *fetched, batch **Batch) error {
	r.caughtUp = false
	if recs.Len() > 0 { // what follows may have to wait for the sink: say so before
		r.cfg.Metrics.lag(r.partition, recs.HighWater-r.upto, r.shard.Clock())
	}
	r.end = max(r.end, recs.HighWater)
	began, from := time.Now(), 0
	for i := 0; i < recs.Len(); {
		b := *batch
		if b.Totals.Fetched == 0 {
			r.open(b, r.upto)
		}
		to := min(i+shard.ChunkSize, recs.Len())
		b.process(r.shard, &b.versions, &recs.Records, i, to)
		last, _ := recs.At(to - 1)
		r.upto = last + 1
		b.Range.End = r.upto
		i = to
		if b.Block.Rows() < r.cfg.BatchRows {
			continue
		}
		b.stamps.chunk(r.cfg.Metrics.stages, recs.at, began, i-from)
		from, began = i, time.Now()
		select {
		case r.ready <- r.sealed(b, true):
		case <-ctx.Done():
			return ctx.Err()
		}
		if *batch = r.next(ctx); *batch == nil {
			return ctx.Err()
		}
	}
	if n := recs.Len(); n > 0 {
		r.heard = time.Now()
		(*batch).stamps.chunk(r.cfg.Metrics.stages, recs.at, began, n-from)
		last, _ := recs.At(n - 1)
		r.caughtUp = last+1 >= recs.HighWater
		r.cfg.Metrics.lag(r.partition, recs.HighWater-last-1, r.shard.Clock())
		r.cfg.Metrics.fills.set(r.partition, r.shard.Fill())
	} else {
		r.caughtUp = true
	}
	return nil
}

// open starts a batch at offset, under the versions current now. The ranges of a partition leave no gap: the offsets of a
// hole (compaction, transaction markers) belong to the batch after it.
func (r *runner) open(b *Batch, offset int64) {
	b.versions = r.cfg.Versions()
	b.opened = time.Now()
	b.forgotten = r.shard.Forgotten()
	b.Range = Range{Topic: r.cfg.Topic, Partition: r.partition, Start: offset, End: offset}
	b.Totals.CatalogueVersion = b.versions.Engine.Catalogue().Version()
	b.Totals.ReferenceVersion = b.versions.Reference.Version()
	b.plan = newPlan(r.shard, offset)
}

// sealed completes a batch for the hand-over: its totals and its plans. It may be called again for the same batch.
func (r *runner) sealed(b *Batch, use bool) *Batch {
	if !use {
		return nil
	}
	if !b.Balanced() {
		panic(fmt.Sprintf("BUG: batch %+v does not balance: %+v", b.Range, b.Totals))
	}
	b.Totals.Clock = r.shard.Clock()
	now := r.shard.Forgotten()
	b.Counts.Forgotten = shard.Forgotten{IDs: now.IDs - b.forgotten.IDs, Passages: now.Passages - b.forgotten.Passages}
	b.plan.End = b.Range.End
	b.plan.Catalogue, b.plan.Reference = b.Totals.CatalogueVersion, b.Totals.ReferenceVersion
	b.after = newPlan(r.shard, b.Range.End)
	return b
}

// next waits for a written batch to fill again; nil when ctx ends.
func (r *runner) next(ctx context.Context) *Batch {
	select {
	case b := <-r.free:
		b.reset()
		return b
	case <-ctx.Done():
		return nil
	}
}

// tick lets open passages close while the partition is idle, and new lists be matched against the vehicles in view. It counts from the last record by this machine's clock, wherever that stands.
func (r *runner) tick(ctx context.Context) {
	if !r.caughtUp {
		return
	}
	versions := r.cfg.Versions()
	at, due := r.shard.TickAt(schemas.Micros(time.Since(r.heard).Microseconds()), versions.Names())
	if !due {
		return
	}
	if err := r.sess.Tick(ctx, r.partition, at); err != nil && ctx.Err() == nil {
		r.log.Warn().Err(err).Msg("tick not written; open passages wait for the next one")
	}
}

// retry calls f until it succeeds, ctx ends, or the error is final (ErrFenced, ErrStop).
func retry[T any](ctx context.Context, r *runner, what string, f func() (T, error)) (T, error) {
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
			r.log.Warn().Err(err).Int("attempt", n+1).Msg(what + ": trying again")
		}
		select {
		case <-time.After(wait/2 + r.cfg.jitter(wait)):
		case <-ctx.Done():
			return v, ctx.Err()
		}
		wait = min(2*wait, 2*time.Second)
	}
}
