package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// hitsTable holds rows of schemas/clickhouse/0003_hits.sql.
type hitsTable struct {
	id                     fixedCol
	list                   lowCol
	entry, listed          strCol
	match                  lowCol
	reason, caseRef        strCol
	priority               fixedCol
	audience               arrCol[*strCol]
	plate, raw             strCol
	readID, passageID      fixedCol
	camera, site, zone     lowCol
	municipality           fixedCol
	capturedAt, receivedAt fixedCol
	confidence             fixedCol
	image                  strCol
	late                   fixedCol
	reference              lowCol
	partition, offset      fixedCol
	processedAt            fixedCol
}

func newHits() hitsTable {
	return hitsTable{
		id: uuidCol(), priority: u8Col(), audience: arrCol[*strCol]{ends: u64Col(), elem: new(strCol)},
		readID: uuidCol(), passageID: uuidCol(), municipality: u32Col(), capturedAt: timeCol(), receivedAt: timeCol(),
		confidence: u16Col(), late: boolCol(), partition: i32Col(), offset: i64Col(), processedAt: timeCol(),
	}
}

func (t *hitsTable) input() proto.Input {
	return proto.Input{
		{Name: "hit_id", Data: &t.id},
		{Name: "list", Data: &t.list},
		{Name: "entry_id", Data: &t.entry},
		{Name: "listed_plate", Data: &t.listed},
		{Name: "match", Data: &t.match},
		{Name: "reason", Data: &t.reason},
		{Name: "case_ref", Data: &t.caseRef},
		{Name: "priority", Data: &t.priority},
		{Name: "audience", Data: &t.audience},
		{Name: "plate", Data: &t.plate},
		{Name: "raw_plate", Data: &t.raw},
		{Name: "read_id", Data: &t.readID},
		{Name: "passage_id", Data: &t.passageID},
		{Name: "camera_id", Data: &t.camera},
		{Name: "site", Data: &t.site},
		{Name: "zone", Data: &t.zone},
		{Name: "municipality", Data: &t.municipality},
		{Name: "captured_at", Data: &t.capturedAt},
		{Name: "received_at", Data: &t.receivedAt},
		{Name: "confidence", Data: &t.confidence},
		{Name: "image_sha256", Data: &t.image},
		{Name: "late", Data: &t.late},
		{Name: "reference_version", Data: &t.reference},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
		{Name: "processed_at", Data: &t.processedAt},
	}
}

// Hit adds a row of hits.
func (b *Block) Hit(h *schemas.Hit, r *schemas.Read, cam *schemas.Camera, pos ingest.Position, processed schemas.Micros) {
	t := &b.hits
	at := placeOf(cam, r.CapturedAt)
	t.id.id(&h.ID.ID)
	t.list.str(h.Entry.List)
	t.entry.str(h.Entry.ID)
	t.listed.plate(h.Entry.Plate)
	t.match.str(h.Match.String())
	t.reason.str(h.Entry.Reason)
	t.caseRef.str(h.Entry.CaseRef)
	t.priority.u8(h.Entry.Priority)
	for _, zone := range h.Entry.Audience {
		t.audience.elem.str(zone)
	}
	t.audience.end()
	t.plate.plate(r.Plate)
	t.raw.str(r.RawPlate)
	t.readID.id(&r.ID.ID)
	t.passageID.id(&h.Passage.ID)
	t.camera.str(r.Camera)
	t.site.str(at.site)
	t.zone.str(at.zone)
	t.municipality.u32(at.municipality)
	t.capturedAt.at(r.CapturedAt)
	t.receivedAt.at(r.ReceivedAt)
	t.confidence.u16(uint16(r.Confidence))
	t.image.digest(&r.Image)
	t.late.bool(r.Flags&schemas.FlagLate != 0)
	t.reference.str(h.ReferenceVersion)
	t.partition.i32(pos.Partition)
	t.offset.i64(pos.Offset)
	t.processedAt.at(processed)
}
