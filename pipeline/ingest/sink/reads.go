package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// readsTable holds rows of reads. Its columns are typed, because every record passes here; their names and order are those of
// [schemas.ReadRow].
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
	return inputOf[schemas.ReadRow](
		&t.readID, &t.passageID, &t.camera, &t.site, &t.zone, &t.municipality, &t.capturedAt, &t.receivedAt, &t.plate, &t.class, &t.raw,
		&t.country, &t.countryConfidence, &t.confidence, &t.lane, &t.direction, &t.speed, &t.kind, &t.brand, &t.colour, &t.format,
		&t.event, &t.image, &t.moreImages, &t.candidates, &t.candidatesPM, &t.late, &t.lateUpload, &t.clockSuspect, &t.partition, &t.offset,
	)
}

// Read adds a row of reads.
func (b *Block) Read(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos shard.Position) {
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
