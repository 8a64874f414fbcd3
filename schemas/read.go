package schemas

// Speed is in tenths km/h. 0 means not measured. Example: 505 = 50.5 km/h
type Speed int32

// PerMille is a share in thousandths, 0..1000.
type PerMille uint16

// Direction says which vehicle side the camera saw. The values equal anpr.v1.Direction.
type Direction uint8

// The directions.
const (
	DirectionUnknown Direction = iota
	Approaching
	Departing
	directionEnd
)

var directionNames = [...]string{"unknown", "approaching", "departing"}

// String returns the direction's name.
func (d Direction) String() string { return nameOf(directionNames[:], int(d)) }

// ParseDirection finds a direction by name.
func ParseDirection(s string) (Direction, bool) { return parseName[Direction](directionNames[:], s) }

// Valid reports whether d is a known direction.
func (d Direction) Valid() bool { return d < directionEnd }

// VehicleKind is the kind seen by the camera. The values equal anpr.v1.VehicleKind.
type VehicleKind uint8

// The kinds.
const (
	KindUnknown VehicleKind = iota
	KindCar
	KindVan
	KindTruck
	KindBus
	KindMotorcycle
	kindEnd
)

var kindNames = [...]string{"unknown", "car", "van", "truck", "bus", "motorcycle"}

// String returns the kind's name.
func (k VehicleKind) String() string { return nameOf(kindNames[:], int(k)) }

// ParseVehicleKind finds a kind by name.
func ParseVehicleKind(s string) (VehicleKind, bool) { return parseName[VehicleKind](kindNames[:], s) }

// Valid reports whether k is a known kind.
func (k VehicleKind) Valid() bool { return k < kindEnd }

// Sum is a SHA-256. The zero value means none.
type Sum [32]byte

// IsZero reports whether there is none.
func (s Sum) IsZero() bool { return s == Sum{} }

// Flags mark a read.
type Flags uint8

// The flags.
const (
	FlagLateUpload   Flags = 1 << iota // sent late, says the camera: from a buffer, or at a track's end
	FlagLate                           // received later than the camera's allowed lateness after capture
	FlagClockSuspect                   // doubtful camera clock: kept and matched, no offence issued
	FlagMisrouted                      // arrived in the wrong partition for the plate
)

// Read is one read of a plate. decode fills the wire fields, normalise the derived ones.
//
// Ownership: the strings may alias the buffer of the fetched record and are valid only until its batch is committed;
// whoever keeps one longer copies it.
type Read struct {
	ID                ReadID
	Camera            string // camera registry key, at most MaxCameraID bytes
	EventID           string // the camera's own event id
	CapturedAt        Micros
	ReceivedAt        Micros
	RawPlate          string // as the camera sent it, never changed
	Country           Country
	CountryConfidence PerMille
	Confidence        PerMille
	Lane              uint8 // 0 = not said
	Direction         Direction
	Speed             Speed // measured, uncorrected
	Kind              VehicleKind
	Image             Sum
	MoreImages        []Sum  // further pictures of the upload, at most MaxMoreImages; cleared and refilled by decode
	ImageKinds        string // roles of Image and MoreImages, see [PictureKindsOf]; "" = not said
	Format            string // in which the camera sent it
	Make              string
	Colour            string
	Alternatives      []Alternative // cleared and refilled by decode; aliases like the strings
	Measures          []Measure     // further measurements, ordered by name, at most MaxMeasures; like Alternatives
	Flags             Flags

	// Derived by pipeline/ingest/normalise.
	Plate Plate
	Class Class

	// Set if the record is no read; see the Protobuf message. A tick in [FormatDoubt] also has Camera, RawPlate and
	// CapturedAt.
	Tick       Micros
	Quarantine *Quarantine
}

// FormatDoubt is the format for a tick about a doubtful read. The read (plate, camera, time) and another read, in
// another confusion class, may show the same vehicle. Both passages are then held as ambiguous.
const FormatDoubt = "near_misread"

// FormatMark is the format for a tick that moves no clock: the partition's owner says what its own clock shows, because
// an activation is due and the partition's records do not say so.
const FormatMark = "clock_mark"

// Alternative is another reading that the camera's OCR considered.
type Alternative struct {
	Plate      string
	Confidence PerMille
}

// Quarantine is an upload the gateway refused. Payload aliases the record.
type Quarantine struct {
	Reason      Reason
	Field       string
	Detail      string
	Payload     []byte
	PayloadSize uint64
	ContentType string
}

// Bounds on the wire fields. decode rejects larger values and names the field.
const (
	MaxCameraID     = 64
	MaxEventID      = 128
	MaxRawPlate     = 64 // bytes
	MaxText         = 64 // make, colour, format, image kinds
	MaxAlternatives = 32
	MaxMoreImages   = 8
	MaxSpeed        = Speed(4000) // 400 km/h
	MaxLane         = 32
)

// SetPlate sets the canonical plate and everything derived from it. Every maker of reads calls SetPlate, for records
// and stored rows alike, so the class is always the same.
func (r *Read) SetPlate(p Plate) { r.Plate, r.Class = p, p.Class() }

// Reset clears the read for reuse, keeping the capacity of alternatives, pictures and measures.
func (r *Read) Reset() {
	*r = Read{Alternatives: r.Alternatives[:0], MoreImages: r.MoreImages[:0], Measures: r.Measures[:0]}
}

// PictureSet returns the roles of the read's pictures.
func (r *Read) PictureSet() PictureSet {
	n := len(r.MoreImages)
	if !r.Image.IsZero() {
		n++
	}
	return PictureSetOf(r.ImageKinds, n)
}

func nameOf(names []string, i int) string {
	if i >= len(names) {
		return "invalid"
	}
	return names[i]
}

func parseName[T ~uint8](names []string, s string) (T, bool) {
	for i, n := range names {
		if n == s {
			return T(i), true
		}
	}
	return 0, false
}
