package decode

import (
	"unicode/utf8"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
	"google.golang.org/protobuf/encoding/protowire"
)

// text views bytes as a string without copying; the record must not change while the string is used.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// protobuf parses a PlateRead. Values stay unchecked but for UTF-8 and the number of candidates.
func (w *wire) protobuf(dst *schemas.Read, b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n := f.next(b)
		if n < 0 {
			return malformed(n, "")
		}
		b = b[n:]
		if rej := plateRead.admit(&f); rej != nil {
			return rej
		}
		switch f.typ {
		case protowire.VarintType:
			w.setVarint(&f)
		case protowire.BytesType:
			if rej := w.setBytes(dst, &f); rej != nil {
				return rej
			}
		}
	}
	return nil
}

func (w *wire) setVarint(f *field) {
	switch f.num {
	case fCapturedAt:
		w.captured = int64(f.v)
	case fReceivedAt:
		w.received = int64(f.v)
	case fCountryPM:
		w.countryPM = uint32(f.v)
	case fConfidencePM:
		w.confidencePM = uint32(f.v)
	case fLane:
		w.lane = uint32(f.v)
	case fDirection:
		w.direction = int32(f.v)
	case fSpeed:
		w.speed = uint32(f.v)
	case fKind:
		w.kind = int32(f.v)
	case fLateUpload:
		w.lateUpload = f.v != 0
	}
}

func (w *wire) setBytes(dst *schemas.Read, f *field) *schemas.RejectError {
	switch f.num {
	case fReadID:
		w.readIDLen = len(f.b)
		copy(w.readID[:], f.b)
	case fCamera:
		w.camera = text(f.b)
	case fRawPlate:
		w.plate = text(f.b)
	case fCountry:
		w.country = text(f.b)
	case fEventID:
		w.event = text(f.b)
	case fImage:
		w.imageLen = len(f.b)
		copy(w.image[:], f.b)
	case fCandidates:
		return addCandidate(dst, f.b)
	case fFormat:
		w.format = text(f.b)
	case fMake:
		w.make = text(f.b)
	case fColour:
		w.colour = text(f.b)
	case fQuarantine:
		w.hasQuarantine = true
		return w.quarantine.protobuf(f.b)
	case fTick:
		w.hasTick = true
		return w.tick(f.b)
	}
	return nil
}

func addCandidate(dst *schemas.Read, b []byte) *schemas.RejectError {
	if len(dst.Candidates) == schemas.MaxCandidates {
		return tooMany("candidates", schemas.MaxCandidates)
	}
	var f field
	var plate string
	var pm uint32
	for len(b) > 0 {
		n := f.next(b)
		if n < 0 {
			return malformed(n, "candidates")
		}
		b = b[n:]
		if rej := candidate.admit(&f); rej != nil {
			return rej
		}
		switch f.num {
		case 1:
			plate = text(f.b)
		case 2:
			pm = uint32(f.v)
		}
	}
	dst.Candidates = append(dst.Candidates, schemas.Candidate{Plate: plate, Confidence: clampPM(pm)})
	return nil
}

// clampPM narrows a per-mille value, keeping anything above 1000 recognisably above it for the check.
func clampPM(v uint32) schemas.PerMille { return schemas.PerMille(min(v, 65535)) }

func (q *quarantineWire) protobuf(b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n := f.next(b)
		if n < 0 {
			return malformed(n, "quarantine")
		}
		b = b[n:]
		if rej := quarantine.admit(&f); rej != nil {
			return rej
		}
		switch f.num {
		case 1:
			q.reason = text(f.b)
		case 2:
			q.field = text(f.b)
		case 3:
			q.detail = text(f.b)
		case 4:
			q.payload = f.b
		case 5:
			q.size = f.v
		case 6:
			q.contentType = text(f.b)
		}
	}
	return nil
}

func (w *wire) tick(b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n := f.next(b)
		if n < 0 {
			return malformed(n, "tick")
		}
		b = b[n:]
		if rej := tick.admit(&f); rej != nil {
			return rej
		}
		if f.num == 1 {
			w.tickAt = int64(f.v)
		}
	}
	return nil
}

func malformed(code int, field string) *schemas.RejectError {
	if code == codeNesting {
		return schemas.Rejectf(schemas.ReasonMalformed, field, "Protobuf: unknown groups nest deeper than %d", maxGroups)
	}
	return schemas.Rejectf(schemas.ReasonMalformed, field, "Protobuf: %v", protowire.ParseError(code))
}

// admit checks what a message's shape says about a field: its wire type, and UTF-8 for text. Fields the shape does not
// know pass.
func (s *shape) admit(f *field) *schemas.RejectError {
	if f.num >= uint64(len(s)) || s[f.num].name == "" {
		f.num = 0 // unknown: no setter takes it
		return nil
	}
	e := &s[f.num]
	if f.typ != e.typ {
		return schemas.Rejectf(schemas.ReasonMalformed, e.name, "Protobuf: wire type %d, want %d", f.typ, e.typ)
	}
	if e.text && !utf8.Valid(f.b) {
		return reject(schemas.ReasonBadUTF8, e.name, "text is not UTF-8")
	}
	return nil
}
