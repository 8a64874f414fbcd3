package schemas

// Speed is tenths of a kilometre per hour. 0 means not measured. Example: 505 = 50.5 km/h
type Speed int32

// PerMille is a share of a thousand, 0..1000.
type PerMille uint16

// Direction says which side of the vehicle the camera saw. The values are those of anpr.v1.Direction.
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

// Valid reports whether d is one of the directions.
func (d Direction) Valid() bool { return d < directionEnd }

// VehicleKind is what the camera took the vehicle for. The values are those of anpr.v1.VehicleKind.
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

// Valid reports whether k is one of the kinds.
func (k VehicleKind) Valid() bool { return k < kindEnd }

// Sum is a SHA-256. The zero value means none.
type Sum [32]byte

// IsZero reports whether there is none.
func (s Sum) IsZero() bool { return s == Sum{} }

// Flags mark a read.
type Flags uint8

// The flags.
const (
	FlagLateUpload   Flags = 1 << iota // the camera said it sends this late: from its buffer, or at the end of a track
	FlagLate                           // received later than the camera's allowed lateness after capture
	FlagClockSuspect                   // the camera's clock is not to be trusted: kept and matched, no offence issued on it
	FlagMisrouted                      // arrived in a partition its plate does not belong to
)

// Read is one read of a plate. decode fills the wire fields, normalise the derived ones.
//
// Ownership: the strings may alias the buffer of the fetched record and are valid only until its batch is committed;
// whoever keeps one longer copies it.
type Read struct {
	ID                ReadID
	Camera            string // key of the camera registry, at most MaxCameraID bytes
	EventID           string // the camera's own id of the event
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
	Format            string // in which the camera sent it
	Make              string
	Colour            string
	Alternatives      []Alternative // cleared and refilled by decode; aliases like the strings
	Flags             Flags

	// Derived by pipeline/ingest/normalise.
	Plate Plate
	Class Class

	// Set when the record is no read; see the Protobuf message. A tick of [FormatDoubt] has Camera, RawPlate and CapturedAt too.
	Tick       Micros
	Quarantine *Quarantine
}

// FormatDoubt is the format of a tick that doubts a read: the read of that plate by that camera at that time and another one, of another
// confusion class, may be of one vehicle. The passage of each is then held as ambiguous.
const FormatDoubt = "near_misread"

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

// Bounds of the wire fields. decode rejects what exceeds them, naming the field.
const (
	MaxCameraID     = 64
	MaxEventID      = 128
	MaxRawPlate     = 64 // bytes
	MaxText         = 64 // make, colour, format
	MaxAlternatives = 32
	MaxMoreImages   = 8
	MaxSpeed        = Speed(4000) // 400 km/h
	MaxLane         = 32
)

// SetPlate gives the read its canonical plate, and with it all that follows from the plate. Whoever makes a read, from a record or
// from a stored row, calls it, so that both have the same class.
func (r *Read) SetPlate(p Plate) { r.Plate, r.Class = p, p.Class() }

// Reset clears the read for reuse, keeping the capacity of alternatives and pictures.
func (r *Read) Reset() { *r = Read{Alternatives: r.Alternatives[:0], MoreImages: r.MoreImages[:0]} }

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
