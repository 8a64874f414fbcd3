package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Hit is one listed plate met by a passage.
type Hit struct {
	HitID       string    `ch:"hit_id" json:"hit_id"`
	List        string    `ch:"list" json:"list"`
	EntryID     string    `ch:"entry_id" json:"entry_id"`
	ListedPlate string    `ch:"listed_plate" json:"listed_plate"`
	Match       string    `ch:"match" json:"match" doc:"exact, or confusable: a lead, never proof"`
	Reason      string    `ch:"reason" json:"reason"`
	CaseRef     string    `ch:"case_ref" json:"case_ref"`
	Priority    uint8     `ch:"priority" json:"priority"`
	Plate       string    `ch:"plate" json:"plate" doc:"as read"`
	RawPlate    string    `ch:"raw_plate" json:"raw_plate"`
	ReadID      string    `ch:"read_id" json:"read_id"`
	PassageID   string    `ch:"passage_id" json:"passage_id"`
	Camera      string    `ch:"camera_id" json:"camera"`
	Site        string    `ch:"site" json:"site"`
	Zone        string    `ch:"zone" json:"zone"`
	CapturedAt  time.Time `ch:"captured_at" json:"captured_at"`
	ReceivedAt  time.Time `ch:"received_at" json:"received_at"`
	ProcessedAt time.Time `ch:"processed_at" json:"processed_at"`
	Confidence  uint16    `ch:"confidence" json:"confidence" doc:"per mille"`
	Late        bool      `ch:"late" json:"late"`
	Reference   string    `ch:"reference_version" json:"reference_version"`
}

// Cursor returns the place after the row.
func (h *Hit) Cursor() Cursor { return after(h.CapturedAt, h.HitID) }

var hitsTable = table{
	name: "hits",
	columns: append(plain("hit_id", "list", "entry_id", "match", "reason", "case_ref", "priority", "read_id", "passage_id",
		"camera_id", "site", "zone", "captured_at", "received_at", "processed_at", "confidence", "late", "reference_version"),
		column{name: "listed_plate", plate: "''"}, column{name: "plate", plate: "''"}, column{name: "raw_plate", plate: "''"}),
	time: "captured_at",
	// A zone sees the hits of its own cameras, of lists whose owner tells it (an empty audience is everybody).
	zone:   "zone IN {zones:Array(String)} AND (empty(audience) OR hasAny(audience, {zones:Array(String)}))",
	order:  []fragment{"captured_at", "hit_id"},
	id:     "hit_id",
	routes: []access.Route{access.RouteHits},
}

// HitFilter chooses hits. Plate is matched with the listed plate or the plate as read.
type HitFilter struct {
	Plate       Plate // one plate, not a pattern
	List        string
	Match       string
	Cameras     []string
	MinPriority int
}

// Hits selects hits, newest first.
func Hits(p access.Permit, f HitFilter, page Page) (Statement, error) {
	b := build(p, &hitsTable)
	switch {
	case f.Plate.IsZero():
	case f.Plate.Wide() || f.Plate.confusable:
		b.fail("plate", "must be one plate: hits are not searched by pattern")
	case !p.ShowsPlates():
		b.err = errPermit
	default:
		b.and("(listed_plate IN {plates:Array(String)} OR plate IN {plates:Array(String)})", "plates", f.Plate.forms())
	}
	b.name("list = {list:String}", "list", f.List)
	b.name("match = {match:String}", "match", f.Match)
	b.cameras(f.Cameras)
	if f.MinPriority > 0 {
		b.and("priority >= {priority:UInt8}", "priority", uint8(min(f.MinPriority, 255)))
	}
	b.after(page.After, "(captured_at, hit_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})")
	return b.page(page)
}
