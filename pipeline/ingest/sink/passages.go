package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// passagesTable holds rows of passages. Its columns are typed, because nearly every record makes one; their names and order are
// those of [schemas.PassageRow].
type passagesTable struct {
	id           fixedCol
	plate, class strCol
	places
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
		id: uuidCol(), places: newPlaces(), firstAt: timeCol(), lastAt: timeCol(), bestRead: uuidCol(),
		bestConfidence: u16Col(), speed: i32Col(), reads: u32Col(), merged: u32Col(), variants: u8Col(),
		parked: boolCol(), partition: i32Col(), offset: i64Col(),
	}
}

func (t *passagesTable) input() proto.Input {
	return inputOf[schemas.PassageRow](
		&t.id, &t.plate, &t.class, &t.country, &t.site, &t.camera, &t.zone, &t.municipality, &t.firstAt, &t.lastAt, &t.bestRead,
		&t.bestConfidence, &t.speed, &t.kind, &t.brand, &t.colour, &t.image, &t.reads, &t.merged, &t.variants, &t.parked, &t.partition, &t.offset,
	)
}

// Passage adds a row of passages. cam is the camera of the best read, nil when it left the registry meanwhile; pos is
// that of the record that closed the passage.
func (b *Block) Passage(p *schemas.Passage, cam *schemas.Camera, pos shard.Position) {
	t := &b.passages
	t.id.id(&p.ID.ID)
	t.plate.plate(p.Best.Plate)
	t.class.plate(p.Class.Plate)
	t.country.country(p.Best.Country)
	t.add(p.Best.Camera, cam, p.Best.CapturedAt)
	t.firstAt.at(p.First)
	t.lastAt.at(p.Last)
	t.bestRead.id(&p.Best.Read.ID)
	t.bestConfidence.u16(uint16(p.Best.Confidence))
	t.speed.i32(int32(p.Measured.Speed))
	t.kind.code(uint8(p.Best.Kind), p.Best.Kind.String())
	t.brand.str(p.Best.Make)
	t.colour.str(p.Best.Colour)
	t.image.digest(&p.Best.Image)
	t.reads.u32(p.Reads)
	t.merged.u32(p.Merged)
	t.variants.u8(p.Variants)
	t.parked.bool(p.Parked)
	t.partition.i32(pos.Partition)
	t.offset.i64(pos.Offset)
}
