package query

import (
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

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
