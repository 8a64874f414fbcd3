package query

import (
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Hit is a listed plate seen by a passage.
type Hit struct {
	schemas.HitRow

	// The office sets the street from the camera registry; nil = the registry has neither camera nor street.
	Street *schemas.Street `json:"street,omitempty" doc:"of the camera, as the camera registry has it now"`
}

// Cursor returns the position after the row.
func (h *Hit) Cursor() Cursor { return cursorAfter(h.CapturedAt, h.HitID.ID) }

var hitsTable = queriedTable{
	name: "hits", columns: columnsOf[schemas.HitRow](),
	time: "captured_at",
	// A zone sees the hits from its cameras, if the list's owner shares the list with the zone. An empty audience means
	// everybody.
	zone:   "zone IN {zones:Array(String)} AND (empty(audience) OR hasAny(audience, {zones:Array(String)}))",
	order:  []fragment{"captured_at", "hit_id"},
	id:     "hit_id",
	routes: []access.Route{access.RouteHits},
}

// HitFilter chooses hits. Plate matches the listed plate or the plate as read.
type HitFilter struct {
	Plate       PlateFilter // one plate, not a pattern
	List        string
	Match       string
	Cameras     []string
	MinPriority int
}

// Hits selects hits, newest first.
func Hits(p access.Permit, f HitFilter, page Page) (Statement, error) {
	b := newBuilder(p, &hitsTable)
	switch {
	case f.Plate.IsZero():
	case f.Plate.Wide() || f.Plate.confusable:
		b.noteFault("plate", "must be one plate: hits are not searched by pattern")
	case !p.ShowsPlates():
		b.err = errPermit
	default:
		b.addCondition("(listed_plate IN {plates:Array(String)} OR plate IN {plates:Array(String)})", "plates", f.Plate.plateForms())
	}
	b.whereName("list = {list:String}", "list", f.List)
	b.whereName("match = {match:String}", "match", f.Match)
	b.whereCameras(f.Cameras)
	if f.MinPriority > 0 {
		b.addCondition("priority >= {priority:UInt8}", "priority", uint8(min(f.MinPriority, 255)))
	}
	b.whereAfter(page.After, "(captured_at, hit_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})")
	return b.finishPage(page)
}

// countedHits is the table of hits for who may know how many there are, and nothing else of them.
var countedHits = queriedTable{name: "hits", time: "captured_at", zone: "zone IN {zones:Array(String)}", id: "hit_id", routes: []access.Route{access.RouteAffected}}

// CountHitsAt counts the hits of a camera in the permit's window.
func CountHitsAt(p access.Permit, camera string) (Statement, error) {
	b := newBuilder(p, &countedHits)
	b.whereCameras([]string{camera})
	return b.finishCount()
}
