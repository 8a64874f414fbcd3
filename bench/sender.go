package bench

import (
	"context"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// sender carries a lane's records to the target in order. The run's record count bounds the queue.
type sender struct {
	latency *latency
	refused map[schemas.Reason]uint64
	retries uint64

	mu     sync.Mutex // guards queue and closed
	queue  []*LoadRecord
	closed bool
	wake   chan struct{} // a token: the queue is not empty, or closed
}

func (r *run) startSenders(ctx context.Context) {
	for i := range r.Target.Lanes() {
		l := &sender{latency: newLatency(), refused: map[schemas.Reason]uint64{}, wake: make(chan struct{}, 1)}
		r.senders = append(r.senders, l)
		r.wg.Go(func() { r.deliverQueue(ctx, l, i) })
	}
}

func (l *sender) addRecord(rec *LoadRecord) {
	l.mu.Lock()
	l.queue = append(l.queue, rec)
	l.mu.Unlock()
	l.wakeUp()
}

func (l *sender) closeQueue() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wakeUp()
}

func (l *sender) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// exchangeQueue returns the filled queue and leaves an empty queue; nil means closed and empty.
func (l *sender) exchangeQueue(empty []*LoadRecord) []*LoadRecord {
	for {
		l.mu.Lock()
		got, closed := l.queue, l.closed
		if len(got) > 0 {
			l.queue = empty[:0]
		}
		l.mu.Unlock()
		if len(got) > 0 {
			return got
		}
		if closed {
			return nil
		}
		<-l.wake
	}
}

// deliverQueue delivers until the sender is closed and empty. After the end of ctx the target gives up at once.
func (r *run) deliverQueue(ctx context.Context, l *sender, index int) {
	most := r.Target.MaxBatch()
	var all []*LoadRecord
	for {
		all = l.exchangeQueue(all)
		if all == nil {
			return
		}
		for todo := all; len(todo) > 0; {
			batch := todo[:min(most, len(todo))]
			todo = todo[len(batch):]
			r.deliverBatch(ctx, l, index, batch)
		}
	}
}

// markBuffered sets the late-upload field on uploads that were held up. Of a repeated field the last value counts.
func (r *run) markBuffered(batch []*LoadRecord) {
	now := time.Since(r.began)
	for _, rec := range batch {
		if rec.Buffered && now-rec.Due > bufferedAfter {
			rec.Value = appendNumber(rec.Value, fieldLateUpload, 1)
			rec.Buffered = false
			r.Progress.Buffered.Add(1)
		}
	}
}

func (r *run) deliverBatch(ctx context.Context, l *sender, index int, batch []*LoadRecord) {
	err := context.Cause(ctx)
	r.markBuffered(batch)
	if err == nil {
		err = r.Target.Deliver(ctx, index, batch)
	}
	now := time.Since(r.began)
	if err != nil {
		r.keepFailure(err)
		r.Progress.Failed.Add(uint64(len(batch)))
	}
	sent, refused := uint64(0), uint64(0)
	for _, rec := range batch {
		l.retries += uint64(rec.Retries)
		switch {
		case err != nil:
		case rec.Refused != schemas.ReasonNone:
			l.refused[rec.Refused]++
			refused++
		default:
			sent++
		}
		if err == nil && rec.Due >= r.Warmup {
			l.latency.recordDuration(now - rec.Due)
		}
		r.free <- rec
	}
	r.Progress.Sent.Add(sent)
	r.Progress.Refused.Add(refused)
}
