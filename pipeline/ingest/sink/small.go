package sink

import (
	"crypto/sha256"
	"unsafe"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Each table with few rows has a function for filling the row struct; the columns follow from the struct. A row's text
// may alias its source, because addRow copies it at once.

// payloadHead bounds the bytes of a rejected payload in the table; the dead-letter topic has the whole.
const payloadHead = 512

// plateTexts gives plates as texts without an allocation each. The texts are valid until reset.
type plateTexts []byte

func (p *plateTexts) reset() { *p = (*p)[:0] }

func (p *plateTexts) viewPlate(plate schemas.Plate) string {
	start := len(*p)
	*p = plate.AppendTo(*p)
	return viewText((*p)[start:])
}

// viewText views bytes as text. The bytes must not change while the text is in use.
func viewText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// viewSum views a sum as a digest, empty for the zero sum. The sum must not change while the digest is in use.
func viewSum(s *schemas.Sum) schemas.Digest {
	if s.IsZero() {
		return ""
	}
	return schemas.Digest(viewText(s[:]))
}

// AddMerge adds a row to merges: a record without a row in reads, because it repeats another record.
func (b *ColumnBlock) AddMerge(kind shard.MergeKind, r *schemas.Read, p schemas.PassageID, pos shard.Position) {
	*b.merges.row = schemas.MergeRow{
		ReadID: r.ID, PassageID: p, Kind: kind.String(), Camera: r.Camera, CapturedAt: r.CapturedAt.Time(), ReceivedAt: r.ReceivedAt.Time(),
		Partition: pos.Partition, Offset: pos.Offset,
	}
	b.merges.addRow()
}

// AddReject adds a row to rejects. payload_sha256 is the digest over r.Payload as given. When the gateway cut the
// payload before the log, the digest covers the bytes on the log, while payload_size is the whole payload's size.
func (b *ColumnBlock) AddReject(r *shard.RejectRow) {
	sum := schemas.Sum(sha256.Sum256(r.Payload))
	*b.rejects.row = schemas.RejectRow{
		Reason: r.Err.Reason.String(), Field: r.Err.Field, Detail: r.Err.Detail, Camera: r.Camera, Zone: r.Zone, ReceivedAt: r.ReceivedAt.Time(),
		PayloadHead: r.Payload[:min(len(r.Payload), payloadHead)], PayloadSize: wholeSize(r), PayloadSum: viewSum(&sum), Topic: r.Pos.Topic,
		Partition: r.Pos.Partition, Offset: r.Pos.Offset,
	}
	b.rejects.addRow()
}

func wholeSize(r *shard.RejectRow) uint64 { return max(r.PayloadSize, uint64(len(r.Payload))) }

// AddHit adds a row to hits.
func (b *ColumnBlock) AddHit(h *schemas.Hit, r *schemas.Read, cam *schemas.Camera, pos shard.Position, processed schemas.Micros) {
	at := locationOf(cam, r.CapturedAt)
	b.texts.reset()
	*b.hits.row = schemas.HitRow{
		HitID: h.ID, List: h.Entry.List, EntryID: h.Entry.ID, ListedPlate: b.texts.viewPlate(h.Entry.Plate), Match: h.Match.String(), Reason: h.Entry.Reason,
		CaseRef: h.Entry.CaseRef, Priority: h.Entry.Priority, Audience: h.Entry.Audience, Plate: b.texts.viewPlate(r.Plate), RawPlate: r.RawPlate,
		ReadID: r.ID, PassageID: h.Passage, Camera: r.Camera, Site: at.site, Zone: at.zone, Municipality: at.municipality,
		CapturedAt: r.CapturedAt.Time(), ReceivedAt: r.ReceivedAt.Time(), Confidence: uint16(r.Confidence), Image: viewSum(&r.Image),
		Late: r.Flags&schemas.FlagLate != 0, Reference: h.ReferenceVersion, Partition: pos.Partition, Offset: pos.Offset, ProcessedAt: processed.Time(),
	}
	b.hits.addRow()
}

// AddDecision adds a row to decisions and, for an offence or a hold, a row to offences; then only the latter has the
// trace. cam is the deciding read's camera, nil when the camera left the registry meanwhile.
func (b *ColumnBlock) AddDecision(d *schemas.Decision, class schemas.Class, cam *schemas.Camera, pos shard.Position, seq uint32) {
	b.traced = evidence.AppendTrace(b.traced[:0], d.Trace)
	trace := viewText(b.traced)
	if status := statusOf(d.Outcome); status != "" {
		b.fillOffence(d, class, cam, pos)
		b.offences.row.Status, b.offences.row.Trace, b.offences.row.Seq = status, trace, seq
		b.offences.addRow()
		trace = ""
	}
	b.texts.reset()
	*b.decisions.row = schemas.DecisionRow{
		PassageID: d.Passage, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Outcome: d.Outcome.String(), Reason: d.Reason,
		OffenceID: d.Offence, Plate: b.texts.viewPlate(d.On.Plate), Country: d.On.Country.String(), Camera: d.On.Camera, ReadID: d.On.Read,
		CapturedAt: d.On.CapturedAt.Time(), Trace: trace, Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion,
		Partition: pos.Partition, Offset: pos.Offset,
	}
	b.decisions.addRow()
}

// statusOf names the status of an offence row, or "" for an outcome without such a row.
func statusOf(o schemas.Outcome) string {
	switch o {
	case schemas.OutcomeOffence:
		return "candidate"
	case schemas.OutcomeHeld:
		return "held"
	default:
		return ""
	}
}

// fillOffence fills the offence row without status, trace and seq.
func (b *ColumnBlock) fillOffence(d *schemas.Decision, class schemas.Class, cam *schemas.Camera, pos shard.Position) {
	at := locationOf(cam, d.On.CapturedAt)
	b.texts.reset()
	b.measures.SetMeasures(d.Measures)
	*b.offences.row = schemas.OffenceRow{
		OffenceID: d.Offence, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Reason: d.Reason, HoldUntil: d.HoldUntil.Time(),
		Plate: b.texts.viewPlate(d.On.Plate), Class: b.texts.viewPlate(class.Plate), Country: d.On.Country.String(), PassageID: d.Passage, ReadID: d.On.Read,
		Camera: d.On.Camera, Site: at.site, Zone: at.zone, Municipality: at.municipality, CapturedAt: d.On.CapturedAt.Time(), Day: d.On.CapturedAt.Day().Time(),
		Amount: d.AmountCents, LegalBasis: d.LegalBasis,
		Verified: d.Verified, Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion, Image: viewSum(&d.On.Image), Seal: viewSum(&d.Seal),
		PrevSeal: viewSum(&d.PrevSeal), Sealed: viewText(d.Sealed), Partition: pos.Partition, Offset: pos.Offset,
		MeasureNames: b.measures.MeasureNames, MeasureValues: b.measures.MeasureValues,
		MeasureUncertainties: b.measures.MeasureUncertainties, MeasureDevices: b.measures.MeasureDevices,
	}
}

// newBatchesRow makes the table with the range's batches row.
func newBatchesRow(rg ingest.Range, t *shard.Totals) *tableColumns {
	rows := newRowTable[schemas.BatchRow]()
	*rows.row = schemas.BatchRow{
		Topic: rg.Topic, Partition: rg.Partition, StartOffset: rg.Start, EndOffset: rg.End, Fetched: t.Fetched, Stored: t.Stored, Merged: t.Merged,
		Rejected: t.Rejected, Ticks: t.Ticks, Passages: t.Passages, Hits: t.Hits, Offences: t.Offences, LogClock: t.Clock.Time(),
		Catalogue: t.CatalogueVersion, Reference: t.ReferenceVersion,
	}
	rows.addRow()
	return &tableColumns{name: batchesTable, query: rows.columns.Into(batchesTable), input: rows.columns}
}
