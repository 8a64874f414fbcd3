package query

import (
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// AccessEntry is one entry of the access log.
type AccessEntry schemas.AccessLogRow

// Cursor returns the place after the row.
func (e *AccessEntry) Cursor() Cursor { return Cursor{key: strconv.FormatUint(e.Seq, 10)} }

var accessLogTable = table{
	name: "access_log", columns: columnsOf[schemas.AccessLogRow](),
	time: "at",
	// Of users who work for one of the zones. Those who work for the whole region are for auditors of the region.
	zone:   "hasAny(splitByChar(',', zone), {zones:Array(String)})",
	order:  []fragment{"seq"},
	id:     "seq, entry_sha256",
	routes: []access.Route{access.RouteAccessLog},
}

// AccessFilter chooses entries of the access log. Plate finds every look-up that named exactly this plate or pattern.
type AccessFilter struct {
	User, Action, Purpose, Outcome string
	Plate                          Plate
}

// AccessLog selects entries of the access log, newest first.
func AccessLog(p access.Permit, f AccessFilter, page Page) (Statement, error) {
	b := build(p, &accessLogTable)
	if f.User != "" {
		if len(f.User) > 64 {
			b.fail("user", "must be at most 64 characters")
		}
		b.and("user = {user:String}", "user", f.User)
	}
	b.name("action = {action:String}", "action", f.Action)
	b.name("purpose = {purpose:String}", "purpose", f.Purpose)
	b.name("outcome = {outcome:String}", "outcome", f.Outcome)
	if !f.Plate.IsZero() {
		b.and("JSONExtractString(query, 'plate') = {plate:String}", "plate", f.Plate.Text())
	}
	if page.After.key != "" {
		seq, err := strconv.ParseUint(page.After.key, 10, 64)
		if err != nil {
			b.fail("after", "is not a cursor of this list")
		}
		b.and("seq < {after:UInt64}", "after", seq)
	}
	return b.page(page)
}
