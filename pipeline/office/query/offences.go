package query

import (
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Offence is a candidate or a held offence. An offence is never a fine: an officer decides.
type Offence struct {
	schemas.OffenceRow

	Measures []schemas.Measure `ch:"-" json:"measures" doc:"the numbers the decision rests on; the unit is the end of the name"`
	Altered  []string          `ch:"-" json:"altered,omitempty" doc:"columns that are not what was sealed: the row was changed after the decision and is worth nothing"`
}

// ShowMeasures fills the list of measures from the columns of each row.
func ShowMeasures(rows []Offence) {
	for i := range rows {
		if rows[i].Measures = rows[i].ListMeasures(); rows[i].Measures == nil {
			rows[i].Measures = []schemas.Measure{}
		}
	}
}

// Cursor returns the position after the row.
func (o *Offence) Cursor() Cursor { return cursorAfter(o.CapturedAt, o.OffenceID.ID) }

var offencesTable = queriedTable{
	name: "offences", columns: columnsOf[schemas.OffenceRow](),
	time:   "captured_at",
	zone:   inZones,
	order:  []fragment{"captured_at", "offence_id"},
	id:     "offence_id",
	routes: []access.Route{access.RouteOffences},
}

// OffenceFilter chooses offences.
type OffenceFilter struct {
	ID      string // one offence
	Family  string
	Status  string
	Rule    string
	Reason  string
	Plate   PlateFilter // one plate, not a pattern
	Cameras []string
}

// Offences selects offences, newest first.
func Offences(p access.Permit, f OffenceFilter, page Page) (Statement, error) {
	b := newBuilder(p, &offencesTable)
	if f.ID != "" {
		id, err := schemas.ParseID(f.ID)
		if err != nil {
			b.noteFault("id", "is not an offence id")
		}
		b.addCondition("offence_id = {id:UUID}", "id", id.String())
	}
	if f.Plate.Wide() {
		b.noteFault("plate", "must be one plate: offences are not searched by pattern")
	}
	b.wherePlate(f.Plate)
	b.whereName("family = {family:String}", "family", f.Family)
	b.whereName("status = {status:String}", "status", f.Status)
	b.whereName("rule = {rule:String}", "rule", f.Rule)
	b.whereName("reason = {reason:String}", "reason", f.Reason)
	b.whereCameras(f.Cameras)
	b.whereAfter(page.After, "(captured_at, offence_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})")
	return b.finishPage(page)
}

// Decision is a rule's answer on a passage. Plain answers such as "limit kept" are not stored.
type Decision schemas.DecisionRow

// Cursor returns the position after the row.
func (d *Decision) Cursor() Cursor {
	return Cursor{at: d.CapturedAt.UnixMicro(), key: d.PassageID.String() + "/" + d.Rule}
}

// tracesOfOffences adds the trace to each decision. For an offence or a hold, only the offences table has the trace
// (pipeline/ingest/sink). A decision whose offence is missing gets an empty trace; a reconciliation finds such a
// decision.
const tracesOfOffences fragment = `if(decisions.trace = '', ifNull(nullIf((SELECT mapFromArrays(groupArray(offence_id), groupArray(trace)) FROM offences
	WHERE plate IN {forms:Array(String)} AND captured_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC'))[decisions.offence_id], ''), '[]'), decisions.trace)`

var decisionsTable = queriedTable{
	name: "decisions", columns: columnsOf[schemas.DecisionRow](column{name: "trace", expr: tracesOfOffences, plate: "''"}),
	time: "captured_at",
	// The table has no zone column, so the zone of the decided read counts. Read and decision have the same plate, and
	// the sort key helps.
	zone:   "read_id IN (SELECT read_id FROM reads WHERE plate IN {forms:Array(String)} AND zone IN {zones:Array(String)})",
	order:  []fragment{"captured_at", "passage_id", "rule"},
	id:     "passage_id, rule, read_id", // read_id: a straggler has a decision apart from the passage
	routes: []access.Route{access.RouteDecisions},
}

// DecisionFilter chooses decisions. Plate must be one plate.
type DecisionFilter struct {
	Plate   PlateFilter
	Family  string
	Outcome string
}

// Decisions selects decisions, newest first.
func Decisions(p access.Permit, f DecisionFilter, page Page) (Statement, error) {
	b := newBuilder(p, &decisionsTable)
	if f.Plate.IsZero() || f.Plate.Wide() || f.Plate.confusable {
		b.noteFault("plate", "must be one plate")
	}
	b.anyForm(f.Plate)
	b.whereName("family = {family:String}", "family", f.Family)
	b.whereName("outcome = {outcome:String}", "outcome", f.Outcome)
	id, rule, _ := strings.Cut(page.After.key, "/")
	if page.After.key != "" {
		b.whereName("(captured_at, passage_id, rule) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID}, {after_rule:String})",
			"after_rule", rule)
		passage, err := schemas.ParseID(id)
		if err != nil || rule == "" {
			b.noteFault("after", "is not a cursor of this list")
		}
		b.params["after_at"], b.params["after_id"] = page.After.at, passage.String()
	}
	return b.finishPage(page)
}
