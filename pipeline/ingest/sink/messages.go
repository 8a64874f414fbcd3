package sink

import (
	"crypto/sha256"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// maxDetail bounds the explanation a reject carries, in bytes.
const maxDetail = 1024

func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic("BUG: a message of this package must marshal: " + err.Error())
	}
	return b
}

// text makes any bytes a legal Protobuf string: a rejected record may hold anything.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func digest(s schemas.Sum) []byte {
	if s.IsZero() {
		return nil
	}
	return s[:]
}

func hitMessage(h *schemas.Hit, r *schemas.Read) *anprv1.Hit {
	audience := make([]string, len(h.Entry.Audience))
	for i, zone := range h.Entry.Audience {
		audience[i] = text(zone)
	}
	return &anprv1.Hit{
		HitId: h.ID.ID[:], ReadId: r.ID.ID[:], PassageId: h.Passage.ID[:], CameraId: text(r.Camera),
		CapturedAtUs: int64(r.CapturedAt), ReceivedAtUs: int64(r.ReceivedAt),
		Plate: r.Plate.String(), RawPlate: text(r.RawPlate), ListedPlate: h.Entry.Plate.String(),
		Match: h.Match.String(), List: text(h.Entry.List), EntryId: text(h.Entry.ID), Reason: text(h.Entry.Reason),
		CaseRef: text(h.Entry.CaseRef), Priority: uint32(h.Entry.Priority), Audience: audience,
		ConfidencePm: uint32(r.Confidence), ImageSha256: digest(r.Image), Late: r.Flags&schemas.FlagLate != 0,
		ReferenceVersion: text(h.ReferenceVersion),
	}
}

func offenceMessage(d *schemas.Decision, trace []byte) *anprv1.Offence {
	return &anprv1.Offence{
		OffenceId: d.Offence.ID[:], PassageId: d.Passage.ID[:], ReadId: d.On.Read.ID[:],
		Rule: text(string(d.Rule)), RuleVersion: text(d.RuleVersion), Family: text(string(d.Family)),
		Status: statusOf(d.Outcome), StatusReason: text(d.Reason), HoldUntilUs: int64(d.HoldUntil),
		CameraId: text(d.On.Camera), CapturedAtUs: int64(d.On.CapturedAt),
		Plate: d.On.Plate.String(), Country: text(d.On.Country.String()),
		MeasuredDkmh: int32(d.Measured), CorrectedDkmh: int32(d.Corrected), LimitDkmh: int32(d.Limit),
		AmountCents: d.AmountCents, LegalBasis: text(d.LegalBasis), TraceJson: text(string(trace)),
		CatalogueVersion: text(d.CatalogueVersion), ReferenceVersion: text(d.ReferenceVersion),
		ImageSha256: digest(d.On.Image), SealSha256: digest(d.Seal), PrevSealSha256: digest(d.PrevSeal),
		Verified: d.Verified,
	}
}

func rejectMessage(r *shard.RejectRow) *anprv1.Reject {
	sum := sha256.Sum256(r.Payload)
	detail := r.Err.Detail
	return &anprv1.Reject{
		Topic: text(r.Pos.Topic), Partition: r.Pos.Partition, Offset: r.Pos.Offset,
		Reason: r.Err.Reason.String(), Field: text(r.Err.Field), Detail: text(detail[:min(len(detail), maxDetail)]),
		CameraId: text(r.Camera[:min(len(r.Camera), maxDetail)]), ReceivedAtUs: int64(r.ReceivedAt),
		Payload: r.Payload, PayloadSize: wholeSize(r), PayloadSha256: sum[:], Upload: r.Quarantined,
	}
}

// cutPayload shortens the payload until the message has at most most bytes, and reports whether it had to.
func cutPayload(m *anprv1.Reject, most int) bool {
	over := proto.Size(m) - most
	if over <= 0 || len(m.Payload) == 0 {
		return false
	}
	m.Payload = m.Payload[:max(len(m.Payload)-over, 0)]
	return true
}

// halvePayload is a reject's shrink: half the payload, none left at last; false when there is nothing to cut.
func halvePayload(value []byte) ([]byte, bool) {
	var m anprv1.Reject
	if err := proto.Unmarshal(value, &m); err != nil {
		panic("BUG: a reject of this package must unmarshal: " + err.Error())
	}
	if len(m.Payload) == 0 {
		return nil, false
	}
	m.Payload = m.Payload[:len(m.Payload)/2]
	return encode(&m), true
}
