package bench

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// This file writes reads by hand: proto.Marshal with a new message per read would take most of the generator's time. A
// test compares every byte with proto.Marshal.

// Fields of PlateRead whose number is used twice or beyond the fifteenth.
const (
	fieldLateUpload = 16
	fieldImageKinds = 22
	fieldMeasures   = 23
)

// lightUncertainty is what the devices at lights state, in milliseconds.
const lightUncertainty = 50

// AppendRecord appends the record's value on anpr.reads.v1, as if produced by the gateway.
func (e *Event) AppendRecord(dst []byte) []byte { return e.appendProto(dst, true) }

// AppendUpload appends the body that the camera posts to the gateway: the record without the fields that the gateway
// adds.
func (e *Event) AppendUpload(dst []byte) []byte { return e.appendProto(dst, false) }

func (e *Event) appendProto(b []byte, record bool) []byte {
	s, t := &e.read, e.t
	if s.kind == Malformed {
		return appendGarbage(b, s.randomBits)
	}
	var eventBuf, rawBuf [64]byte
	event, raw := t.appendEventID(eventBuf[:0], s), t.appendPlate(rawBuf[:0], s)
	img := t.imageSum(s)
	if record {
		id := t.readID(s, event, raw)
		b = appendBytes(b, 1, id.ID[:])
	}
	b = appendString(b, 2, t.cameraID(s.camera))
	b = appendNumber(b, 3, uint64(s.captured))
	if record {
		b = appendNumber(b, 4, uint64(e.Received))
	}
	b = appendBytes(b, 5, raw)
	if !s.noCountry {
		c := countries[t.city.vehicles[s.vehicle].country]
		b = appendBytes(b, 6, c[:])
		b = appendNumber(b, 7, uint64(s.confidence-s.confidence/10))
	}
	b = appendNumber(b, 8, uint64(s.confidence))
	b = appendNumber(b, 9, uint64(s.lane))
	b = appendNumber(b, 10, uint64(s.direction))
	b = appendNumber(b, 11, uint64(s.speed))
	b = appendNumber(b, 12, uint64(t.vehicleKind(s)))
	b = appendBytes(b, 13, event)
	if !img.IsZero() {
		b = appendBytes(b, 14, img[:]) // in the camera's own store
	}
	b = t.appendAlternatives(b, s)
	if s.late {
		b = appendNumber(b, fieldLateUpload, 1)
	}
	b = appendString(b, 17, "canonical")
	v := &t.city.vehicles[s.vehicle]
	b = appendString(b, 18, makes[v.make])
	b = appendString(b, 19, colours[v.colour])
	if s.shot != nil && *s.shot != noShot {
		if !s.shot.second.IsZero() {
			b = appendBytes(b, 20, s.shot.second[:])
		}
		b = appendBytes(b, 20, s.shot.plate[:])
		b = appendString(b, fieldImageKinds, s.shot.kinds())
	}
	if name, ms, ok := s.lightMeasure(); ok {
		var c [64]byte
		m := appendNumber(appendNumber(appendString(c[:0], 1, string(name)), 2, uint64(ms)), 3, lightUncertainty)
		b = appendBytes(b, fieldMeasures, m)
	}
	return b
}

// appendAlternatives appends the OCR's alternatives, when it took the wrong plate.
func (t *Traffic) appendAlternatives(b []byte, s *plannedRead) []byte {
	v := &t.city.vehicles[s.vehicle]
	if s.plate == v.plate || s.kind == Unreadable {
		return b
	}
	for i, p := range [2]schemas.Plate{s.plate, v.plate} {
		var c [32]byte
		var plate [schemas.MaxPlate]byte
		m := appendBytes(c[:0], 1, p.AppendTo(plate[:0]))
		m = appendNumber(m, 2, uint64(s.confidence)-uint64(i)*60)
		b = appendBytes(b, 15, m)
	}
	return b
}

