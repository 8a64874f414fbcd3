package bench

import (
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Kind tells a clean read from a repeat and from each kind of fault.
type Kind uint8

// The kinds. A read has one kind; late uploads and missing countries are counted apart.
const (
	Clean          Kind = iota
	Confused            // read as another plate in its confusion class
	Retransmission      // an event sent before
	ParkedRepeat        // a vehicle still standing in view
	Unreadable
	Malformed
	UnknownCamera
	ExpiredCamera
	ClockAhead
	ClockLost
	kinds
)

var kindNames = [...]string{
	"clean", "confused", "retransmission", "parked_repeat", "unreadable", "malformed", "unknown_camera", "expired_camera", "clock_ahead", "clock_lost",
}

// String returns the kind's name.
func (k Kind) String() string {
	if k >= kinds {
		return "invalid"
	}
	return kindNames[k]
}

// rejects gives the reason with which the pipeline must reject a kind; ReasonNone: the read is accepted.
var rejects = [kinds]schemas.Reason{
	Unreadable: schemas.ReasonPlateUnread, Malformed: schemas.ReasonMalformed, UnknownCamera: schemas.ReasonUnknownCamera,
	ExpiredCamera: schemas.ReasonCameraExpired, ClockAhead: schemas.ReasonClockAhead, ClockLost: schemas.ReasonClockBehind,
}

// plannedRead is a read before encoding. With the reception time it determines the bytes.
type plannedRead struct {
	plate      schemas.Plate // as read
	captured   schemas.Micros
	vehicle    uint32
	passing    uint32 // index in Traffic.passings
	seq        uint32 // the camera's own event count
	randomBits uint32
	camera     uint16 // index in City.cameras; beyond the end, a camera outside the registry
	speed      uint16 // tenths of km/h
	confidence uint16 // confidence, per mille
	repeats    uint16 // parked: reads still to come
	red, amber uint16 // milliseconds since the light became so; 0 = not measured
	lane       uint8
	direction  schemas.Direction
	kind       Kind
	late       bool
	noCountry  bool
	shot       *shot // nil = nobody draws pictures
}

// Event is a record in the load. [Traffic.Next] fills it, and it may be reused.
type Event struct {
	Index    uint64
	Due      time.Duration  // due time after the start
	Received schemas.Micros // the log clock at the due time
	Kind     Kind

	read plannedRead
	t    *Traffic
}

// Camera returns the id of the camera, in the registry or not.
func (e *Event) Camera() string { return e.t.cameraID(e.read.camera) }

// Class returns the confusion class that routes the record; zero when there is no plate.
func (e *Event) Class() schemas.Class {
	if e.Kind == Unreadable || e.Kind == Malformed {
		return schemas.Class{}
	}
	return e.read.plate.Class()
}

// Plate returns the plate as read, zero when there is none.
func (e *Event) Plate() schemas.Plate {
	if e.Kind == Unreadable || e.Kind == Malformed {
		return schemas.Plate{}
	}
	return e.read.plate
}

// Captured returns the capture time as the camera says it.
func (e *Event) Captured() schemas.Micros { return e.read.captured }

// Late reports whether the camera sends the read from its buffer.
func (e *Event) Late() bool { return e.read.late }

// Partition returns the partition of anpr.reads.v1 the record belongs to.
func (e *Event) Partition(partitions int) int {
	return schemas.Partition(e.Class(), e.Camera(), partitions)
}

// ReadID returns the id the record must get; zero when the record is malformed.
func (e *Event) ReadID() schemas.ReadID {
	if e.Kind == Malformed {
		return schemas.ReadID{}
	}
	var event, raw [64]byte
	return e.t.readID(&e.read, e.t.appendEventID(event[:0], &e.read), e.t.appendPlate(raw[:0], &e.read))
}
