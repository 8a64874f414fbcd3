package replay

import (
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// readRow holds the columns of a stored read that a passage needs.
type readRow struct {
	id, passage        schemas.ID
	captured, received schemas.Micros
	offset             int64
	plate              schemas.Plate
	camera             string // shared by the rows of a block
	country            schemas.Country
	countryConfidence  schemas.PerMille
	confidence         schemas.PerMille
	maker, colour      string // shared by the rows of a block
	speed              schemas.Speed
	lane               uint8
	direction          schemas.Direction
	kind               schemas.VehicleKind
	flags              schemas.Flags
	image              schemas.Sum
	stated             *statedRow // nil = no measures
}

// statedRow holds the columns that only a read with measures needs.
type statedRow struct {
	measures []schemas.Measure
	pictures int    // further ones
	kinds    string // roles of the pictures
}

// readSelect selects the columns of a readRow.
var readSelect = selectOf[schemas.ReadRow](newReadCols().resultColumns())

type readCols struct {
	id, passage                proto.ColUUID
	plate, image               proto.ColStr
	camera, maker, colour      *enumColumn[string]
	country                    *enumColumn[schemas.Country]
	direction                  *enumColumn[schemas.Direction]
	kind                       *enumColumn[schemas.VehicleKind]
	captured, received, offset proto.ColInt64
	confidence, countryConf    proto.ColUInt16
	lane                       proto.ColUInt8
	speed                      proto.ColInt32
	late, upload, suspect      proto.ColBool
	pictures                   proto.ColUInt64
	imageKinds                 *enumColumn[string]
	measures                   measureCols
}

func newReadCols() *readCols {
	text := func(s string) (string, bool) { return s, true }
	return &readCols{
		camera: newLow("camera_id", text), imageKinds: newLow("image_kinds", text), maker: newLow("make", text), colour: newLow("colour", text),
		country: newLow("country", func(s string) (schemas.Country, bool) {
			c, ok := schemas.CountryFrom(s)
			return c, ok || s == ""
		}),
		measures:  newMeasureCols(),
		direction: newLow("direction", schemas.ParseDirection), kind: newLow("kind", schemas.ParseVehicleKind),
	}
}

func (c *readCols) resultColumns() proto.Results {
	return proto.Results{
		{Name: "read_id", Data: &c.id},
		{Name: "passage_id", Data: &c.passage},
		{Name: "plate", Data: &c.plate},
		c.camera.resultColumn(),
		{Name: "captured_at" + inMicros, Data: &c.captured},
		{Name: "received_at" + inMicros, Data: &c.received},
		c.country.resultColumn(),
		{Name: "country_confidence", Data: &c.countryConf},
		{Name: "confidence", Data: &c.confidence},
		c.maker.resultColumn(),
		c.colour.resultColumn(),
		{Name: "lane", Data: &c.lane},
		c.direction.resultColumn(),
		{Name: "speed_dkmh", Data: &c.speed},
		c.kind.resultColumn(),
		{Name: "late", Data: &c.late},
		{Name: "late_upload", Data: &c.upload},
		{Name: "clock_suspect", Data: &c.suspect},
		{Name: "image_sha256", Data: &c.image},
		{Name: "kafka_offset", Data: &c.offset},
		{Name: "more_images_sha256" + inCount, Data: &c.pictures},
		c.imageKinds.resultColumn(),
		{Name: "measures.name", Data: c.measures.names},
		{Name: "measures.value", Data: c.measures.values},
		{Name: "measures.uncertainty", Data: c.measures.uncertainties},
		{Name: "measures.device", Data: c.measures.devices},
	}
}

// statedAt returns what row i states beside the speed, nil for nothing.
func (c *readCols) statedAt(i int) (*statedRow, error) {
	if c.measures.names.RowLen(i) == 0 {
		return nil, nil
	}
	kinds, err := c.imageKinds.valueAt(i)
	return &statedRow{c.measures.measuresAt(i), int(c.pictures[i]), kinds}, err
}

func (c *readCols) appendRows(dst []readRow, n int) ([]readRow, error) {
	c.camera.readDictionary()
	c.country.readDictionary()
	c.direction.readDictionary()
	c.kind.readDictionary()
	c.maker.readDictionary()
	c.colour.readDictionary()
	c.imageKinds.readDictionary()
	for i := range n {
		p, ok := schemas.PlateFrom(c.plate.RowBytes(i))
		if !ok {
			return nil, fmt.Errorf("read %s: its plate is not canonical", schemas.ID(c.id[i]))
		}
		r := readRow{
			id: schemas.ID(c.id[i]), passage: schemas.ID(c.passage[i]), captured: schemas.Micros(c.captured[i]), received: schemas.Micros(c.received[i]),
			offset: c.offset[i], plate: p, confidence: schemas.PerMille(c.confidence[i]), speed: schemas.Speed(c.speed[i]), lane: c.lane[i],
			countryConfidence: schemas.PerMille(c.countryConf[i]),
			flags:             flagIf(c.late[i], schemas.FlagLate) | flagIf(c.upload[i], schemas.FlagLateUpload) | flagIf(c.suspect[i], schemas.FlagClockSuspect),
		}
		image := c.image.RowBytes(i)
		if len(image) != 0 && len(image) != len(r.image) {
			return nil, fmt.Errorf("read %s: the hash of its picture has %d bytes, want %d", r.id, len(image), len(r.image))
		}
		copy(r.image[:], image)
		var errs [7]error
		r.camera, errs[0] = c.camera.valueAt(i)
		r.country, errs[1] = c.country.valueAt(i)
		r.direction, errs[2] = c.direction.valueAt(i)
		r.kind, errs[3] = c.kind.valueAt(i)
		r.maker, errs[4] = c.maker.valueAt(i)
		r.colour, errs[5] = c.colour.valueAt(i)
		r.stated, errs[6] = c.statedAt(i)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", r.id, err)
			}
		}
		dst = append(dst, r)
	}
	return dst, nil
}

