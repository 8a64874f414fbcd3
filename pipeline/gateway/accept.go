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

// acceptUpload turns an authenticated upload into records and answers for each event.
func (g *Gateway) acceptUpload(u *upload) {
	events, rej := parseUpload(u.path, u.contentType, u.body)
	if rej != nil {
		g.refuseUpload(u, rej)
		return
	}
	for _, e := range events {
		if e.Err == nil && e.Ignored == "" {
			e.Err = g.finishRead(u, e)
		}
		if e.isUnread() {
			g.finishUnread(u, e)
		}
	}
	if err := g.storeImages(u, events); err != nil {
		g.log.Error().Err(err).Msg("the image store did not take a picture; check its disk")
		g.answerRetry(u.w, http.StatusServiceUnavailable, causeImages,
			"the image store did not take a picture; send it again")
		return
	}
	for _, ev := range events {
		if ev.Ignored == "" && (ev.Err == nil || ev.isUnread()) {
			ev.setReadID()
		}
	}
	events = g.tracks.completeReads(u.cam.ID, u.r.Header.Get(findFormat(u.path).serialHeader), u.received, events)
	records, kept, err := g.buildRecords(u, events)
	if err != nil {
		panic("BUG: a read that was checked cannot be encoded")
	}
	if len(records) > 0 && !g.produceRecords(u, records) {
		return
	}
	if !g.produceDoubts(u, events) {
		return
	}
	g.recordClocks(u, events)
	g.markFrequentPlates(u, events)
	g.cfg.Metrics.Quarantined.Add(float64(kept))
	g.countEvents(u.path, events)
	writeOutcome(u.w, u.path, events)
}

// finishRead gives a read the time of capture and the camera, and refuses an impossible value.
func (g *Gateway) finishRead(u *upload, ev *CameraEvent) *schemas.RejectError {
	if rej := g.routeSource(u, ev); rej != nil {
		return rej
	}
	r, cam := ev.Read, ev.camera
	at, replaced := ev.stated.resolveCapture(u.received)
	if replaced {
		ev.addNotice(NoticeOffset)
	}
	rej := checkClock(at, u.received)
	if rej != nil && (r.LateUpload && !ev.trackEnded ||
		rej.Reason == schemas.ReasonClockAhead && findFormat(u.path).canonical) {
		return rej // from a buffer: the vehicle did not pass now; or from software, where the clock can be mended
	}
	if ev.stated.zone == zoneNone && r.LateUpload && !ev.trackEnded {
		return schemas.Rejectf(schemas.ReasonMissingField, "captured_at",
			"a read from the camera's buffer says no time of capture; send it")
	}
	if ev.timeless = rej != nil || ev.stated.zone == zoneNone; ev.timeless {
		at, r.ClockSuspect = u.received, true
		ev.addNotice(NoticeReceiptTime)
		ev.addNotice(NoticeClock)
	}
	if !cam.ValidAt(at) {
		return schemas.Rejectf(schemas.ReasonCameraExpired, "camera_id",
			"the registry does not cover this camera at %s; renew the entry", at)
	}
	plate, rej := g.readPlate(r)
	if rej != nil {
		return rej
	}
	r.CameraId, r.CapturedAtUs, r.ReceivedAtUs, r.Format = cam.ID, int64(at), int64(u.received), findFormat(u.path).Name
	if !ev.timeless && g.clocks.isSuspect(cam.ID, at, u.received, r.LateUpload) {
		r.ClockSuspect = true
		ev.addNotice(NoticeClock)
	}
	if ev.pictureElsewhere && len(ev.Images) == 0 {
		ev.addNotice(NoticeImageAddress)
	}
	ev.plate, ev.class = plate, plate.Class()
	g.markSecondSource(u, ev)
	return nil
}

