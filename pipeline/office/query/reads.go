package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Read is a stored read with the camera's position.
type Read struct {
	schemas.ReadRow

	// The office sets the position from the camera registry; 0 = the registry does not have the camera.
	LatE6 int32 `json:"lat_e6" doc:"micro-degrees, as the camera registry has it now"`
	LonE6 int32 `json:"lon_e6" doc:"micro-degrees, as the camera registry has it now"`
	// The office sets the street from the camera registry; nil = the registry has neither camera nor street.
	Street *schemas.Street `json:"street,omitempty" doc:"of the camera, as the camera registry has it now"`
}

// Cursor returns the position after the row.
func (r *Read) Cursor() Cursor { return cursorAfter(r.CapturedAt, r.ReadID.ID) }

const inZones fragment = "zone IN {zones:Array(String)}"

var readsTable = queriedTable{
	name: "reads", columns: columnsOf[schemas.ReadRow](),
	time:   "captured_at",
	zone:   inZones,
	order:  []fragment{"captured_at", "read_id"},
	id:     "read_id",
	routes: []access.Route{access.RouteSearch, access.RouteSearchPage, access.RouteJourney, access.RouteRetro},
}

// ReadFilter chooses reads. Plate is required.
type ReadFilter struct {
	Plate   PlateFilter
	Cameras []string
	Country string // as read; "" = any

	plates []string       // the plates to which Plate was resolved; they replace the condition on Plate
	since  schemas.Micros // lower bound, inclusive; 0 = only the permit's bound
	before schemas.Micros // upper bound, exclusive; 0 = only the permit's bound
	all    bool           // all matching plates, by a subquery
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

// Reads selects reads, newest first. Repeats of a row are included and follow each other: a LIMIT 1 BY would make the
// server read every column of every matching row, beyond the page. [DB.Reads] drops the repeats.
func Reads(p access.Permit, f ReadFilter, page Page) (Statement, error) {
	b := f.buildReads(p)
	b.whereAfter(page.After, afterRead)
	return b.finishNewest(page.rowLimit() + 1)
}

// CountReads counts the reads on all pages of Reads. A read stored twice counts once.
func CountReads(p access.Permit, f ReadFilter) (Statement, error) {
	f.all = f.Plate.Wide() || f.Plate.confusable
	return f.buildReads(p).finishCount()
}

// finishNewest finishes a statement for the newest rows, including repeats.
func (b *builder) finishNewest(rows int) (Statement, error) {
	b.params["limit"] = uint32(rows)
	sql := b.writeSelect(b.writeColumns()) + " ORDER BY " + joinFragments(b.from.order, " DESC, ") + " DESC LIMIT {limit:UInt32}"
	return b.finishStatement(sql, rows)
}

func cursorAfter(at time.Time, id schemas.ID) Cursor {
	return Cursor{at: at.UnixMicro(), key: id.String()}
}

// whereAfter adds the condition for a cursor whose key is an id.
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
