package ingest

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Range is a planned batch: the records [Start, End) in a partition. The insert token is derived from the range alone,
// so a range rebuilt after a crash is the same insert.
type Range struct {
	Topic      string
	Partition  int32
	Start, End int64
}

// Block collects a batch's rows in the sink's own form. A Block is used by one goroutine at a time.
type Block interface {
	// Reset empties the block and keeps the memory.
	Reset()
	// Rows returns the number of rows over all tables.
	Rows() int
	// Append copies the rows and keeps no reference to them.
	Append(rows *shard.Rows)
}

// Sink writes blocks. Insert returns nil when every row in the block is durable, exactly once however often the same
// range is inserted. A returned error is transient unless it wraps ErrStop: the caller tries the same block again for
// as long as the partition is its own. Insert is safe for concurrent use with different blocks.
type Sink interface {
	NewBlock() Block
	Insert(ctx context.Context, rg Range, t *shard.Totals, b Block) error
}

// Publisher sends hits, offences and rejects to the output topics without waiting; p counts the acknowledgements. The
// rows are encoded before the call returns. Safe for concurrent use.
type Publisher interface {
	Publish(p *Pending, rows *shard.Rows)
}

// State reads back from the tables whatever a shard keeps beyond its stream horizon: offence ids from recent periods,
// each camera's last seal, and hits. All come from records in this partition below the offset. Reached tells how far
// the partition's batches rows go.
type State interface {
	Reached(ctx context.Context, topic string, partition int32) (StoredExtent, error)
	Offences(ctx context.Context, partition int32, below int64, since schemas.Day) ([]schemas.PriorOffence, error)
	Seals(ctx context.Context, partition int32, below int64) (map[string]schemas.Sum, error)
	// Losses returns the partition's recorded losses, in any order.
	Losses(ctx context.Context, topic string, partition int32) ([]Loss, error)
	// Told returns the hits told at records in [from, below), in any order, each at least once.
	Told(ctx context.Context, partition int32, from, below int64) ([]shard.Told, error)
}
