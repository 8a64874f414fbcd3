package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Read is one stored read.
type Read struct {
	ReadID            string    `ch:"read_id" json:"read_id"`
	PassageID         string    `ch:"passage_id" json:"passage_id"`
	CapturedAt        time.Time `ch:"captured_at" json:"captured_at"`
	ReceivedAt        time.Time `ch:"received_at" json:"received_at"`
	Camera            string    `ch:"camera_id" json:"camera"`
	Site              string    `ch:"site" json:"site"`
	Zone              string    `ch:"zone" json:"zone" doc:"police zone that might use the read at capture time"`
	Municipality      uint32    `ch:"municipality" json:"municipality" doc:"NIS code"`
	Plate             string    `ch:"plate" json:"plate" doc:"canonical"`
	RawPlate          string    `ch:"raw_plate" json:"raw_plate" doc:"as the camera sent it"`
	Country           string    `ch:"country" json:"country"`
	CountryConfidence uint16    `ch:"country_confidence" json:"country_confidence" doc:"per mille"`
	Confidence        uint16    `ch:"confidence" json:"confidence" doc:"per mille"`
	Lane              uint8     `ch:"lane" json:"lane"`
	Direction         string    `ch:"direction" json:"direction"`
	Speed             int32     `ch:"speed_dkmh" json:"speed_dkmh" doc:"measured, uncorrected, tenths of km/h; 0 = not measured"`
	Kind              string    `ch:"kind" json:"kind"`
	Make              string    `ch:"make" json:"make"`
	Colour            string    `ch:"colour" json:"colour"`
	Image             string    `ch:"image_sha256" json:"image_sha256" doc:"hexadecimal; empty = none"`
	MoreImages        []string  `ch:"more_images_sha256" json:"more_images_sha256" doc:"further pictures of the upload, hexadecimal"`
	Candidates        []string  `ch:"candidates" json:"candidates" doc:"other readings the camera considered"`
	Late              bool      `ch:"late" json:"late"`
	LateUpload        bool      `ch:"late_upload" json:"late_upload"`
	ClockSuspect      bool      `ch:"clock_suspect" json:"clock_suspect"`
	Partition         int32     `ch:"kafka_partition" json:"kafka_partition"`
	Offset            int64     `ch:"kafka_offset" json:"kafka_offset"`

	// Set by the office from the camera registry, not stored: 0 = the camera is not in it.
	LatE6 int32 `json:"lat_e6" doc:"micro-degrees, as the camera registry has it now"`
	LonE6 int32 `json:"lon_e6" doc:"micro-degrees, as the camera registry has it now"`
}

// Cursor returns the place after the row.
func (r *Read) Cursor() Cursor { return after(r.CapturedAt, r.ReadID) }

const inZones fragment = "zone IN {zones:Array(String)}"

var readsTable = table{
	name: "reads",
	columns: append(plain("read_id", "passage_id", "captured_at", "received_at", "camera_id", "site", "zone", "municipality",
		"country", "country_confidence", "confidence", "lane", "direction", "speed_dkmh", "kind", "make", "colour", "late",
		"late_upload", "clock_suspect", "kafka_partition", "kafka_offset"),
		column{name: "plate", plate: "''"},
		column{name: "raw_plate", plate: "''"},
		column{name: "candidates", plate: "emptyArrayString()"},
		column{name: "more_images_sha256", expr: "arrayMap(x -> lower(hex(x)), more_images_sha256)", plate: "emptyArrayString()"},
		column{name: "image_sha256", expr: "lower(hex(image_sha256))", plate: "''"}),
	time:   "captured_at",
	zone:   inZones,
	order:  []fragment{"captured_at", "read_id"},
	id:     "read_id",
	routes: []access.Route{access.RouteReads, access.RouteLastSeen, access.RouteJourney, access.RouteCamera, access.RouteRetro},
}

// ReadFilter chooses reads. Plate must be set, but for a look-up by camera.
type ReadFilter struct {
	Plate   Plate
	Cameras []string

	plates []string       // what Plate was resolved to, in place of its own condition
	since  schemas.Micros // no read before it is wanted; 0 = no bound beyond the permit's
	before schemas.Micros // nor one at or after it; 0 likewise
	all    bool           // plates that match, by a subquery
}

func (f ReadFilter) build(p access.Permit) *builder {
	b := build(p, &readsTable)
	switch {
	case f.Plate.IsZero():
		b.fail("plate", "must be given")
	case f.plates != nil:
		b.and("plate IN {plates:Array(String)}", "plates", f.plates)
	case f.all:
		b.matching(f.Plate)
	default:
		b.plate(f.Plate)
	}
	b.cameras(f.Cameras)
	if f.since != 0 {
		b.and("captured_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')", "since", int64(f.since))
	}
	if f.before != 0 {
		b.and("captured_at < fromUnixTimestamp64Micro({before:Int64}, 'UTC')", "before", int64(f.before))
	}
	return b
}

const afterRead fragment = "(captured_at, read_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})"

// Reads selects reads, newest first, as often as they are stored: repeats of a row follow each other. A LIMIT 1 BY that drops
// them would make the server read every column of every row that matches, and not only of those on the page; see
// [DB.Reads].
func Reads(p access.Permit, f ReadFilter, page Page) (Statement, error) {
	b := f.build(p)
	b.after(page.After, afterRead)
	return b.newest(page.limit() + 1)
}

// CountReads counts what Reads selects over all pages, each read once however often it is stored.
func CountReads(p access.Permit, f ReadFilter) (Statement, error) {
	f.all = f.Plate.Wide() || f.Plate.confusable
	return f.build(p).count()
}

// newest finishes a statement that returns the newest rows, repeats included.
func (b *builder) newest(rows int) (Statement, error) {
	b.params["limit"] = uint32(rows)
	sql := b.selects(b.columns()) + " ORDER BY " + joined(b.from.order, " DESC, ") + " DESC LIMIT {limit:UInt32}"
	return b.done(sql, rows)
}

func after(at time.Time, id string) Cursor { return Cursor{at: at.UnixMicro(), key: id} }

// after adds the condition of a cursor whose key is an id.
func (b *builder) after(c Cursor, cond fragment) {
	if c.key == "" {
		return
	}
	id, err := schemas.ParseID(c.key)
	if err != nil {
		b.fail("after", "is not a cursor of this list")
		return
	}
	b.and(cond, "after_at", c.at)
	b.params["after_id"] = id.String()
}
