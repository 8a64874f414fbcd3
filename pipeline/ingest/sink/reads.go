package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// readsTable holds rows of schemas/clickhouse/0001_reads.sql.
type readsTable struct {
	readID, passageID fixedCol
	places
	capturedAt, receivedAt                            fixedCol
	plate, class, raw                                 strCol
	country                                           lowCol
	countryConfidence, confidence, lane               fixedCol
	direction                                         lowCol
	speed                                             fixedCol
	kind, brand, colour, format                       lowCol
	event, image                                      strCol
	moreImages                                        arrCol[*fixedCol]
	candidates                                        arrCol[*strCol]
	candidatesPM                                      arrCol[*fixedCol]
	late, lateUpload, clockSuspect, partition, offset fixedCol
}

func newReads() readsTable {
	pm, sums := u16Col(), sumCol()
	return readsTable{
		readID: uuidCol(), passageID: uuidCol(), places: newPlaces(), capturedAt: timeCol(), receivedAt: timeCol(),
		countryConfidence: u16Col(), confidence: u16Col(), lane: u8Col(), speed: i32Col(),
		moreImages:   arrCol[*fixedCol]{ends: u64Col(), elem: &sums},
		candidates:   arrCol[*strCol]{ends: u64Col(), elem: new(strCol)},
		candidatesPM: arrCol[*fixedCol]{ends: u64Col(), elem: &pm},
		late:         boolCol(), lateUpload: boolCol(), clockSuspect: boolCol(), partition: i32Col(), offset: i64Col(),
	}
}

func (t *readsTable) input() proto.Input {
	return proto.Input{
		{Name: "read_id", Data: &t.readID},
		{Name: "passage_id", Data: &t.passageID},
		t.cameraCol(), t.siteCol(), t.zoneCol(), t.municipalityCol(),
		{Name: "captured_at", Data: &t.capturedAt},
		{Name: "received_at", Data: &t.receivedAt},
		{Name: "plate", Data: &t.plate},
		{Name: "class", Data: &t.class},
		{Name: "raw_plate", Data: &t.raw},
		{Name: "country", Data: &t.country},
		{Name: "country_confidence", Data: &t.countryConfidence},
		{Name: "confidence", Data: &t.confidence},
		{Name: "lane", Data: &t.lane},
		{Name: "direction", Data: &t.direction},
		{Name: "speed_dkmh", Data: &t.speed},
		{Name: "kind", Data: &t.kind},
		{Name: "make", Data: &t.brand},
		{Name: "colour", Data: &t.colour},
		{Name: "format", Data: &t.format},
		{Name: "event_id", Data: &t.event},
		{Name: "image_sha256", Data: &t.image},
		{Name: "more_images_sha256", Data: &t.moreImages},
		{Name: "candidates", Data: &t.candidates},
		{Name: "candidates_pm", Data: &t.candidatesPM},
		{Name: "late", Data: &t.late},
		{Name: "late_upload", Data: &t.lateUpload},
		{Name: "clock_suspect", Data: &t.clockSuspect},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
	}
}

// TouchCameras loads what rows of these cameras are going to need. It changes nothing; the result has no meaning.
func (b *Block) TouchCameras(reads, passages []*schemas.Camera) uint64 {
	return b.reads.touch(reads) + b.passages.touch(passages)
}

// Read adds a row of reads.
func (b *Block) Read(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos ingest.Position) {
	t := &b.reads
	t.readID.id(&r.ID.ID)
	t.passageID.id(&p.ID)
	t.add(r.Camera, cam, r.CapturedAt)
	t.capturedAt.at(r.CapturedAt)
	t.receivedAt.at(r.ReceivedAt)
	t.plate.plate(r.Plate)
	t.class.plate(r.Class.Plate)
	t.raw.str(r.RawPlate)
	t.country.country(r.Country)
	t.countryConfidence.u16(uint16(r.CountryConfidence))
	t.confidence.u16(uint16(r.Confidence))
	t.lane.u8(r.Lane)
	t.direction.code(uint8(r.Direction), r.Direction.String())
	t.speed.i32(int32(r.Speed))
	t.kind.code(uint8(r.Kind), r.Kind.String())
	t.brand.str(r.Make)
	t.colour.str(r.Colour)
	t.format.str(r.Format)
	t.event.str(r.EventID)
	t.image.digest(&r.Image)
	for i := range r.MoreImages {
		t.moreImages.elem.sum(&r.MoreImages[i])
	}
	t.moreImages.end()
	for i := range r.Candidates {
		t.candidates.elem.str(r.Candidates[i].Plate)
		t.candidatesPM.elem.u16(uint16(r.Candidates[i].Confidence))
	}
	t.candidates.end()
	t.candidatesPM.end()
	t.late.bool(r.Flags&schemas.FlagLate != 0)
	t.lateUpload.bool(r.Flags&schemas.FlagLateUpload != 0)
	t.clockSuspect.bool(r.Flags&schemas.FlagClockSuspect != 0)
	t.partition.i32(pos.Partition)
	t.offset.i64(pos.Offset)
}
