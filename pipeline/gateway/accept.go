package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// accept makes an authenticated upload into records and answers for each of its events.
func (g *Gateway) accept(u *upload) {
	events, rej := parse(u.path, u.contentType, u.body)
	if rej != nil {
		g.refuse(u, rej)
		return
	}
	for _, e := range events {
		if e.Err == nil && e.Ignored == "" {
			e.Err = g.finish(u, e)
		}
		if e.unread() {
			g.finishUnread(u, e)
		}
	}
	if err := g.storeImages(u, events); err != nil {
		g.log.Error().Err(err).Msg("the image store did not take a picture; check its disk")
		g.later(u.w, http.StatusServiceUnavailable, causeImages, "the image store did not take a picture; send it again")
		return
	}
	for _, p := range events {
		if p.Ignored == "" && (p.Err == nil || p.unread()) {
			p.identify()
		}
	}
	events = g.tracks.complete(u.cam.ID, u.r.Header.Get(headerSerial), u.received, events)
	records, kept, err := g.records(u, events)
	if err != nil {
		panic("BUG: a read that was checked cannot be encoded")
	}
	if len(records) > 0 && !g.produce(u, records) {
		return
	}
	if !g.noteMisreads(u, events) {
		return
	}
	g.noteClocks(u, events)
	g.noteOften(u, events)
	g.cfg.Metrics.Quarantined.Add(float64(kept))
	g.count(u.path, events)
	writeOutcome(u.w, events)
}

// finish gives a read its time and camera, and refuses what cannot be.
func (g *Gateway) finish(u *upload, p *Parsed) *schemas.RejectError {
	if rej := g.routeSource(u, p); rej != nil {
		return rej
	}
	r, cam := p.Read, p.cam
	at, replaced := p.when.resolve(u.received)
	if replaced {
		p.note(NoteOffset)
	}
	rej := checkClock(at, u.received)
	if rej != nil && (r.LateUpload && !p.ended || rej.Reason == schemas.ReasonClockAhead && formatAt(u.path).strict) {
		return rej // from the camera's buffer, so it did not pass now; or from software, which can mend its clock
	}
	if p.when.zone == zoneNone && r.LateUpload && !p.ended {
		return schemas.Rejectf(schemas.ReasonMissingField, "captured_at", "a read from the camera's buffer says no time of capture; send it")
	}
	if p.timeless = rej != nil || p.when.zone == zoneNone; p.timeless {
		at, r.ClockSuspect = u.received, true
		p.note(NoteReceiptTime)
		p.note(NoteClock)
	}
	if !cam.ValidAt(at) {
		return schemas.Rejectf(schemas.ReasonCameraExpired, "camera_id", "the registry does not cover this camera at %s; renew the entry", at)
	}
	plate, rej := g.canonicalPlate(r)
	if rej != nil {
		return rej
	}
	r.CameraId, r.CapturedAtUs, r.ReceivedAtUs, r.Format = cam.ID, int64(at), int64(u.received), formatAt(u.path).Name
	if !p.timeless && g.clocks.suspect(cam.ID, at, u.received, r.LateUpload) {
		r.ClockSuspect = true
		p.note(NoteClock)
	}
	if p.elsewhere && len(p.Images) == 0 {
		p.note(NoteImageAddress)
	}
	p.named, p.class = plate, plate.Class()
	g.noteSource(u, p)
	return nil
}

