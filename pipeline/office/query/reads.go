package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Read is one stored read, with the position of its camera.
type Read struct {
	schemas.ReadRow

	// Set by the office from the camera registry, not stored: 0 = the camera is not in it.
	LatE6 int32 `json:"lat_e6" doc:"micro-degrees, as the camera registry has it now"`
	LonE6 int32 `json:"lon_e6" doc:"micro-degrees, as the camera registry has it now"`
}

// Cursor returns the place after the row.
func (r *Read) Cursor() Cursor { return cursorAfter(r.CapturedAt, r.ReadID.ID) }

const inZones fragment = "zone IN {zones:Array(String)}"

var readsTable = table{
	name: "reads", columns: columnsOf[schemas.ReadRow](),
	time:   "captured_at",
	zone:   inZones,
	order:  []fragment{"captured_at", "read_id"},
	id:     "read_id",
	routes: []access.Route{access.RouteSearch, access.RouteSearchPage, access.RouteJourney, access.RouteRetro},
}

// ReadFilter chooses reads. Plate must be set, but for a look-up by camera.
type ReadFilter struct {
	Plate   Plate
	Cameras []string
	Country string // as it was read; "" = any

	plates []string       // what Plate was resolved to, in place of its own condition
	since  schemas.Micros // no read before it is wanted; 0 = no bound beyond the permit's
	before schemas.Micros // nor one at or after it; 0 likewise
	all    bool           // plates that match, by a subquery
}

func (f ReadFilter) buildReads(p access.Permit) *builder {
	b := newBuilder(p, &readsTable)
	switch {
	case f.Plate.IsZero():
		b.noteFault("plate", "must be given")
	case f.plates != nil:
		b.addCondition("plate IN {plates:Array(String)}", "plates", f.plates)
	case f.all:
		b.addMatching(f.Plate)
	default:
		b.wherePlate(f.Plate)
	}
	b.whereCameras(f.Cameras)
	b.whereName("country = {country:String}", "country", f.Country)
	if f.since != 0 {
		b.addCondition("captured_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')", "since", int64(f.since))
	}
	if f.before != 0 {
		b.addCondition("captured_at < fromUnixTimestamp64Micro({before:Int64}, 'UTC')", "before", int64(f.before))
	}
	return b
}

const afterRead fragment = "(captured_at, read_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})"

// Reads selects reads, newest first, as often as they are stored: repeats of a row follow each other. A LIMIT 1 BY that drops
// them would make the server read every column of every row that matches, and not only of those on the page; see
// [DB.Reads].
func Reads(p access.Permit, f ReadFilter, page Page) (Statement, error) {
	b := f.buildReads(p)
	b.whereAfter(page.After, afterRead)
	return b.finishNewest(page.rowLimit() + 1)
}

// CountReads counts what Reads selects over all pages, each read once however often it is stored.
func CountReads(p access.Permit, f ReadFilter) (Statement, error) {
	f.all = f.Plate.Wide() || f.Plate.confusable
	return f.buildReads(p).finishCount()
}

// finishNewest finishes a statement that returns the newest rows, repeats included.
func (b *builder) finishNewest(rows int) (Statement, error) {
	b.params["limit"] = uint32(rows)
	sql := b.writeSelect(b.writeColumns()) + " ORDER BY " + joinFragments(b.from.order, " DESC, ") + " DESC LIMIT {limit:UInt32}"
	return b.finishStatement(sql, rows)
}

func cursorAfter(at time.Time, id schemas.ID) Cursor {
	return Cursor{at: at.UnixMicro(), key: id.String()}
}

// whereAfter adds the condition of a cursor whose key is an id.
func (b *builder) whereAfter(c Cursor, cond fragment) {
	if c.key == "" {
		return
	}
	id, err := schemas.ParseID(c.key)
	if err != nil {
		b.noteFault("after", "is not a cursor of this list")
		return
	}
	b.addCondition(cond, "after_at", c.at)
	b.params["after_id"] = id.String()
}
