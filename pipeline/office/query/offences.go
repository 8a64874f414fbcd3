package query

import (
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Offence is one candidate offence or one held. It is never a fine: an officer decides.
type Offence struct {
	OffenceID   string    `ch:"offence_id" json:"offence_id"`
	Rule        string    `ch:"rule" json:"rule"`
	RuleVersion string    `ch:"rule_version" json:"rule_version"`
	Family      string    `ch:"family" json:"family"`
	Status      string    `ch:"status" json:"status" doc:"candidate or held"`
	Reason      string    `ch:"reason" json:"reason"`
	HoldUntil   time.Time `ch:"hold_until" json:"hold_until" doc:"1970 = not held by time"`
	Plate       string    `ch:"plate" json:"plate"`
	Country     string    `ch:"country" json:"country"`
	PassageID   string    `ch:"passage_id" json:"passage_id"`
	ReadID      string    `ch:"read_id" json:"read_id"`
	Camera      string    `ch:"camera_id" json:"camera"`
	Site        string    `ch:"site" json:"site"`
	Zone        string    `ch:"zone" json:"zone"`
	CapturedAt  time.Time `ch:"captured_at" json:"captured_at"`
	Measured    int32     `ch:"measured_dkmh" json:"measured_dkmh" doc:"tenths of km/h"`
	Corrected   int32     `ch:"corrected_dkmh" json:"corrected_dkmh" doc:"after the legal margin, tenths of km/h"`
	Limit       int32     `ch:"limit_dkmh" json:"limit_dkmh" doc:"tenths of km/h"`
	Amount      int64     `ch:"amount_cents" json:"amount_cents" doc:"euro cents"`
	LegalBasis  string    `ch:"legal_basis" json:"legal_basis"`
	Verified    bool      `ch:"verified" json:"verified" doc:"every catalogue value used was verified by a jurist"`
	Trace       string    `ch:"trace" json:"-"`
	Catalogue   string    `ch:"catalogue_version" json:"catalogue_version"`
	Reference   string    `ch:"reference_version" json:"reference_version"`
	Image       string    `ch:"image_sha256" json:"image_sha256"`
	Seal        string    `ch:"seal_sha256" json:"seal_sha256"`
	PrevSeal    string    `ch:"prev_seal_sha256" json:"prev_seal_sha256"`
	Altered     []string  `ch:"-" json:"altered,omitempty" doc:"columns that are not what was sealed: the row was changed after the decision and is worth nothing"`
}

// Cursor returns the place after the row.
func (o *Offence) Cursor() Cursor { return after(o.CapturedAt, o.OffenceID) }

var offencesTable = table{
	name: "offences",
	columns: append(plain("offence_id", "rule", "rule_version", "family", "status", "reason", "hold_until", "country",
		"passage_id", "read_id", "camera_id", "site", "zone", "captured_at", "measured_dkmh", "corrected_dkmh", "limit_dkmh",
		"amount_cents", "legal_basis", "verified", "catalogue_version", "reference_version"),
		column{name: "plate", plate: "''"},
		column{name: "trace", plate: "replaceAll(trace, plate, '#')"},
		column{name: "image_sha256", expr: "lower(hex(image_sha256))", plate: "''"},
		column{name: "seal_sha256", expr: "lower(hex(seal_sha256))"},
		column{name: "prev_seal_sha256", expr: "lower(hex(prev_seal_sha256))"}),
	time:   "captured_at",
	zone:   inZones,
	order:  []fragment{"captured_at", "offence_id"},
	id:     "offence_id",
	routes: []access.Route{access.RouteOffences, access.RouteOffence},
}

// OffenceFilter chooses offences.
type OffenceFilter struct {
	ID      string // one offence
	Family  string
	Status  string
	Rule    string
	Reason  string
	Plate   Plate // one plate, not a pattern
	Cameras []string
}

// Offences selects offences, newest first.
func Offences(p access.Permit, f OffenceFilter, page Page) (Statement, error) {
	b := build(p, &offencesTable)
	if f.ID != "" {
		id, err := schemas.ParseID(f.ID)
		if err != nil {
			b.fail("id", "is not an offence id")
		}
		b.and("offence_id = {id:UUID}", "id", id.String())
	}
	if f.Plate.Wide() {
		b.fail("plate", "must be one plate: offences are not searched by pattern")
	}
	b.plate(f.Plate)
	b.name("family = {family:String}", "family", f.Family)
	b.name("status = {status:String}", "status", f.Status)
	b.name("rule = {rule:String}", "rule", f.Rule)
	b.name("reason = {reason:String}", "reason", f.Reason)
	b.cameras(f.Cameras)
	b.after(page.After, "(captured_at, offence_id) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID})")
	return b.page(page)
}

// Decision is one verdict of a rule on a passage that is not plainly "limit kept".
type Decision struct {
	PassageID   string    `ch:"passage_id" json:"passage_id"`
	Rule        string    `ch:"rule" json:"rule"`
	RuleVersion string    `ch:"rule_version" json:"rule_version"`
	Family      string    `ch:"family" json:"family"`
	Outcome     string    `ch:"outcome" json:"outcome"`
	Reason      string    `ch:"reason" json:"reason"`
	OffenceID   string    `ch:"offence_id" json:"offence_id" doc:"zero when the outcome makes none"`
	Plate       string    `ch:"plate" json:"plate"`
	Country     string    `ch:"country" json:"country"`
	Camera      string    `ch:"camera_id" json:"camera"`
	ReadID      string    `ch:"read_id" json:"read_id"`
	CapturedAt  time.Time `ch:"captured_at" json:"captured_at"`
	Trace       string    `ch:"trace" json:"-"`
	Catalogue   string    `ch:"catalogue_version" json:"catalogue_version"`
	Reference   string    `ch:"reference_version" json:"reference_version"`
}

// Cursor returns the place after the row.
func (d *Decision) Cursor() Cursor { return after(d.CapturedAt, d.PassageID+"/"+d.Rule) }

// tracesOfOffences gives each decision its trace. That of an offence or a hold stands in offences alone (pipeline/ingest/sink); without its
// offence, which a reconciliation finds, a decision has no steps.
const tracesOfOffences fragment = `if(decisions.trace = '', ifNull(nullIf((SELECT mapFromArrays(groupArray(offence_id), groupArray(trace)) FROM offences
	WHERE plate IN {forms:Array(String)} AND captured_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC'))[decisions.offence_id], ''), '[]'), decisions.trace)`

var decisionsTable = table{
	name: "decisions",
	columns: append(plain("passage_id", "rule", "rule_version", "family", "outcome", "reason", "offence_id", "country",
		"camera_id", "read_id", "captured_at", "catalogue_version", "reference_version"),
		column{name: "plate", plate: "''"},
		column{name: "trace", expr: tracesOfOffences, plate: "''"}),
	time: "captured_at",
	// The table has no zone; that of the read it was decided on counts. The plate of both is the same, so the sort key helps.
	zone:   "read_id IN (SELECT read_id FROM reads WHERE plate IN {forms:Array(String)} AND zone IN {zones:Array(String)})",
	order:  []fragment{"captured_at", "passage_id", "rule"},
	id:     "passage_id, rule, read_id", // a read that came late is judged by itself
	routes: []access.Route{access.RouteDecisions},
}

// DecisionFilter chooses decisions. Plate must be one plate.
type DecisionFilter struct {
	Plate   Plate
	Family  string
	Outcome string
}

// Decisions selects decisions, newest first.
func Decisions(p access.Permit, f DecisionFilter, page Page) (Statement, error) {
	b := build(p, &decisionsTable)
	if f.Plate.IsZero() || f.Plate.Wide() || f.Plate.confusable {
		b.fail("plate", "must be one plate")
	}
	b.anyForm(f.Plate)
	b.name("family = {family:String}", "family", f.Family)
	b.name("outcome = {outcome:String}", "outcome", f.Outcome)
	id, rule, _ := strings.Cut(page.After.key, "/")
	if page.After.key != "" {
		b.name("(captured_at, passage_id, rule) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_id:UUID}, {after_rule:String})",
			"after_rule", rule)
		passage, err := schemas.ParseID(id)
		if err != nil || rule == "" {
			b.fail("after", "is not a cursor of this list")
		}
		b.params["after_at"], b.params["after_id"] = page.After.at, passage.String()
	}
	return b.page(page)
}
