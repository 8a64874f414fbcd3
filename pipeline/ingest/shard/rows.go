package shard

import (
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Reference is a version of the reference data, for the data path. pipeline/reference implements it.
type Reference interface {
	rules.Reference
	// Camera finds a camera by id; id may alias a record.
	Camera(id string) (*schemas.Camera, bool)
	// CameraNumbered finds a camera by number.
	CameraNumbered(number uint32) (*schemas.Camera, bool)
	// CameraName returns a camera's id by number, even after the camera left the registry.
	CameraName(number uint32) string
	// Prefetch may load the memory of Entries for the classes, and of Vehicle for the plates. Answers do not change.
	Prefetch(classes []schemas.Class, plates []schemas.Plate)
}

// Versions is the pair of versions behind the decisions in a batch. A batch reads the pair once, so no batch mixes
// versions.
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

// Position is a record's place in the log.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// PieceRows is the largest number of rows per kind in a piece.
const PieceRows = ChunkSize

// Rows is a piece of shard output: at most PieceRows rows per kind, each kind in log order. The rows and everything
// they point to are valid until the receiving function returns.
type Rows struct {
	Topic     string // for every row, like Partition
	Partition int32
	Versions  *Versions // reference data and rules for every row
	Reads     []ReadRow
	Passages  []PassageRow
	Hits      []HitRow
	Decisions []DecisionRow
	Merges    []MergeRow
	Rejects   []RejectRow
}

// At returns a row's position.
func (r *Rows) At(offset int64) Position { return Position{r.Topic, r.Partition, offset} }

// Len counts the rows over all kinds.
func (r *Rows) Len() int {
	return len(r.Reads) + len(r.Passages) + len(r.Hits) + len(r.Decisions) + len(r.Merges) + len(r.Rejects)
}

// resetRows empties the piece and keeps the memory.
func (r *Rows) resetRows() {
	r.Reads, r.Passages, r.Hits = r.Reads[:0], r.Passages[:0], r.Hits[:0]
	r.Decisions, r.Merges, r.Rejects = r.Decisions[:0], r.Merges[:0], r.Rejects[:0]
}

// ReadRow is a stored read with its passage.
type ReadRow struct {
	Read    *schemas.Read
	Camera  *schemas.Camera
	Passage schemas.PassageID
	Offset  int64
}

// PassageRow is a closed passage. Camera took the best read; nil when the registry lost it meanwhile. Offset belongs to the
// closing record.
type PassageRow struct {
	Passage *schemas.Passage
	Camera  *schemas.Camera
	Offset  int64
}

// HitRow is a listed plate, seen.
type HitRow struct {
	Hit    *schemas.Hit
	Read   *schemas.Read
	Camera *schemas.Camera
	Offset int64
}

// DecisionRow is a decision; a candidate or hold makes an offence. Camera took the read decided on, nil after leaving
// the registry. Seq orders the decisions from the same record.
type DecisionRow struct {
	Decision  *schemas.Decision
	Camera    *schemas.Camera
	Class     schemas.Class
	Offset    int64
	Seq       uint32
	Straggler bool // decided on a single late read, after the passage
}

// IsOffence reports whether the decision opens a case: a candidate or a hold.
func (r *DecisionRow) IsOffence() bool {
	return r.Decision.Outcome == schemas.OutcomeOffence || r.Decision.Outcome == schemas.OutcomeHeld
}

// MergeKind says why a record was counted on another row and got no row.
type MergeKind uint8

// The merge kinds.
const (
	MergeRetransmission MergeKind = iota // same read_id as a stored read
	MergeParked                          // a vehicle standing in view
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

// RejectRow is a record for the dead-letter topic. Payload aliases the record.
type RejectRow struct {
	Err         *schemas.RejectError
	Camera      string
	Zone        string // police zone of the camera when the record was received; "" when the registry does not know the camera
	ReceivedAt  schemas.Micros
	Payload     []byte
	PayloadSize uint64 // whole size, when the gateway cut Payload already
	Quarantined bool   // Payload is an upload refused by the gateway, never a record
	Pos         Position
}
