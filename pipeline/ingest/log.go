package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// ErrFenced says that the consumer group has moved on: this worker no longer owns the partition, its commit was refused
// and it may not insert. The partition's new owner goes on from the last plan.
var ErrFenced = errors.New("fenced: the consumer group has a newer generation")

// Group is a member of the consumer group. pipeline/ingest/source implements it.
type Group interface {
	// Next waits for the next generation. It returns only when every function started by the previous one has returned.
	Next(ctx context.Context) (Session, error)
	Close() error
}

// Session is one generation's share of the partitions. Its methods are safe for concurrent use.
type Session interface {
	Partitions() []int32
	// Go runs f until the generation ends, which its context says; when any f returns, the generation ends for all.
	Go(f func(ctx context.Context))
	// Committed returns the partition's committed offset and metadata; the offset is -1 when nothing was ever committed.
	Committed(ctx context.Context, partition int32) (offset int64, metadata string, err error)
	// Commit writes offset and metadata under this generation. ErrFenced means that the generation is stale; any other
	// error may be tried again.
	Commit(ctx context.Context, partition int32, offset int64, metadata string) error
	// Bounds returns the first offset still in the log and the one after the last.
	Bounds(ctx context.Context, partition int32) (first, end int64, err error)
	// Open starts reading at the offset.
	Open(ctx context.Context, partition int32, offset int64) (Reader, error)
	// Tick appends a tick to the partition, acknowledged by all replicas.
	Tick(ctx context.Context, partition int32, at schemas.Micros) error
}

// Reader reads one partition in order. It is used by one goroutine.
type Reader interface {
	// Fetch waits until there is at least one record, or for the reader's longest wait, and appends what came to into.
	// Errors are transient: the reader reconnects by itself at the next call; one that wraps ErrStop is not, and into has what came before it.
	// The offset after the last record continues the next Fetch.
	Fetch(ctx context.Context, into *Records) error
	Close() error
}

// Records is a reusable buffer of fetched records, in offset order.
type Records struct {
	buf       []byte
	spans     []span
	HighWater int64 // offset after the last record of the log, as the broker last said
	fetchedAt time.Time
}

// span is where a record's value stands in the buffer.
type span struct {
	offset     int64
	start, end int
}

// Reset empties the buffer, keeping at most 16 MiB of its memory.
func (r *Records) Reset() {
	if cap(r.buf) > 16<<20 {
		r.buf = nil
	}
	r.buf, r.spans = r.buf[:0], r.spans[:0]
}

// Len returns the number of records.
func (r *Records) Len() int { return len(r.spans) }

// At returns record i. The value is valid until Reset.
func (r *Records) At(i int) (offset int64, value []byte) {
	s := &r.spans[i]
	return s.offset, r.buf[s.start:s.end:s.end]
}

// Append copies a record in.
func (r *Records) Append(offset int64, value []byte) {
	start := len(r.buf)
	r.buf = append(r.buf, value...)
	r.Mark(offset, start, len(r.buf))
}

// Grow adds n bytes to the buffer that belong to no record yet and returns the whole buffer and where they begin. Values returned by
// At before stay valid in the old memory.
func (r *Records) Grow(n int) (buf []byte, start int) {
	start = len(r.buf)
	if cap(r.buf)-start < n {
		grown := make([]byte, start, max(2*cap(r.buf), start+n))
		copy(grown, r.buf)
		r.buf = grown
	}
	r.buf = r.buf[:start+n]
	return r.buf, start
}

// Cut drops the last n bytes of the buffer, which no record may use.
func (r *Records) Cut(n int) { r.buf = r.buf[:len(r.buf)-n] }

// Mark makes a record of the bytes [start, end) of the buffer.
func (r *Records) Mark(offset int64, start, end int) {
	r.spans = append(r.spans, span{offset, start, end})
}
