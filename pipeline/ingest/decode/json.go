package decode

import (
	"encoding/base64"
	"math"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// json parses a PlateRead in canonical Protobuf JSON. Text without escapes aliases the record.
func (w *wire) json(dst *schemas.Read, b []byte) *schemas.RejectError {
	s := scanner{b: b}
	s.object(plateReadNumber, &plateRead, func(num int) {
		switch num {
		case fCandidates:
			s.array(func() { s.candidate(dst) })
		case fMoreImages:
			s.array(func() { s.image(dst) })
		case fQuarantine:
			w.hasQuarantine = true
			s.quarantine(&w.quarantine)
		case fTick:
			w.hasTick = true
			s.object(tickNumber, &tick, func(int) { w.tickAt = s.int64() })
		default:
			w.scalar(&s, num)
		}
	})
	if s.fault == nil {
		if s.space(); s.at < len(s.b) {
			s.fail("more after the object")
		}
	}
	return s.fault
}

func (w *wire) scalar(s *scanner, num int) {
	switch num {
	case fReadID:
		w.readIDLen = s.base64(w.readID[:])
	case fCamera:
		w.camera = s.text()
	case fCapturedAt:
		w.captured = s.int64()
	case fReceivedAt:
		w.received = s.int64()
	case fRawPlate:
		w.plate = s.text()
	case fCountry:
		w.country = s.text()
	case fCountryPM:
		w.countryPM = s.uint32()
	case fConfidencePM:
		w.confidencePM = s.uint32()
	case fLane:
		w.lane = s.uint32()
	case fDirection:
		w.direction = s.enum(directionNumber)
	case fSpeed:
		w.speed = s.uint32()
	case fKind:
		w.kind = s.enum(kindNumber)
	case fEventID:
		w.event = s.text()
	case fImage:
		w.imageLen = s.base64(w.image[:])
	case fLateUpload:
		w.lateUpload = s.boolean()
	case fSuspect:
		w.suspect = s.boolean()
	case fFormat:
		w.format = s.text()
	case fMake:
		w.make = s.text()
	case fColour:
		w.colour = s.text()
	}
}

func (s *scanner) candidate(dst *schemas.Read) {
	var c schemas.Candidate
	s.object(candidateNumber, &candidate, func(num int) {
		if num == 1 {
			c.Plate = s.text()
		} else {
			c.Confidence = clampPM(s.uint32())
		}
	})
	switch {
	case s.fault != nil:
	case len(dst.Candidates) == schemas.MaxCandidates:
		s.fault = tooManyCandidates()
	default:
		dst.Candidates = append(dst.Candidates, c)
	}
}

// image reads one of the further pictures.
func (s *scanner) image(dst *schemas.Read) {
	var sum [64]byte
	n := s.base64(sum[:])
	if s.fault == nil {
		s.fault = addImage(dst, sum[:min(n, len(sum))])
	}
}

func (s *scanner) quarantine(q *quarantineWire) {
	s.object(quarantineNumber, &quarantine, func(num int) {
		switch num {
		case 1:
			q.reason = s.text()
		case 2:
			q.field = s.text()
		case 3:
			q.detail = s.text()
		case 4:
			q.payload = s.payload()
		case 5:
			q.size = s.uint(math.MaxUint64)
		case 6:
			q.contentType = s.text()
		}
	})
}

// base64 decodes a text into dst and returns the decoded length, which may be more than dst takes.
func (s *scanner) base64(dst []byte) int {
	var stack [64]byte
	b := s.appendBase64(stack[:0])
	copy(dst, b)
	return len(b)
}

// payload decodes a text of any length.
func (s *scanner) payload() []byte { return s.appendBase64(nil) }

// appendBase64 takes the standard and the URL alphabet, each with or without padding, as protojson does.
func (s *scanner) appendBase64(dst []byte) []byte {
	t := s.text()
	enc := base64.StdEncoding
	if strings.IndexByte(t, '-') >= 0 || strings.IndexByte(t, '_') >= 0 {
		enc = base64.URLEncoding
	}
	if len(t)%4 != 0 {
		enc = enc.WithPadding(base64.NoPadding)
	}
	out, err := enc.AppendDecode(dst, raw(t))
	if err != nil {
		s.fail("not base64")
		return dst
	}
	return out
}

// enum reads a value by name or number. A name this version does not know is "unknown" (0), as is a number later on.
func (s *scanner) enum(number func(string) int32) int32 {
	if s.peek() == '"' {
		return number(s.text())
	}
	return int32(s.int(math.MinInt32, math.MaxInt32))
}

func (s *scanner) int64() int64   { return s.int(math.MinInt64, math.MaxInt64) }
func (s *scanner) uint32() uint32 { return uint32(s.uint(math.MaxUint32)) }
