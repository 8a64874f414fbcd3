package shard

import (
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Reference is one version of the reference data as the data path needs it. pipeline/reference implements it.
type Reference interface {
	rules.Reference
	// Camera finds the camera of that id; id may alias a record.
	Camera(id string) (*schemas.Camera, bool)
	// CameraNumbered finds the camera of that number.
	CameraNumbered(number uint32) (*schemas.Camera, bool)
	// CameraName returns the id of the camera of that number, also when it has left the registry since.
	CameraName(number uint32) string
	// Prefetch may load memory that Entries will need for these classes, and Vehicle for these plates. It changes no answer.
	Prefetch(classes []schemas.Class, plates []schemas.Plate)
}

// Versions is the pair of versions that a batch is decided under. A batch reads it once, so no batch mixes two.
type Versions struct {
	Reference Reference
	Engine    *rules.Engine
}

// VersionNames names a pair of versions; empty = not known.
type VersionNames struct{ Catalogue, Reference string }

// Names returns the names of both versions.
func (v *Versions) Names() VersionNames {
	return VersionNames{v.Engine.Catalogue().Version(), v.Reference.Version()}
}

// Position is the place of a record in the log.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// PieceRows is the largest number of rows of one kind in a piece.
const PieceRows = ChunkSize

// Rows is one piece of what a shard produced: at most PieceRows rows of a kind, each kind in the order of the log. Rows, and all they point
// to, are valid until the function that received them returns.
type Rows struct {
	Topic     string // of every row, as Partition
	Partition int32
	Versions  *Versions // reference data and rules of every row
	Reads     []ReadRow
	Passages  []PassageRow
	Hits      []HitRow
	Decisions []DecisionRow
	Merges    []MergeRow
	Rejects   []RejectRow
}

// At returns the position of a row.
func (r *Rows) At(offset int64) Position { return Position{r.Topic, r.Partition, offset} }

// Len returns the number of rows of all kinds.
func (r *Rows) Len() int {
	return len(r.Reads) + len(r.Passages) + len(r.Hits) + len(r.Decisions) + len(r.Merges) + len(r.Rejects)
}

// resetRows empties the piece and keeps its memory.
func (r *Rows) resetRows() {
	r.Reads, r.Passages, r.Hits = r.Reads[:0], r.Passages[:0], r.Hits[:0]
	r.Decisions, r.Merges, r.Rejects = r.Decisions[:0], r.Merges[:0], r.Rejects[:0]
}

// ReadRow is a stored read, with the passage it belongs to.
type ReadRow struct {
	Read    *schemas.Read
	Camera  *schemas.Camera
	Passage schemas.PassageID
	Offset  int64
}

// PassageRow is a closed passage. Camera is that of the best read, nil when it left the registry meanwhile; Offset is that of the record
// that closed the passage.
type PassageRow struct {
	Passage *schemas.Passage
	Camera  *schemas.Camera
	Offset  int64
}

// HitRow is a listed plate that was seen.
type HitRow struct {
	Hit    *schemas.Hit
	Read   *schemas.Read
	Camera *schemas.Camera
	Offset int64
}

// DecisionRow is a decision; a candidate or hold makes an offence of it. Camera is that of the read it is decided on, nil when it left the
// registry meanwhile. Seq orders the decisions of one record.
type DecisionRow struct {
	Decision *schemas.Decision
	Camera   *schemas.Camera
	Class    schemas.Class
	Offset   int64
	Seq      uint32
}

// IsOffence reports whether the decision opens a case: a candidate or a hold.
func (r *DecisionRow) IsOffence() bool {
	return r.Decision.Outcome == schemas.OutcomeOffence || r.Decision.Outcome == schemas.OutcomeHeld
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

// MergeRow is a record that repeats a stored read. Passage is zero for a retransmission.
type MergeRow struct {
	Kind    MergeKind
	Read    *schemas.Read
	Passage schemas.PassageID
	Offset  int64
}

// RejectRow is one record on its way to the dead-letter topic. Payload aliases the record.
type RejectRow struct {
	Err         *schemas.RejectError
	Camera      string
	Zone        string // police zone of the camera when the record was received; "" when the registry does not know the camera
	ReceivedAt  schemas.Micros
	Payload     []byte
	PayloadSize uint64 // of the whole, when Payload was already cut by the gateway
	Quarantined bool   // Payload is an upload that the gateway refused, which never was a record
	Pos         Position
}
