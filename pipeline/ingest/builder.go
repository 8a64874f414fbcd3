package ingest

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// lingerStage tells how many lingers have passed for a batch.
type lingerStage uint8

// The stages, in their order.
const (
	noLinger    lingerStage = iota
	shortLinger             // Config.Linger: enough for a batch with many rows
	fewLinger               // Config.LingerFew: enough for a batch with few rows
	fullLinger              // Config.LingerFull: enough for a batch that the log could still fill
)

// batchBuilder fills the batches of a partition, one after the other. A batch is in one of three states:
//
//	filling  --a linger passes, or the log is short-->  ready  ---flushBatches--->  handed over
//	   |  ^                                              |  ^ more records join it; it may be filling again
//	   |  +----------------------------------------------+
//	   +------full: BatchRows rows, the intake stops---------------------------->  handed over
//
// A batch comes back empty when it is written; the builder then fills the next. A builder belongs to the goroutine of
// fillBatches.
type batchBuilder struct {
	w            *partitionWorker
	batch        *Batch
	linger, idle *time.Timer
	elapsed      lingerStage // for the batch
	handedOver   int         // batches so far
}

func newBatchBuilder(w *partitionWorker) *batchBuilder {
	b := &batchBuilder{w: w, batch: <-w.free, linger: time.NewTimer(time.Hour), idle: time.NewTimer(w.cfg.TickAfter)}
	b.batch.reset()
	return b
}

func (b *batchBuilder) stopTimers() {
	b.linger.Stop()
	b.idle.Stop()
}

// readyToHandOver reports whether the batch may be written now. Every batch waits for the short linger, and a batch
// with few rows for the linger for small batches. A batch which the log can fill waits for the longest linger: its
// rows are late already, and large inserts cost ClickHouse least.
func (b *batchBuilder) readyToHandOver() bool {
	c, rows := b.w.cfg, b.batch.Block.Rows()
	switch {
	case b.batch.Fetched == 0, b.elapsed == noLinger:
		return false
	case b.elapsed == shortLinger && rows < c.FewRows:
		return false
	case b.elapsed != fullLinger && b.backlogRecords() >= int64(c.BatchRows-rows):
		return false
	}
	return true
}

// backlogRecords returns the number of log records not yet in a batch.
func (b *batchBuilder) backlogRecords() int64 { return b.w.logEnd - b.w.nextOffset }

// handOverTo returns the channel for the batch and the completed batch when the batch is ready, else nil.
func (b *batchBuilder) handOverTo() (chan<- *Batch, *Batch) {
	if !b.readyToHandOver() {
		return nil, nil
	}
	return b.w.ready, b.w.completeBatch(b.batch)
}

// startNextBatch waits for a written batch to fill again. It returns false when ctx has ended.
func (b *batchBuilder) startNextBatch(ctx context.Context) bool {
	select {
	case b.batch = <-b.w.free:
		b.batch.reset()
		b.elapsed = noLinger
		b.handedOver++
		return true
	case <-ctx.Done():
		return false
	}
}

// advanceLinger notes a passed linger and sets the timer for the next.
func (b *batchBuilder) advanceLinger() {
	c := b.w.cfg
	switch b.elapsed++; b.elapsed {
	case shortLinger:
		b.linger.Reset(c.LingerFew - c.Linger)
	case fewLinger:
		b.linger.Reset(c.LingerFull - c.LingerFew)
	case noLinger, fullLinger: // no further linger
	}
}

// consumeFetch adds fetched records to the batch, hands full batches over on the way, and returns the buffer.
func (b *batchBuilder) consumeFetch(ctx context.Context, recs *fetched) error {
	if err := b.w.awaitAnnouncements(ctx, recs.at); err != nil {
		return err
	}
	before, fresh, some := b.handedOver, b.batch.Fetched == 0, recs.Len() > 0
	if err := b.consumeRecords(ctx, recs); err != nil {
		return err
	}
	b.w.empty <- recs
	b.w.markActivation(ctx)
	if some && (fresh || b.handedOver != before) { // a new batch: its lingers begin
		b.elapsed = noLinger
		b.linger.Reset(b.w.cfg.Linger)
	}
	if some {
		b.idle.Reset(b.w.cfg.TickAfter)
	}
	return nil
}

// consumeRecords processes the fetched records, a chunk at a time.
func (b *batchBuilder) consumeRecords(ctx context.Context, recs *fetched) error {
	w := b.w
	w.caughtUp = false
	if recs.Len() > 0 { // the records may wait for the sink: report the lag before
		w.cfg.Metrics.setLag(w.number, recs.HighWater-w.nextOffset, w.shard.Clock())
	}
	w.logEnd = max(w.logEnd, recs.HighWater)
	began, from := time.Now(), 0
	for i := 0; i < recs.Len(); {
		if b.batch.Fetched == 0 {
			if err := w.openBatch(ctx, b.batch, w.nextOffset); err != nil {
				return err
			}
		}
		to, next := w.findActivation(&b.batch.versions, &recs.Records, i, min(i+shard.ChunkSize, recs.Len()))
		if to == i {
			if b.batch.Fetched > 0 {
				b.batch.stamps.noteChunk(w.cfg.Metrics.stages, recs.at, began, i-from)
			}
			from, began = i, time.Now()
			if err := b.beginActivation(ctx, next); err != nil {
				return err
			}
			continue
		}
		b.batch.processRecords(w.shard, &b.batch.versions, &recs.Records, i, to)
		last, _ := recs.At(to - 1)
		w.nextOffset = last + 1
		b.batch.Range.End = w.nextOffset
		i = to
		if b.batch.Block.Rows() < w.cfg.BatchRows {
			continue
		}
		b.batch.stamps.noteChunk(w.cfg.Metrics.stages, recs.at, began, i-from)
		from, began = i, time.Now()
		if !b.handOverFull(ctx) {
			return ctx.Err()
		}
	}
	w.noteFetch(recs)
	if n := recs.Len(); n > 0 {
		b.batch.stamps.noteChunk(w.cfg.Metrics.stages, recs.at, began, n-from)
	}
	return nil
}

// handOverFull waits until flushBatches takes a full batch, then starts the next. It returns false when ctx has ended.
func (b *batchBuilder) handOverFull(ctx context.Context) bool {
	select {
	case b.w.ready <- b.w.completeBatch(b.batch):
		return b.startNextBatch(ctx)
	case <-ctx.Done():
		return false
	}
}

// noteFetch records the partition's progress after all records from a fetch.
func (w *partitionWorker) noteFetch(recs *fetched) {
	w.caughtUp = true
	if n := recs.Len(); n > 0 {
		w.heard = time.Now()
		last, _ := recs.At(n - 1)
		w.caughtUp = last+1 >= recs.HighWater
		w.cfg.Metrics.setLag(w.number, recs.HighWater-last-1, w.shard.Clock())
		w.cfg.Metrics.fills.setValue(w.number, w.shard.Fill())
	}
}