// identify derives the read's id when all of it is known, pictures included. The time in it is the one that the device
// stated: it is the same at every delivery.
func (p *Parsed) identify() {
	m := p.Read
	r := schemas.Read{
		Camera: m.CameraId, EventID: m.CameraEventId, CapturedAt: p.statedAt(), RawPlate: m.RawPlate,
		CountryConfidence: schemas.PerMille(m.CountryConfidencePm), Confidence: schemas.PerMille(m.ConfidencePm), Lane: uint8(m.Lane),
		Direction: schemas.Direction(m.Direction), Speed: schemas.Speed(m.SpeedDkmh), Kind: schemas.VehicleKind(m.VehicleKind),
		Make: m.Make, Colour: m.Colour,
	}
	r.Country, _ = schemas.CountryFrom(m.Country)
	copy(r.Image[:], m.ImageSha256)
	for _, c := range m.Candidates {
		r.Candidates = append(r.Candidates, schemas.Candidate{Plate: c.Plate, Confidence: schemas.PerMille(c.ConfidencePm)})
	}
	for _, sum := range m.MoreImagesSha256 {
		r.MoreImages = append(r.MoreImages, schemas.Sum(sum))
	}
	id := schemas.NewReadID(&r)
	m.ReadId = id.ID[:]
}

// statedAt is the time that goes into the id. For a read whose message says none it is the minute of receipt: the same
// plate an hour later is another read, and a repetition within the minute is none.
func (p *Parsed) statedAt() schemas.Micros {
	if p.when.zone == zoneNone && !p.unread() {
		received := schemas.Micros(p.Read.ReceivedAtUs)
		return received - received%schemas.Minute
	}
	return p.when.device()
}

func (g *Gateway) canonicalPlate(r *anprv1.PlateRead) (schemas.Plate, *schemas.RejectError) {
	raw := r.RawPlate
	if len(raw) > schemas.MaxRawPlate {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate", "%d bytes, at most %d are taken", len(raw), schemas.MaxRawPlate)
	}
	if strings.ContainsRune(raw, '\uFFFD') {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadUTF8, "raw_plate", "holds bytes that are no text; send UTF-8 or declare the encoding")
	}
	country, _ := schemas.CountryFrom(r.Country)
	plate, err := g.cfg.Normalise(raw, country, schemas.PerMille(r.ConfidencePm))
	var rej *schemas.RejectError
	if errors.As(err, &rej) && rej != nil {
		return plate, schemas.Rejectf(rej.Reason, "raw_plate", "%s", rej.Detail)
	}
	if plate.IsZero() {
		return plate, schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate", "no plate can be made of it; a plate has 1 to %d letters and digits", schemas.MaxPlate)
	}
	return plate, nil
}

// storeImages keeps the pictures of the good reads before their sums go on the log.
func (g *Gateway) storeImages(u *upload, events []*Parsed) error {
	ctx := context.WithoutCancel(u.r.Context())
	stored := map[*byte]schemas.Sum{} // events of one part share its pictures
	for _, p := range events {
		wanted := p.Err == nil || p.unread() && g.cfg.KeepUnread
		if p.Ignored != "" || len(p.Images) == 0 || !wanted {
			continue
		}
		if g.cfg.Images == nil {
			p.note(NoteImage)
			continue
		}
		for i, img := range p.pickImages(maxImages+1, g.cfg.MaxImage) {
			sum, ok := stored[&img.Data[0]]
			if !ok {
				var err error
				if sum, err = g.cfg.Images.Put(ctx, img.Data); err != nil {
					return fmt.Errorf("store picture: %w", err)
				}
				stored[&img.Data[0]] = sum
				g.cfg.Metrics.Images.Inc()
			}
			if i == 0 && len(p.Read.ImageSha256) == 0 {
				p.Read.ImageSha256 = sum[:]
			} else if len(p.Read.MoreImagesSha256) < maxImages {
				p.Read.MoreImagesSha256 = append(p.Read.MoreImagesSha256, sum[:])
			}
		}
	}
	return nil
}

