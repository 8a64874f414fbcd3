package ingest

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Range is a planned batch: the records [Start, End) of one partition. Its insert token is derived from it and from
// nothing else, so a range that is rebuilt after a crash is the same insert.
type Range struct {
	Topic      string
	Partition  int32
	Start, End int64
}

// Block collects the rows of one batch, in the sink's own form. A Block is used by one goroutine at a time.
type Block interface {
	// Reset empties the block, keeping its memory.
	Reset()
	// Rows returns the number of rows over all tables.
	Rows() int
	// Append copies the rows: nothing of its argument is kept.
	Append(rows *shard.Rows)
}

// Sink writes blocks. Insert returns nil when every row of the block is durable, exactly once however often the same
// range is inserted. A returned error is transient unless it wraps ErrStop: the caller tries the same block again for as
// long as it owns the partition. Insert is safe for concurrent use with different blocks.
type Sink interface {
	NewBlock() Block
	Insert(ctx context.Context, rg Range, t *shard.Totals, b Block) error
}

// Publisher sends hits, offences and rejects to the output topics without waiting; the acknowledgement reaches p. The rows are encoded
// before the call returns. Safe for concurrent use.
type Publisher interface {
	Publish(p *Pending, rows *shard.Rows)
}

// State is what a shard keeps beyond its stream horizon, read back from the tables it was written to: offence ids of
// recent periods, each camera's last seal and hits, of records of this partition below the offset; and how far the ledger goes.
type State interface {
	Reached(ctx context.Context, topic string, partition int32) (StoredExtent, error)
	Offences(ctx context.Context, partition int32, below int64, since schemas.Day) ([]schemas.Earlier, error)
	Seals(ctx context.Context, partition int32, below int64) (map[string]schemas.Sum, error)
	// Losses returns what was given up of the partition, in any order.
	Losses(ctx context.Context, topic string, partition int32) ([]Loss, error)
	// Told returns the hits told at records in [from, below), in any order, each at least once.
	Told(ctx context.Context, partition int32, from, below int64) ([]shard.Told, error)
}
