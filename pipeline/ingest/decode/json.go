package decode

import (
	"encoding/base64"
	"math"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// parseJSON parses a PlateRead in canonical Protobuf JSON. Text without escapes aliases the record.
func (w *wireValues) parseJSON(dst *schemas.Read, b []byte) *schemas.RejectError {
	s := scanner{b: b}
	s.readObject(plateReadNumber, &plateRead, func(num int) {
		switch num {
		case fAlternatives:
			s.readArray(func() { s.readAlternative(dst) })
		case fMoreImages:
			s.readArray(func() { s.readImage(dst) })
		case fMeasures:
			s.readArray(func() { s.readMeasure(dst) })
		case fQuarantine:
			w.hasQuarantine = true
			s.readQuarantine(&w.quarantine)
		case fTick:
			w.hasTick = true
			s.readObject(tickNumber, &tick, func(int) { w.tickAt = s.readInt64() })
		default:
			w.setScalar(&s, num)
		}
	})
	if s.fault == nil {
		if s.skipSpace(); s.at < len(s.b) {
			s.setFault("more after the object")
		}
	}
	return s.fault
}

func (w *wireValues) setScalar(s *scanner, num int) {
	switch num {
	case fReadID:
		w.readIDLen = s.readBase64(w.readID[:])
	case fCamera:
		w.camera = s.readText()
	case fCapturedAt:
		w.captured = s.readInt64()
	case fReceivedAt:
		w.received = s.readInt64()
	case fRawPlate:
		w.plate = s.readText()
	case fCountry:
		w.country = s.readText()
	case fCountryPM:
		w.countryPM = s.readUint32()
	case fConfidencePM:
		w.confidencePM = s.readUint32()
	case fLane:
		w.lane = s.readUint32()
	case fDirection:
		w.direction = s.readEnum(directionNumber)
	case fSpeed:
		w.speed = s.readUint32()
	case fKind:
		w.kind = s.readEnum(kindNumber)
	case fEventID:
		w.event = s.readText()
	case fImage:
		w.imageLen = s.readBase64(w.image[:])
	case fLateUpload:
		w.lateUpload = s.readBool()
	case fSuspect:
		w.suspect = s.readBool()
	case fFormat:
		w.format = s.readText()
	case fMake:
		w.make = s.readText()
	case fColour:
		w.colour = s.readText()
	case fImageKinds:
		w.imageKinds = s.readText()
	}
}

func (s *scanner) readAlternative(dst *schemas.Read) {
	var c schemas.Alternative
	s.readObject(alternativeNumber, &alternativeShape, func(num int) {
		if num == 1 {
			c.Plate = s.readText()
		} else {
			c.Confidence = clampPM(s.readUint32())
		}
	})
	switch {
	case s.fault != nil:
	case len(dst.Alternatives) == schemas.MaxAlternatives:
		s.fault = tooManyAlternatives()
	default:
		dst.Alternatives = append(dst.Alternatives, c)
	}
}

func (s *scanner) readMeasure(dst *schemas.Read) {
	var m schemas.Measure
	s.readObject(measureNumber, &measureShape, func(num int) {
		switch num {
		case 1:
			m.Name = schemas.MeasureName(s.readText())
		case 2:
			m.Value = s.readInt64()
		case 3:
			m.Uncertainty = s.readInt64()
		case 4:
			m.Device = s.readText()
		}
	})
	switch {
	case s.fault != nil:
	case len(dst.Measures) == schemas.MaxMeasures:
		s.fault = tooManyMeasures()
	default:
		dst.Measures = append(dst.Measures, m)
	}
}

// readImage reads a further picture's sum.
func (s *scanner) readImage(dst *schemas.Read) {
	var sum [64]byte
	n := s.readBase64(sum[:])
	if s.fault == nil {
		s.fault = addImage(dst, sum[:min(n, len(sum))])
	}
}

func (s *scanner) readQuarantine(q *quarantineValues) {
	s.readObject(quarantineNumber, &quarantine, func(num int) {
		switch num {
		case 1:
			q.reason = s.readText()
		case 2:
			q.field = s.readText()
		case 3:
			q.detail = s.readText()
		case 4:
			q.payload = s.readPayload()
		case 5:
			q.size = s.readUint(math.MaxUint64)
		case 6:
			q.contentType = s.readText()
		}
	})
}

// readBase64 decodes a text into dst and returns the decoded length, possibly more than len(dst).
func (s *scanner) readBase64(dst []byte) int {
	var stack [64]byte
	b := s.appendBase64(stack[:0])
	copy(dst, b)
	return len(b)
}

// readPayload decodes a text with any length.
func (s *scanner) readPayload() []byte { return s.appendBase64(nil) }

// appendBase64 accepts the standard and the URL alphabet, each with or without padding, like protojson.
func (s *scanner) appendBase64(dst []byte) []byte {
	t := s.readText()
	enc := base64.StdEncoding
	if strings.IndexByte(t, '-') >= 0 || strings.IndexByte(t, '_') >= 0 {
		enc = base64.URLEncoding
	}
	if len(t)%4 != 0 {
		enc = enc.WithPadding(base64.NoPadding)
	}
	out, err := enc.AppendDecode(dst, viewBytes(t))
	if err != nil {
		s.setFault("not base64")
		return dst
	}
	return out
}

// readEnum reads a value by name or number. A name unknown to this version is "unknown" (0); an unknown number becomes
// "unknown" later.
func (s *scanner) readEnum(number func(string) int32) int32 {
	if s.peekByte() == '"' {
		return number(s.readText())
	}
	return int32(s.readInt(math.MinInt32, math.MaxInt32))
}

func (s *scanner) readInt64() int64   { return s.readInt(math.MinInt64, math.MaxInt64) }
func (s *scanner) readUint32() uint32 { return uint32(s.readUint(math.MaxUint32)) }