// records encodes the good reads, and what was refused: each event with its own part of the upload, all others together
// once with the whole of it. Beyond maxLetters the parts share that one: an upload never makes a dead letter a read.
func (g *Gateway) records(u *upload, events []*Parsed) (out []Record, kept int, err error) {
	var whole *schemas.RejectError
	more := 0
	for _, p := range events {
		switch {
		case p.Ignored != "" || p.unread():
		case p.Err == nil:
			rec, err := g.record(u, p)
			if err != nil {
				return nil, 0, err
			}
			out = append(out, rec)
		case p.raw != nil && kept < maxLetters:
			out = append(out, g.quarantine(u, p.Err, p.raw))
			kept++
		case whole == nil:
			whole = p.Err
		default:
			more++
		}
	}
	if whole != nil {
		if more > 0 {
			whole = schemas.Rejectf(whole.Reason, whole.Field, "%s (and %d more of this upload)", whole.Detail, more)
		}
		out = append(out, g.quarantine(u, whole, nil))
		kept++
	}
	return out, kept, nil
}

func (g *Gateway) record(u *upload, p *Parsed) (Record, error) {
	value, err := proto.Marshal(p.Read)
	return Record{
		Key: p.class.AppendTo(nil), Value: value, Time: u.received.Time(), Camera: p.cam.ID,
		Partition: schemas.Partition(p.class, p.cam.ID, g.cfg.Partitions),
	}, err
}

// quarantine makes the record of a refused upload, or of the part of it that was refused.
func (g *Gateway) quarantine(u *upload, rej *schemas.RejectError, part []byte) Record {
	payload, size := u.body, u.size
	if part != nil {
		payload, size = part, int64(len(part))
	}
	if len(payload) > g.cfg.KeepPayload {
		payload = payload[:g.cfg.KeepPayload]
	}
	value, err := proto.Marshal(&anprv1.PlateRead{
		CameraId: u.camera, ReceivedAtUs: int64(u.received),
		Quarantine: &anprv1.Quarantine{
			Reason: rej.Reason.String(), Field: bounded(rej.Field, schemas.MaxText), Detail: bounded(rej.Detail, 1000),
			Payload: payload, PayloadSize: uint64(size), ContentType: bounded(u.contentType, 200),
		},
	})
	if err != nil {
		panic("BUG: a quarantine record cannot be encoded")
	}
	return Record{
		Key: []byte(u.camera), Value: value, Time: u.received.Time(), Camera: u.camera,
		Partition: schemas.Partition(schemas.Class{}, u.camera, g.cfg.Partitions),
	}
}

// bounded makes a text fit for the wire: UTF-8, and at most n bytes as decode demands.
func bounded(s string, n int) string { return cut(strings.ToValidUTF8(s, "?"), n) }

func (g *Gateway) count(path string, events []*Parsed) {
	m, format := g.cfg.Metrics, formatAt(path).Name
	for _, p := range events {
		switch {
		case p.unread():
			g.countUnread(p, format)
		case p.Err != nil:
			m.Refused.WithLabelValues(p.Err.Reason.String()).Inc()
		case p.Ignored != "":
			m.Ignored.WithLabelValues(format, string(p.Ignored)).Inc()
		default:
			m.Accepted.WithLabelValues(format).Inc()
			for _, n := range p.Notes {
				m.Notes.WithLabelValues(string(n)).Inc()
			}
		}
	}
}

// status maps a refusal to HTTP.
func status(rej *schemas.RejectError) int {
	switch rej.Reason {
	case schemas.ReasonMalformed, schemas.ReasonBadUTF8:
		return http.StatusBadRequest
	case schemas.ReasonUnauthorised:
		return http.StatusUnauthorized
	case schemas.ReasonCameraExpired:
		return http.StatusForbidden
	case schemas.ReasonUnknownCamera:
		return http.StatusNotFound
	case schemas.ReasonUnsupported:
		switch rej.Field {
		case fieldContentType, "Content-Encoding":
			return http.StatusUnsupportedMediaType
		case "path":
			return http.StatusNotFound
		}
	case schemas.ReasonNone, schemas.ReasonMissingField, schemas.ReasonBadField, schemas.ReasonTooLarge, schemas.ReasonPlateUnread,
		schemas.ReasonBadPlate, schemas.ReasonClockAhead, schemas.ReasonClockBehind:
	}
	return http.StatusUnprocessableEntity
}
