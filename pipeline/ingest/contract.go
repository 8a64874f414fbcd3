package ingest

import (
	"context"

	"github.com/gvc-brussels/anpr/schemas"
)

// Position is where a record stands in the log.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Range is a planned batch: the records [Start, End) of one partition. Its insert token is derived from it and from
// nothing else, so a range that is rebuilt after a crash is the same insert.
type Range struct {
	Topic      string
	Partition  int32
	Start, End int64
}

// Totals is what became of the records of a range. Fetched = Stored + Merged + Rejected + Ticks.
type Totals struct {
	Fetched, Stored, Merged, Rejected, Ticks uint64
	Passages, Hits, Offences                 uint64
	Clock                                    schemas.Micros
	CatalogueVersion, ReferenceVersion       string
}

// MergeKind says why a record was counted on another row instead of getting its own.
type MergeKind uint8

// The merge kinds.
const (
	MergeRetransmission MergeKind = iota // same read_id as a stored read
	MergeParked                          // a vehicle that stands in view
)

// String returns the kind's name as stored.
func (k MergeKind) String() string {
	if k == MergeParked {
		return "parked"
	}
	return "retransmission"
}

// Rejected is one record on its way to the dead-letter topic. Payload aliases the record and is valid during the call.
type Rejected struct {
	Err         *schemas.RejectError
	Camera      string
	Zone        string // police zone of the camera when the record was received; "" when the registry does not know the camera
	ReceivedAt  schemas.Micros
	Payload     []byte
	PayloadSize uint64 // of the whole, when Payload was already cut by the gateway
	Upload      bool   // Payload is an upload that the gateway refused, which never was a record
	Pos         Position
}

// Block collects the rows of one batch, in the sink's own form. Every method copies what it is given: nothing of its
// arguments is kept. A Block is used by one goroutine at a time.
type Block interface {
	// Reset empties the block, keeping its memory.
	Reset()
	// Registry says of which version of the registry the cameras of the rows that follow are: in one version an index is one camera.
	// Every batch says it.
	Registry(version string)
	// Rows returns the number of rows over all tables.
	Rows() int
	Read(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos Position)
	Passage(p *schemas.Passage, cam *schemas.Camera, pos Position)
	Hit(h *schemas.Hit, r *schemas.Read, cam *schemas.Camera, pos Position, processed schemas.Micros)
	// Decision adds a row of decisions and, for an offence or a hold, a row of offences. seq orders the decisions of one
	// position.
	Decision(d *schemas.Decision, class schemas.Class, cam *schemas.Camera, pos Position, seq uint32)
	Merge(kind MergeKind, r *schemas.Read, p schemas.PassageID, pos Position)
	Reject(r *Rejected)
}

// Sink writes blocks. Insert returns nil when every row of the block is durable, exactly once however often the same
// range is inserted. A returned error is transient unless it wraps ErrStop: the caller tries the same block again for as
// long as it owns the partition. Insert is safe for concurrent use with different blocks.
type Sink interface {
	NewBlock() Block
	Insert(ctx context.Context, rg Range, t *Totals, b Block) error
}

// Publisher sends to the output topics without waiting; the acknowledgement reaches p. The arguments are encoded before
// the call returns. Safe for concurrent use.
type Publisher interface {
	Hit(p *Pending, h *schemas.Hit, r *schemas.Read)
	Offence(p *Pending, d *schemas.Decision)
	Reject(p *Pending, r *Rejected)
}

// State is what a shard keeps beyond its stream horizon, read back from the tables it was written to: offence ids of
// recent periods, each camera's last seal and hits, of records of this partition below the offset; and how far the ledger goes.
type State interface {
	Reached(ctx context.Context, topic string, partition int32) (Reached, error)
	Offences(ctx context.Context, partition int32, below int64, since schemas.Day) ([]schemas.Earlier, error)
	Seals(ctx context.Context, partition int32, below int64) (map[string]schemas.Sum, error)
	// Losses returns what was given up of the partition, in any order.
	Losses(ctx context.Context, topic string, partition int32) ([]Loss, error)
	// Told returns the hits told at records in [from, below), in any order, each at least once.
	Told(ctx context.Context, partition int32, from, below int64) ([]Told, error)
}