// setReadID derives the read's id once the read is complete, pictures included. The id holds the time as stated by the
// device, because that time is the same at every delivery.
func (ev *CameraEvent) setReadID() {
	m := ev.Read
	r := schemas.Read{
		Camera: m.CameraId, EventID: m.CameraEventId, CapturedAt: ev.idTime(), RawPlate: m.RawPlate,
		CountryConfidence: schemas.PerMille(m.CountryConfidencePm), Confidence: schemas.PerMille(m.ConfidencePm),
		Lane:      uint8(m.Lane),
		Direction: schemas.Direction(m.Direction), Speed: schemas.Speed(m.SpeedDkmh),
		Kind: schemas.VehicleKind(m.VehicleKind),
		Make: m.Make, Colour: m.Colour,
	}
	r.Country, _ = schemas.CountryFrom(m.Country)
	copy(r.Image[:], m.ImageSha256)
	for _, c := range m.Candidates {
		r.Alternatives = append(r.Alternatives, schemas.Alternative{
			Plate:      c.Plate,
			Confidence: schemas.PerMille(c.ConfidencePm),
		})
	}
	for _, sum := range m.MoreImagesSha256 {
		r.MoreImages = append(r.MoreImages, schemas.Sum(sum))
	}
	r.Measures = measuresOf(m)
	id := schemas.NewReadID(&r)
	m.ReadId = id.ID[:]
}

// idTime returns the time for the read's id. A read without a time gets the minute of receipt: the same plate an hour
// later is another read, and a repetition within the minute is none.
func (ev *CameraEvent) idTime() schemas.Micros {
	if ev.stated.zone == zoneNone && !ev.isUnread() {
		received := schemas.Micros(ev.Read.ReceivedAtUs)
		return received - received%schemas.Minute
	}
	return ev.stated.instant()
}

func (g *Gateway) readPlate(r *anprv1.PlateRead) (schemas.Plate, *schemas.RejectError) {
	raw := r.RawPlate
	if len(raw) > schemas.MaxRawPlate {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate",
			"%d bytes, at most %d are taken", len(raw), schemas.MaxRawPlate)
	}
	if strings.ContainsRune(raw, '\uFFFD') {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadUTF8, "raw_plate",
			"holds bytes that are no text; send UTF-8 or declare the encoding")
	}
	country, _ := schemas.CountryFrom(r.Country)
	plate, err := g.cfg.Normalise(raw, country, schemas.PerMille(r.ConfidencePm))
	var rej *schemas.RejectError
	if errors.As(err, &rej) && rej != nil {
		return plate, schemas.Rejectf(rej.Reason, "raw_plate", "%s", rej.Detail)
	}
	if plate.IsZero() {
		return plate, schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate",
			"no plate can be made of it; a plate has 1 to %d letters and digits", schemas.MaxPlate)
	}
	return plate, nil
}

// storeImages stores the pictures of good reads before their sums go on the log.
func (g *Gateway) storeImages(u *upload, events []*CameraEvent) error {
	ctx := context.WithoutCancel(u.r.Context())
	stored := map[*byte]schemas.Sum{} // events from one part share the pictures
	for _, ev := range events {
		wanted := ev.Err == nil || ev.isUnread() && g.cfg.KeepUnread
		if ev.Ignored != "" || len(ev.Images) == 0 || !wanted {
			continue
		}
		if g.cfg.Images == nil {
			ev.addNotice(NoticeImage)
			continue
		}
		pictures := ev.pickImages(maxImages+1, g.cfg.MaxImage)
		ev.Read.ImageKinds = kindsWith(ev.Read, pictures)
		for i, img := range pictures {
			sum, ok := stored[&img.Data[0]]
			if !ok {
				var err error
				if sum, err = g.cfg.Images.Put(ctx, img.Data); err != nil {
					return fmt.Errorf("store picture: %w", err)
				}
				stored[&img.Data[0]] = sum
				g.cfg.Metrics.Images.Inc()
			}
			if i == 0 && len(ev.Read.ImageSha256) == 0 {
				ev.Read.ImageSha256 = sum[:]
			} else if len(ev.Read.MoreImagesSha256) < maxImages {
				ev.Read.MoreImagesSha256 = append(ev.Read.MoreImagesSha256, sum[:])
			}
		}
	}
	return nil
}