// AppendRecordJSON appends the same record as canonical JSON, in the names and forms of protojson.
func (e *Event) AppendRecordJSON(b []byte) []byte {
	s, t := &e.read, e.t
	if s.kind == Malformed {
		return append(b, `{"cameraId":`...)
	}
	var eventBuf, rawBuf [64]byte
	event, raw := t.appendEventID(eventBuf[:0], s), t.appendPlate(rawBuf[:0], s)
	id, img := t.readID(s, event, raw), t.imageSum(s)
	v := &t.city.vehicles[s.vehicle]
	b = base64.StdEncoding.AppendEncode(append(b, `{"readId":"`...), id.ID[:])
	b = append(append(b, `","cameraId":"`...), t.cameraID(s.camera)...)
	b = strconv.AppendInt(append(b, `","capturedAtUs":"`...), int64(s.captured), 10)
	b = strconv.AppendInt(append(b, `","receivedAtUs":"`...), int64(e.Received), 10)
	b = append(append(b, `","rawPlate":"`...), raw...)
	if !s.noCountry {
		c := countries[v.country]
		b = append(append(b, `","country":"`...), c[:]...)
		b = strconv.AppendInt(append(b, `","countryConfidencePm":`...), int64(s.confidence-s.confidence/10), 10)
	} else {
		b = append(b, '"')
	}
	b = strconv.AppendInt(append(b, `,"confidencePm":`...), int64(s.confidence), 10)
	b = strconv.AppendInt(append(b, `,"lane":`...), int64(s.lane), 10)
	b = append(append(b, `,"direction":"`...), anprv1.Direction_name[int32(s.direction)]...)
	if s.speed != 0 {
		b = strconv.AppendInt(append(b, `","speedDkmh":`...), int64(s.speed), 10)
	} else {
		b = append(b, '"')
	}
	b = append(append(b, `,"vehicleKind":"`...), anprv1.VehicleKind_name[int32(t.vehicleKind(s))]...)
	if len(event) > 0 {
		b = append(append(b, `","cameraEventId":"`...), event...)
	}
	b = append(b, '"')
	if !img.IsZero() {
		b = base64.StdEncoding.AppendEncode(append(b, `,"imageSha256":"`...), img[:])
		b = append(b, '"')
	}
	if s.plate != v.plate && s.kind != Unreadable {
		b = s.plate.AppendTo(append(b, `,"candidates":[{"plate":"`...))
		b = strconv.AppendInt(append(b, `","confidencePm":`...), int64(s.confidence), 10)
		b = v.plate.AppendTo(append(b, `},{"plate":"`...))
		b = strconv.AppendInt(append(b, `","confidencePm":`...), int64(s.confidence)-60, 10)
		b = append(b, "}]"...)
	}
	if s.late {
		b = append(b, `,"lateUpload":true`...)
	}
	b = append(append(b, `,"format":"canonical","make":"`...), makes[v.make]...)
	b = append(append(append(b, `","colour":"`...), colours[v.colour]...), '"')
	b = s.appendShotJSON(b)
	if name, ms, ok := s.lightMeasure(); ok {
		b = append(append(b, `,"measures":[{"name":"`...), name...)
		b = strconv.AppendUint(append(b, `","value":"`...), uint64(ms), 10)
		b = strconv.AppendInt(append(b, `","uncertainty":"`...), lightUncertainty, 10)
		b = append(b, `"}]`...)
	}
	return append(b, '}')
}

