package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// ErrFenced says that the consumer group has moved on: this worker no longer owns the partition, its commit was refused
// and it may not insert. The partition's new owner goes on from the last plan.
var ErrFenced = errors.New("fenced: the consumer group has a newer generation")

// Group is a member of the consumer group. pipeline/source implements it.
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
	// Errors are transient: the reader reconnects by itself at the next call. The offset after the last record
	// continues the next Fetch.
	Fetch(ctx context.Context, into *Records) error
	Close() error
}

// Records is a reusable buffer of fetched records, in offset order.
type Records struct {
	buf       []byte
	ends      []int
	offsets   []int64
	HighWater int64 // offset after the last record of the log, as the broker last said
	fetchedAt time.Time
}

// Reset empties the buffer, keeping at most 16 MiB of its memory.
func (r *Records) Reset() {
	if cap(r.buf) > 16<<20 {
		r.buf = nil
	}
	r.buf, r.ends, r.offsets = r.buf[:0], r.ends[:0], r.offsets[:0]
}

// Len returns the number of records.
func (r *Records) Len() int { return len(r.offsets) }

// At returns record i. The value is valid until Reset.
func (r *Records) At(i int) (offset int64, value []byte) {
	start := 0
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.offsets[i], r.buf[start:r.ends[i]:r.ends[i]]
}

// Append copies a record in.
func (r *Records) Append(offset int64, value []byte) {
	r.buf = append(r.buf, value...)
	r.ends = append(r.ends, len(r.buf))
	r.offsets = append(r.offsets, offset)
}

// Room returns at least n free bytes after the last record, to read a value into; Take then makes a record of them.
// Growing does not move values already returned by At: the old memory stays valid for whoever holds it.
func (r *Records) Room(n int) []byte {
	if cap(r.buf)-len(r.buf) < n {
		grown := make([]byte, len(r.buf), 2*cap(r.buf)+n)
		copy(grown, r.buf)
		r.buf = grown
	}
	return r.buf[len(r.buf):cap(r.buf)]
}

// Take makes a record of the first n bytes of the last Room.
func (r *Records) Take(offset int64, n int) {
	r.buf = r.buf[:len(r.buf)+n]
	r.ends = append(r.ends, len(r.buf))
	r.offsets = append(r.offsets, offset)
}