// kindsWith returns the roles of the pictures that a read names already, and then of those that come with it.
func kindsWith(r *anprv1.PlateRead, pictures []Image) string {
	named := len(r.MoreImagesSha256) + min(len(r.ImageSha256), 1)
	kinds := appendKinds(schemas.PictureKindsOf(r.ImageKinds, named), pictures)
	return schemas.JoinPictureKinds(kinds[:min(len(kinds), maxImages+1)])
}

// buildRecords encodes the good reads and the refusals. A refused event keeps a part of the upload for itself; all
// others share one record with the whole upload. Beyond maxLetters every event shares that record, so an upload with
// many reads never makes as many dead letters.
func (g *Gateway) buildRecords(u *upload, events []*CameraEvent) (out []Record, kept int, err error) {
	var whole *schemas.RejectError
	more := 0
	for _, ev := range events {
		switch {
		case ev.Ignored != "" || ev.isUnread():
		case ev.Err == nil:
			rec, err := g.encodeRead(u, ev)
			if err != nil {
				return nil, 0, err
			}
			out = append(out, rec)
		case ev.part != nil && kept < maxLetters:
			out = append(out, g.buildQuarantine(u, ev.Err, ev.part))
			kept++
		case whole == nil:
			whole = ev.Err
		default:
			more++
		}
	}
	if whole != nil {
		if more > 0 {
			whole = schemas.Rejectf(whole.Reason, whole.Field, "%s (and %d more of this upload)", whole.Detail, more)
		}
		out = append(out, g.buildQuarantine(u, whole, nil))
		kept++
	}
	return out, kept, nil
}

func (g *Gateway) encodeRead(u *upload, ev *CameraEvent) (Record, error) {
	value, err := proto.Marshal(ev.Read)
	return Record{
		Key: ev.class.AppendTo(nil), Value: value, Time: u.received.Time(), Camera: ev.camera.ID,
		Partition: schemas.Partition(ev.class, ev.camera.ID, g.cfg.Partitions),
	}, err
}

// buildQuarantine makes the record for a refused upload, or for the refused part alone.
func (g *Gateway) buildQuarantine(u *upload, rej *schemas.RejectError, part []byte) Record {
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
			Reason: rej.Reason.String(), Field: boundText(rej.Field, schemas.MaxText),
			Detail:  boundText(rej.Detail, 1000),
			Payload: payload, PayloadSize: uint64(size), ContentType: boundText(u.contentType, 200),
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

// boundText makes a text fit for the wire: UTF-8, and at most n bytes as decode demands.
func boundText(s string, n int) string { return cutText(strings.ToValidUTF8(s, "?"), n) }

func (g *Gateway) countEvents(path string, events []*CameraEvent) {
	m, format := g.cfg.Metrics, findFormat(path).Name
	for _, ev := range events {
		switch {
		case ev.isUnread():
			g.countUnread(ev, format)
		case ev.Err != nil:
			m.Refused.WithLabelValues(ev.Err.Reason.String()).Inc()
		case ev.Ignored != "":
			m.Ignored.WithLabelValues(format, string(ev.Ignored)).Inc()
		default:
			m.Accepted.WithLabelValues(format).Inc()
			for _, n := range ev.Notices {
				m.Notices.WithLabelValues(string(n)).Inc()
			}
		}
	}
}

// httpStatus maps a refusal to HTTP.
func httpStatus(rej *schemas.RejectError) int {
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
	case schemas.ReasonNone, schemas.ReasonMissingField, schemas.ReasonBadField, schemas.ReasonTooLarge,
		schemas.ReasonPlateUnread,
		schemas.ReasonBadPlate, schemas.ReasonClockAhead, schemas.ReasonClockBehind:
	}
	return http.StatusUnprocessableEntity
}
