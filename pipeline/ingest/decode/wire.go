package decode

import "github.com/gvc-brussels/anpr/schemas"

// Bounds for wire fields without a bound in schemas, in bytes. Country is a code; our gateway writes the others.
const (
	maxCountry     = schemas.MaxText
	maxDetail      = 1024
	maxContentType = 256
)

// The range of instants in a log; any other instant means a broken clock or a broken producer.
const (
	earliest = schemas.Micros(1577836800_000000) // 2020-01-01T00:00:00Z
	latest   = schemas.Micros(4102444800_000000) // 2100-01-01T00:00:00Z, exclusive
)

// wireValues holds a PlateRead's values before the checks. Strings alias the record. Fixed-size byte fields are
// copied, with their original length, so wireValues never points into itself. Alternatives go straight to the read.
type wireValues struct {
	camera, plate, country, event, format, make, colour, imageKinds string
	captured, received                                              int64
	countryPM, confidencePM, lane, speed                            uint32
	direction, kind                                                 int32
	readIDLen, imageLen                                             int
	readID                                                          schemas.ID
	image                                                           schemas.Sum
	lateUpload, suspect                                             bool
	hasTick, hasQuarantine                                          bool
	tickAt                                                          int64
	quarantine                                                      quarantineValues
}

type quarantineValues struct {
	reason, field, detail, contentType string
	payload                            []byte
	size                               uint64
}

// keepIdentity keeps a rejected record's camera and receipt time for the dead-letter row.
func (w *wireValues) keepIdentity(dst *schemas.Read) {
	dst.Reset()
	if len(w.camera) <= schemas.MaxCameraID {
		dst.Camera = w.camera
	}
	if t := schemas.Micros(w.received); inLogTime(t) {
		dst.ReceivedAt = t
	}
}

// fillRead checks the wire values and moves them into the read.
func (w *wireValues) fillRead(dst *schemas.Read) *schemas.RejectError {
	rej := w.checkValues(dst.Alternatives)
	if rej == nil && len(dst.Measures) > 0 && !w.hasTick {
		dst.Measures, rej = schemas.CheckMeasures(dst.Measures)
	}
	if rej != nil {
		w.keepIdentity(dst)
		return rej
	}
	switch {
	case w.hasTick:
		dst.Alternatives, dst.MoreImages, dst.Measures = dst.Alternatives[:0], dst.MoreImages[:0], dst.Measures[:0] // the record's other fields make no read
		dst.Tick = schemas.Micros(w.tickAt)
		dst.ReceivedAt = schemas.Micros(w.received)
		switch w.format {
		case schemas.FormatMark:
			dst.Format = schemas.FormatMark
		case schemas.FormatDoubt:
			dst.Format, dst.Camera, dst.RawPlate, dst.CapturedAt = w.format, w.camera, w.plate, schemas.Micros(w.captured)
		}
		return nil
	case w.hasQuarantine:
		reason, _ := schemas.ParseReason(w.quarantine.reason)
		q := &w.quarantine
		dst.Quarantine = &schemas.Quarantine{
			Reason: reason, Field: q.field, Detail: q.detail, Payload: q.payload, PayloadSize: q.size, ContentType: q.contentType,
		}
	}
	w.copyValues(dst)
	return nil
}

func (w *wireValues) copyValues(dst *schemas.Read) {
	dst.Camera = w.camera
	dst.EventID = w.event
	dst.CapturedAt = schemas.Micros(w.captured)
	dst.ReceivedAt = schemas.Micros(w.received)
	dst.RawPlate = w.plate
	dst.Country, _ = schemas.CountryFrom(w.country)
	dst.CountryConfidence = schemas.PerMille(w.countryPM)
	dst.Confidence = schemas.PerMille(w.confidencePM)
	dst.Lane = uint8(w.lane)
	dst.Speed = schemas.Speed(w.speed)
	if w.imageLen != 0 { // a later, empty occurrence on the wire takes an earlier image back
		dst.Image = w.image
	}
	dst.Format = w.format
	dst.Make = w.make
	dst.Colour = w.colour
	dst.ImageKinds = w.imageKinds
	if d := schemas.Direction(w.direction); w.direction >= 0 && w.direction <= 255 && d.Valid() {
		dst.Direction = d
	}
	if k := schemas.VehicleKind(w.kind); w.kind >= 0 && w.kind <= 255 && k.Valid() {
		dst.Kind = k
	}
	if w.lateUpload {
		dst.Flags |= schemas.FlagLateUpload
	}
	if w.suspect {
		dst.Flags |= schemas.FlagClockSuspect
	}
	switch {
	case w.readIDLen != 0:
		dst.ID = schemas.ReadID{ID: w.readID}
	case dst.Quarantine == nil:
		dst.ID = schemas.NewReadID(dst)
	}
}

func inLogTime(t schemas.Micros) bool { return t >= earliest && t < latest }