func flagIf(on bool, f schemas.Flags) schemas.Flags {
	if on {
		return f
	}
	return 0
}

// fillRead makes a read from the row, with all fields that a sighting keeps, as in the pipeline.
func (r *readRow) fillRead(out *schemas.Read) {
	out.SetPlate(r.plate)
	out.ID, out.Camera, out.CapturedAt, out.ReceivedAt = schemas.ReadID{ID: r.id}, r.camera, r.captured, r.received
	out.Country, out.Confidence, out.Lane = r.country, r.confidence, r.lane
	out.Direction, out.Kind, out.Speed, out.Flags, out.Image = r.direction, r.kind, r.speed, r.flags, r.image
	out.CountryConfidence, out.Make, out.Colour = r.countryConfidence, r.maker, r.colour
	out.Measures, out.MoreImages, out.ImageKinds = nil, nil, ""
	if s := r.stated; s != nil { // of the pictures only their number and roles are a measurement's
		out.Measures, out.MoreImages, out.ImageKinds = s.measures, make([]schemas.Sum, s.pictures), s.kinds
	}
}

// passageRow holds the columns of a stored passage.
type passageRow struct {
	id            schemas.ID
	plate         schemas.Plate // from the best read
	first, last   schemas.Micros
	reads, merged uint32
	variants      uint8
	partition     int32
	closed        int64 // offset of the closing record
}

// passageSelect selects the columns of a passageRow.
var passageSelect = selectOf[schemas.PassageRow](new(passageCols).resultColumns())

type passageCols struct {
	id                  proto.ColUUID
	plate               proto.ColStr
	first, last, closed proto.ColInt64
	reads, merged       proto.ColUInt32
	variants            proto.ColUInt8
	partition           proto.ColInt32
}

func (c *passageCols) resultColumns() proto.Results {
	return proto.Results{
		{Name: "passage_id", Data: &c.id},
		{Name: "plate", Data: &c.plate},
		{Name: "first_at" + inMicros, Data: &c.first},
		{Name: "last_at" + inMicros, Data: &c.last},
		{Name: "reads", Data: &c.reads},
		{Name: "merged", Data: &c.merged},
		{Name: "variants", Data: &c.variants},
		{Name: "kafka_partition", Data: &c.partition},
		{Name: "kafka_offset", Data: &c.closed},
	}
}

func (c *passageCols) appendRows(dst []passageRow, n int) ([]passageRow, error) {
	for i := range n {
		p, ok := schemas.PlateFrom(c.plate.RowBytes(i))
		if !ok {
			return nil, fmt.Errorf("passage %s: its plate is not canonical", schemas.ID(c.id[i]))
		}
		dst = append(dst, passageRow{
			id: schemas.ID(c.id[i]), plate: p, first: schemas.Micros(c.first[i]), last: schemas.Micros(c.last[i]),
			reads: c.reads[i], merged: c.merged[i], variants: c.variants[i], partition: c.partition[i], closed: c.closed[i],
		})
	}
	return dst, nil
}
