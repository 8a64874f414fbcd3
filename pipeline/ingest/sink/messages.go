package sink

import (
	"crypto/sha256"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// maxDetail bounds the explanation in a reject, in bytes.
const maxDetail = 1024

func encodeMessage(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic("BUG: a message of this package must marshal: " + err.Error())
	}
	return b
}

// validText makes any bytes a legal Protobuf string: a rejected record may hold any bytes.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func digestBytes(s schemas.Sum) []byte {
	if s.IsZero() {
		return nil
	}
	return s[:]
}

func hitMessage(h *schemas.Hit, r *schemas.Read) *anprv1.Hit {
	audience := make([]string, len(h.Entry.Audience))
	for i, zone := range h.Entry.Audience {
		audience[i] = validText(zone)
	}
	return &anprv1.Hit{
		HitId: h.ID.ID[:], ReadId: r.ID.ID[:], PassageId: h.Passage.ID[:], CameraId: validText(r.Camera),
		CapturedAtUs: int64(r.CapturedAt), ReceivedAtUs: int64(r.ReceivedAt),
		Plate: r.Plate.String(), RawPlate: validText(r.RawPlate), ListedPlate: h.Entry.Plate.String(),
		Match: h.Match.String(), List: validText(h.Entry.List), EntryId: validText(h.Entry.ID), Reason: validText(h.Entry.Reason),
		CaseRef: validText(h.Entry.CaseRef), Priority: uint32(h.Entry.Priority), Audience: audience,
		ConfidencePm: uint32(r.Confidence), ImageSha256: digestBytes(r.Image), Late: r.Flags&schemas.FlagLate != 0,
		ReferenceVersion: validText(h.ReferenceVersion),
	}
}

func offenceMessage(row *shard.DecisionRow, trace []byte) *anprv1.Offence {
	d := row.Decision
	at := locationOf(row.Camera, d.On.CapturedAt)
	return &anprv1.Offence{
		OffenceId: d.Offence.ID[:], PassageId: d.Passage.ID[:], ReadId: d.On.Read.ID[:],
		Rule: validText(string(d.Rule)), RuleVersion: validText(d.RuleVersion), Family: validText(string(d.Family)),
		Status: statusOf(d.Outcome), StatusReason: validText(d.Reason), HoldUntilUs: int64(d.HoldUntil),
		CameraId: validText(d.On.Camera), CapturedAtUs: int64(d.On.CapturedAt),
		Plate: d.On.Plate.String(), Country: validText(d.On.Country.String()),
		MeasuredDkmh: int32(d.Speed(schemas.MeasuredSpeed)), CorrectedDkmh: int32(d.Speed(schemas.CorrectedSpeed)), LimitDkmh: int32(d.Speed(schemas.AllowedSpeed)),
		AmountCents: d.AmountCents, LegalBasis: validText(d.LegalBasis), TraceJson: validText(string(trace)),
		CatalogueVersion: validText(d.CatalogueVersion), ReferenceVersion: validText(d.ReferenceVersion),
		ImageSha256: digestBytes(d.On.Image), SealSha256: digestBytes(d.Seal), PrevSealSha256: digestBytes(d.PrevSeal),
		Verified: d.Verified, Measures: measureMessages(d.Measures),
		Sealed: d.Sealed, Zone: validText(at.zone), Municipality: at.municipality, Site: validText(at.site),
		Straggler: row.Straggler,
	}
}

func measureMessages(measures []schemas.Measure) []*anprv1.Measure {
	out := make([]*anprv1.Measure, len(measures))
	for i := range measures {
		m := &measures[i]
		out[i] = &anprv1.Measure{Name: validText(string(m.Name)), Value: m.Value, Uncertainty: m.Uncertainty, Device: validText(m.Device)}
	}
	return out
}

func rejectMessage(r *shard.RejectRow) *anprv1.Reject {
	sum := sha256.Sum256(r.Payload)
	detail := r.Err.Detail
	return &anprv1.Reject{
		Topic: validText(r.Pos.Topic), Partition: r.Pos.Partition, Offset: r.Pos.Offset,
		Reason: r.Err.Reason.String(), Field: validText(r.Err.Field), Detail: validText(detail[:min(len(detail), maxDetail)]),
		CameraId: validText(r.Camera[:min(len(r.Camera), maxDetail)]), ReceivedAtUs: int64(r.ReceivedAt),
		Payload: r.Payload, PayloadSize: wholeSize(r), PayloadSha256: sum[:], Upload: r.Quarantined,
	}
}

// cutPayload shortens the payload until the message has at most most bytes, and reports whether it cut.
func cutPayload(m *anprv1.Reject, most int) bool {
	over := proto.Size(m) - most
	if over <= 0 || len(m.Payload) == 0 {
		return false
	}
	m.Payload = m.Payload[:max(len(m.Payload)-over, 0)]
	return true
}

// halvePayload is a reject's shrink function: it halves the payload, in the end to nothing. It returns false for an
// empty payload.
func halvePayload(value []byte) ([]byte, bool) {
	var m anprv1.Reject
	if err := proto.Unmarshal(value, &m); err != nil {
		panic("BUG: a reject of this package must unmarshal: " + err.Error())
	}
	if len(m.Payload) == 0 {
		return nil, false
	}
	m.Payload = m.Payload[:len(m.Payload)/2]
	return encodeMessage(&m), true
}
