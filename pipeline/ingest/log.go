package ingest

import (
	"context"
	"errors"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// ErrFenced says that the consumer group has moved on: this worker no longer owns the partition, its commit was
// refused, and it may not insert. The partition's new owner goes on from the last plan.
var ErrFenced = errors.New("fenced: the consumer group has a newer generation")

// ConsumerGroup is membership in the consumer group. pipeline/ingest/source implements it.
type ConsumerGroup interface {
	// Next waits for the next generation. It returns only after every function started by the generation before has
	// returned.
	Next(ctx context.Context) (Generation, error)
	Close() error
}

// Generation is an assignment by the consumer group: this member's share of the partitions. Its methods are safe for
// concurrent use.
type Generation interface {
	Partitions() []int32
	// Go runs f until the generation ends and f's context with it. When any f returns, the generation ends for all.
	Go(f func(ctx context.Context))
	// Committed returns the partition's committed offset and metadata; the offset is -1 when nothing was ever committed.
	Committed(ctx context.Context, partition int32) (offset int64, metadata string, err error)
	// Commit writes offset and metadata under this generation. ErrFenced means a stale generation; any other error may be
	// tried again.
	Commit(ctx context.Context, partition int32, offset int64, metadata string) error
	// Bounds returns the first offset still in the log and the offset after the last.
	Bounds(ctx context.Context, partition int32) (first, end int64, err error)
	// OffsetAt returns the first offset whose record the broker dates at that time or later, and the end of the log
	// when there is none.
	OffsetAt(ctx context.Context, partition int32, at schemas.Micros) (int64, error)
	// Open starts reading at the offset.
	Open(ctx context.Context, partition int32, offset int64) (Reader, error)
	// Tick appends a tick to the partition, acknowledged by all replicas.
	Tick(ctx context.Context, partition int32, at schemas.Micros) error
	// Mark appends a mark to the partition, acknowledged by all replicas: what the owner's clock shows.
	Mark(ctx context.Context, partition int32, at schemas.Micros) error
}

// Reader reads one partition in order. It is used by one goroutine.
type Reader interface {
	// Fetch waits for at least one record, or for the reader's longest wait, and appends the records to into. An error is
	// transient, and the reader reconnects at the next call. An error wrapping ErrStop is final, and into holds the
	// records before the fault. The next Fetch continues at the offset after the last record.
	Fetch(ctx context.Context, into *shard.Records) error
	Close() error
}