// appendShotJSON appends the pictures beside the scene, and the roles of all.
func (s *plannedRead) appendShotJSON(b []byte) []byte {
	if s.shot == nil || *s.shot == noShot {
		return b
	}
	b = append(b, `,"moreImagesSha256":["`...)
	if !s.shot.second.IsZero() {
		b = append(base64.StdEncoding.AppendEncode(b, s.shot.second[:]), `","`...)
	}
	b = base64.StdEncoding.AppendEncode(b, s.shot.plate[:])
	return append(append(append(b, `"],"imageKinds":"`...), s.shot.kinds()...), '"')
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendString(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// appendGarbage appends bytes that are no record: a truncated JSON object, or a field with a wire type that does not
// exist.
func appendGarbage(b []byte, salt uint32) []byte {
	if salt%2 == 0 {
		return append(b, `{"cameraId":`...)
	}
	b = append(b, 0x0f)
	return binary.BigEndian.AppendUint32(b, salt)
}

// unreadable lists the texts from cameras seeing a vehicle and no plate.
var unreadable = [...]string{"unknown", "noPlate", "NO PLATE", "---"}

func (t *Traffic) appendPlate(dst []byte, s *plannedRead) []byte {
	if s.kind == Unreadable {
		return append(dst, unreadable[s.randomBits%uint32(len(unreadable))]...)
	}
	return appendRaw(dst, s.plate, writing(s.camera%uint16(writings)))
}

// appendEventID appends the camera's own id of the event; every fifth camera has none.
func (t *Traffic) appendEventID(dst []byte, s *plannedRead) []byte {
	if s.camera%5 == 4 {
		return dst
	}
	dst = strconv.AppendUint(dst, uint64(t.run), 16)
	return strconv.AppendUint(append(dst, '-'), uint64(s.seq), 10)
}

func (t *Traffic) readID(s *plannedRead, event, raw []byte) schemas.ReadID {
	var plates [2][schemas.MaxPlate]byte
	var others [2]schemas.Alternative
	r := schemas.Read{Camera: t.cameraID(s.camera), EventID: string(event), CapturedAt: s.captured, RawPlate: string(raw)}
	t.describeVehicle(&r, s)
	if v := &t.city.vehicles[s.vehicle]; s.plate != v.plate && s.kind != Unreadable {
		for i, p := range [2]schemas.Plate{s.plate, v.plate} {
			others[i] = schemas.Alternative{Plate: string(p.AppendTo(plates[i][:0])), Confidence: schemas.PerMille(int(s.confidence) - i*60)}
		}
		r.Alternatives = others[:]
	}
	return schemas.NewReadID(&r)
}

// describeVehicle sets the read's fields about the vehicle beside its plate.
func (t *Traffic) describeVehicle(r *schemas.Read, s *plannedRead) {
	v := &t.city.vehicles[s.vehicle]
	if !s.noCountry {
		r.Country, r.CountryConfidence = countries[v.country], schemas.PerMille(s.confidence-s.confidence/10)
	}
	r.Confidence, r.Lane, r.Direction, r.Speed = schemas.PerMille(s.confidence), s.lane, s.direction, schemas.Speed(s.speed)
	r.Kind, r.Image = t.vehicleKind(s), t.imageSum(s)
	if s.shot != nil && *s.shot != noShot {
		r.MoreImages = []schemas.Sum{s.shot.plate}
		if !s.shot.second.IsZero() {
			r.MoreImages = []schemas.Sum{s.shot.second, s.shot.plate}
		}
	}
	if name, ms, ok := s.lightMeasure(); ok {
		r.Measures = []schemas.Measure{{Name: name, Value: int64(ms), Uncertainty: lightUncertainty}}
	}
	r.Make, r.Colour = makes[v.make], colours[v.colour]
}

var unknownIDs = [unknownCameras]string{"GHOST-1", "GHOST-2", "GHOST-3", "GHOST-4", "GHOST-5"}

func (t *Traffic) cameraID(i uint16) string {
	if n := len(t.city.cameras); int(i) >= n {
		return unknownIDs[int(i)-n]
	}
	return t.city.cameras[i].ID
}

// imageSum returns the digest of the scene. When nobody draws pictures, it is one of a picture that does not exist: 32
// bytes following from the event.
func (t *Traffic) imageSum(s *plannedRead) (sum schemas.Sum) {
	if s.shot != nil {
		return s.shot.scene
	}
	x := uint64(t.run)<<32 | uint64(s.seq)
	x ^= uint64(s.camera) << 48
	for i := 0; i < len(sum); i += 8 {
		x += 0x9e3779b97f4a7c15 // splitmix64
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.BigEndian.PutUint64(sum[i:], z^z>>31)
	}
	return sum
}

func (t *Traffic) vehicleKind(s *plannedRead) schemas.VehicleKind {
	switch t.city.vehicles[s.vehicle].category {
	case schemas.N1:
		return schemas.KindVan
	case schemas.N2, schemas.N3:
		return schemas.KindTruck
	case schemas.M2, schemas.M3:
		return schemas.KindBus
	case schemas.L1, schemas.L2, schemas.L3, schemas.L4, schemas.L5, schemas.L6, schemas.L7:
		return schemas.KindMotorcycle
	case schemas.T, schemas.O, schemas.CategoryUnknown:
		return schemas.KindUnknown
	default:
		return schemas.KindCar
	}
}
