package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// readsTable holds rows of reads. Its columns are typed, because every record passes here. Names and order follow
// [schemas.ReadRow].
type readsTable struct {
	readID, passageID fixedCol
	cameraColumns
	capturedAt, receivedAt                            fixedCol
	plate, class, raw                                 strCol
	country                                           lowCol
	countryConfidence, confidence, lane               fixedCol
	direction                                         lowCol
	speed                                             fixedCol
	kind, brand, colour, format                       lowCol
	event, image                                      strCol
	moreImages                                        arrCol[*fixedCol]
	imageKinds                                        lowCol
	alternatives                                      arrCol[*strCol]
	alternativesPM                                    arrCol[*fixedCol]
	measureNames, measureDevices                      arrCol[*strCol]
	measureValues, measureUncertainties               arrCol[*fixedCol]
	late, lateUpload, clockSuspect, partition, offset fixedCol

	detailed bool // a row of the block has a further picture, a role of a picture or a measure
}

func newReads() readsTable {
	pm, sums, values, uncertainties := u16Col(), sumCol(), i64Col(), i64Col()
	return readsTable{
		readID: uuidCol(), passageID: uuidCol(), cameraColumns: newCameraColumns(), capturedAt: timeCol(), receivedAt: timeCol(),
		countryConfidence: u16Col(), confidence: u16Col(), lane: u8Col(), speed: i32Col(),
		moreImages:     arrCol[*fixedCol]{ends: u64Col(), elem: &sums},
		alternatives:   arrCol[*strCol]{ends: u64Col(), elem: new(strCol)},
		alternativesPM: arrCol[*fixedCol]{ends: u64Col(), elem: &pm},
		measureNames:   arrCol[*strCol]{ends: u64Col(), elem: new(strCol)}, measureDevices: arrCol[*strCol]{ends: u64Col(), elem: new(strCol)},
		measureValues: arrCol[*fixedCol]{ends: u64Col(), elem: &values}, measureUncertainties: arrCol[*fixedCol]{ends: u64Col(), elem: &uncertainties},
		late: boolCol(), lateUpload: boolCol(), clockSuspect: boolCol(), partition: i32Col(), offset: i64Col(),
	}
}

func (t *readsTable) insertColumns() proto.Input {
	return inputOf[schemas.ReadRow](
		&t.readID, &t.passageID, &t.camera, &t.site, &t.zone, &t.municipality, &t.capturedAt, &t.receivedAt, &t.plate, &t.class, &t.raw,
		&t.country, &t.countryConfidence, &t.confidence, &t.lane, &t.direction, &t.speed, &t.kind, &t.brand, &t.colour, &t.format,
		&t.event, &t.image, &t.moreImages, &t.imageKinds, &t.alternatives, &t.alternativesPM,
		&t.measureNames, &t.measureValues, &t.measureUncertainties, &t.measureDevices, &t.late, &t.lateUpload, &t.clockSuspect, &t.partition, &t.offset,
	)
}

// AddRead adds a row to reads. p is the read's passage, cam its camera.
func (b *ColumnBlock) AddRead(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos shard.Position) {
	t := &b.reads
	t.readID.appendID(&r.ID.ID)
	t.passageID.appendID(&p.ID)
	t.appendCamera(r.Camera, cam, r.CapturedAt)
	t.capturedAt.appendTime(r.CapturedAt)
	t.receivedAt.appendTime(r.ReceivedAt)
	t.plate.appendPlate(r.Plate)
	t.class.appendPlate(r.Class.Plate)
	t.raw.appendText(r.RawPlate)
	t.country.appendCountry(r.Country)
	t.countryConfidence.appendU16(uint16(r.CountryConfidence))
	t.confidence.appendU16(uint16(r.Confidence))
	t.lane.appendU8(r.Lane)
	t.direction.appendCode(uint8(r.Direction), r.Direction.String())
	t.speed.appendI32(int32(r.Speed))
	t.kind.appendCode(uint8(r.Kind), r.Kind.String())
	t.brand.appendText(r.Make)
	t.colour.appendText(r.Colour)
	t.format.appendText(r.Format)
	t.event.appendText(r.EventID)
	t.image.appendSum(&r.Image)
	for i := range r.MoreImages {
		t.moreImages.elem.appendSum(&r.MoreImages[i])
	}
	t.moreImages.endRow()
	t.imageKinds.appendText(r.ImageKinds)
	t.detailed = t.detailed || len(r.MoreImages) > 0 || r.ImageKinds != "" || len(r.Measures) > 0
	for i := range r.Alternatives {
		t.alternatives.elem.appendText(r.Alternatives[i].Plate)
		t.alternativesPM.elem.appendU16(uint16(r.Alternatives[i].Confidence))
	}
	t.alternatives.endRow()
	t.alternativesPM.endRow()
	t.appendMeasures(r.Measures)
	t.late.appendBool(r.Flags&schemas.FlagLate != 0)
	t.lateUpload.appendBool(r.Flags&schemas.FlagLateUpload != 0)
	t.clockSuspect.appendBool(r.Flags&schemas.FlagClockSuspect != 0)
	t.partition.appendI32(pos.Partition)
	t.offset.appendI64(pos.Offset)
}

func (t *readsTable) appendMeasures(measures []schemas.Measure) {
	for i := range measures {
		m := &measures[i]
		t.measureNames.elem.appendText(string(m.Name))
		t.measureValues.elem.appendI64(m.Value)
		t.measureUncertainties.elem.appendI64(m.Uncertainty)
		t.measureDevices.elem.appendText(m.Device)
	}
	t.measureNames.endRow()
	t.measureValues.endRow()
	t.measureUncertainties.endRow()
	t.measureDevices.endRow()
}
