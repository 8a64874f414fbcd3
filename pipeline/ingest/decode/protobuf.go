package decode

import (
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/schemas"
)

// viewText views bytes as a string without copying; the record must not change while the string is in use.
func viewText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseProtobuf parses a PlateRead. Only UTF-8 and the count of alternatives are checked yet.
func (w *wireValues) parseProtobuf(dst *schemas.Read, b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n, rej := f.parseField(&plateRead, b)
		if rej != nil {
			return rej
		}
		b = b[n:]
		if f.typ == protowire.VarintType {
			w.setVarint(&f)
		} else if rej := w.setBytes(dst, &f); rej != nil {
			return rej
		}
	}
	return nil
}

func (w *wireValues) setVarint(f *field) {
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
	case fSuspect:
		w.suspect = f.v != 0
	}
}

func (w *wireValues) setBytes(dst *schemas.Read, f *field) *schemas.RejectError {
	switch f.num {
	case fReadID:
		w.readIDLen = len(f.b)
		copy(w.readID[:], f.b)
	case fCamera:
		w.camera = viewText(f.b)
	case fRawPlate:
		w.plate = viewText(f.b)
	case fCountry:
		w.country = viewText(f.b)
	case fEventID:
		w.event = viewText(f.b)
	case fImage:
		w.imageLen = len(f.b)
		copy(w.image[:], f.b)
	case fAlternatives:
		return addAlternative(dst, f.b)
	case fMoreImages:
		return addImage(dst, f.b)
	case fMeasures:
		return addMeasure(dst, f.b)
	case fFormat:
		w.format = viewText(f.b)
	case fMake:
		w.make = viewText(f.b)
	case fColour:
		w.colour = viewText(f.b)
	case fImageKinds:
		w.imageKinds = viewText(f.b)
	case fQuarantine:
		w.hasQuarantine = true
		return w.quarantine.parseProtobuf(f.b)
	case fTick:
		w.hasTick = true
		return w.parseTick(f.b)
	}
	return nil
}

func addAlternative(dst *schemas.Read, b []byte) *schemas.RejectError {
	if len(dst.Alternatives) == schemas.MaxAlternatives {
		return tooManyAlternatives()
	}
	var f field
	var plate string
	var pm uint32
	for len(b) > 0 {
		n, rej := f.parseField(&alternativeShape, b)
		if rej != nil {
			return rej
		}
		b = b[n:]
		switch f.num {
		case 1:
			plate = viewText(f.b)
		case 2:
			pm = uint32(f.v)
		}
	}
	dst.Alternatives = append(dst.Alternatives, schemas.Alternative{Plate: plate, Confidence: clampPM(pm)})
	return nil
}

func addMeasure(dst *schemas.Read, b []byte) *schemas.RejectError {
	if len(dst.Measures) == schemas.MaxMeasures {
		return tooManyMeasures()
	}
	var f field
	var m schemas.Measure
	for len(b) > 0 {
		n, rej := f.parseField(&measureShape, b)
		if rej != nil {
			return rej
		}
		b = b[n:]
		switch f.num {
		case 1:
			m.Name = schemas.MeasureName(viewText(f.b))
		case 2:
			m.Value = int64(f.v)
		case 3:
			m.Uncertainty = int64(f.v)
		case 4:
			m.Device = viewText(f.b)
		}
	}
	dst.Measures = append(dst.Measures, m)
	return nil
}

// addImage keeps a further picture's sum. Unlike image_sha256, an empty sum does not take another back.
func addImage(dst *schemas.Read, sum []byte) *schemas.RejectError {
	switch {
	case len(sum) != len(schemas.Sum{}):
		return schemas.Rejectf(schemas.ReasonBadField, "more_images_sha256", "%d bytes, must be %d", len(sum), len(schemas.Sum{}))
	case len(dst.MoreImages) == schemas.MaxMoreImages:
		return schemas.Rejectf(schemas.ReasonTooLarge, "more_images_sha256", "more than %d of them", schemas.MaxMoreImages)
	}
	dst.MoreImages = append(dst.MoreImages, schemas.Sum(sum))
	return nil
}

// clampPM narrows a per-mille value; a value above 1000 stays above 1000 for the check.
func clampPM(v uint32) schemas.PerMille { return schemas.PerMille(min(v, 65535)) }

func (q *quarantineValues) parseProtobuf(b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n, rej := f.parseField(&quarantine, b)
		if rej != nil {
			return rej
		}
		b = b[n:]
		switch f.num {
		case 1:
			q.reason = viewText(f.b)
		case 2:
			q.field = viewText(f.b)
		case 3:
			q.detail = viewText(f.b)
		case 4:
			q.payload = f.b
		case 5:
			q.size = f.v
		case 6:
			q.contentType = viewText(f.b)
		}
	}
	return nil
}

func (w *wireValues) parseTick(b []byte) *schemas.RejectError {
	var f field
	for len(b) > 0 {
		n, rej := f.parseField(&tick, b)
		if rej != nil {
			return rej
		}
		b = b[n:]
		if f.num == 1 {
			w.tickAt = int64(f.v)
		}
	}
	return nil
}
