package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// passagesTable holds rows of passages. Its columns are typed, because nearly every record makes a passage. Names and
// order follow [schemas.PassageRow].
type passagesTable struct {
	id           fixedCol
	plate, class strCol
	cameraColumns
	country                   lowCol
	firstAt, lastAt           fixedCol
	bestRead, bestConfidence  fixedCol
	speed                     fixedCol
	kind, brand, colour       lowCol
	image                     strCol
	reads, merged, variants   fixedCol
	parked, partition, offset fixedCol
}

func newPassages() passagesTable {
	return passagesTable{
		id: uuidCol(), cameraColumns: newCameraColumns(), firstAt: timeCol(), lastAt: timeCol(), bestRead: uuidCol(),
		bestConfidence: u16Col(), speed: i32Col(), reads: u32Col(), merged: u32Col(), variants: u8Col(),
		parked: boolCol(), partition: i32Col(), offset: i64Col(),
	}
}

func (t *passagesTable) insertColumns() proto.Input {
	return inputOf[schemas.PassageRow](
		&t.id, &t.plate, &t.class, &t.country, &t.site, &t.camera, &t.zone, &t.municipality, &t.firstAt, &t.lastAt, &t.bestRead,
		&t.bestConfidence, &t.speed, &t.kind, &t.brand, &t.colour, &t.image, &t.reads, &t.merged, &t.variants, &t.parked, &t.partition, &t.offset,
	)
}

// AddPassage adds a passage row. cam is the best read's camera, nil when the camera left the registry meanwhile. pos
// is the position of the record at which the passage closed.
func (b *ColumnBlock) AddPassage(p *schemas.Passage, cam *schemas.Camera, pos shard.Position) {
	t := &b.passages
	t.id.appendID(&p.ID.ID)
	t.plate.appendPlate(p.Best.Plate)
	t.class.appendPlate(p.Class.Plate)
	t.country.appendCountry(p.Best.Country)
	t.appendCamera(p.Best.Camera, cam, p.Best.CapturedAt)
	t.firstAt.appendTime(p.First)
	t.lastAt.appendTime(p.Last)
	t.bestRead.appendID(&p.Best.Read.ID)
	t.bestConfidence.appendU16(uint16(p.Best.Confidence))
	t.speed.appendI32(int32(p.Measured.Speed))
	t.kind.appendCode(uint8(p.Best.Kind), p.Best.Kind.String())
	t.brand.appendText(p.Best.Make)
	t.colour.appendText(p.Best.Colour)
	t.image.appendSum(&p.Best.Image)
	t.reads.appendU32(p.Reads)
	t.merged.appendU32(p.Merged)
	t.variants.appendU8(p.Variants)
	t.parked.appendBool(p.Parked)
	t.partition.appendI32(pos.Partition)
	t.offset.appendI64(pos.Offset)
}
