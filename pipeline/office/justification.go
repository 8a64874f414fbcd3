package office

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// Justification is a person's statement for a purpose, made once. The client opens the purpose for each look-up with
// this justification.
type Justification struct {
	Purpose       string `json:"purpose" enum:"judicial,administrative,traffic,oversight" doc:"What the look-ups are for."`
	Reason        string `json:"reason" maxLength:"2000" doc:"Why, in words: at least two, with five different letters, that say something of this case, and no plate. Logged with your name."`
	CaseRef       string `json:"case_ref,omitempty" maxLength:"400" doc:"Number of the file; judicial and administrative purposes need one."`
	ProsecutorRef string `json:"prosecutor_ref,omitempty" maxLength:"400" doc:"Number of the decision of the King's Prosecutor; opens data older than one month for the judicial purpose."`
}

// TimeRange is a range of capture times, [From, To). A zero time is open, within the purpose's own bounds.
type TimeRange struct {
	From time.Time `json:"from,omitzero" query:"from" required:"false" doc:"Capture time, inclusive."`
	To   time.Time `json:"to,omitzero" query:"to" required:"false" doc:"Capture time, exclusive."`
}

// Paging chooses a page. After is next from the page before.
type Paging struct {
	After string `json:"after,omitempty" query:"after" maxLength:"512" doc:"next of the page before."`
	Limit int    `json:"limit,omitempty" query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows of a page."`
}

// Scope describes the data that an answer could see.
type Scope struct {
	Purpose  string     `json:"purpose"`
	From     *time.Time `json:"from,omitempty" doc:"earliest capture time that was searched"`
	To       *time.Time `json:"to,omitempty"`
	Zones    []string   `json:"zones,omitempty" doc:"police zones; absent = all"`
	Plates   bool       `json:"plates" doc:"whether plates are shown"`
	Narrowed []Narrowed `json:"narrowed,omitempty" doc:"why less than what was asked for was searched or is shown"`
	LogSeq   uint64     `json:"log_seq" doc:"number of this look-up in the access log"`
	Coverage *Coverage  `json:"coverage,omitempty" doc:"how complete the data of the window are"`
}

// Narrowed explains one reduction of a look-up.
type Narrowed struct {
	What string `json:"what" enum:"from,rows"`
	Code string `json:"code" enum:"age,quota"`
	Text string `json:"text"`
}

// narrowedByQuota explains a page cut by the user's daily rows.
var narrowedByQuota = Narrowed{What: "rows", Code: access.CodeQuota, Text: "the rows that one person is shown a day are used up: a second person may release more"}

func scopeOf(p access.Permit) Scope {
	s := Scope{Purpose: string(p.Purpose()), Zones: p.Zones(), Plates: p.ShowsPlates(), LogSeq: p.Seq()}
	if text := p.Narrowed(); text != "" {
		s.Narrowed = append(s.Narrowed, Narrowed{What: "from", Code: access.CodeAge, Text: text})
	}
	switch p.Route() {
	case access.RouteListApprovals:
		return s // approvals have no window; the zones are the persons' zones
	case access.RouteReconcile, access.RouteVerify, access.RouteReplay:
		s.Zones = nil // counts and checks of the whole apply no zone
	default: // the permit's zones
	}
	if from := p.From(); from != 0 {
		t := from.Time()
		s.From = &t
	}
	if to := p.To(); to != 0 {
		t := to.Time()
		s.To = &t
	}
	return s
}

// pageOf reads the requested page of a list, with at most most rows.
func (o *Office) pageOf(user, list string, p Paging, most int) (query.Page, error) {
	c, err := o.pseudonyms.openCursor(user, list, p.After)
	if err != nil {
		return query.Page{}, newInvalid("after", err.Error())
	}
	limit := p.Limit
	if limit <= 0 {
		limit = query.DefaultLimit
	}
	return query.Page{After: c, Limit: min(limit, most)}, nil
}

// splitPage removes the row beyond the page and returns the next page's cursor. The last page has a zero cursor.
func splitPage[T any, P interface {
	*T
	Cursor() query.Cursor
}](rows []T, limit int) (page []T, next query.Cursor) {
	if len(rows) <= limit || limit <= 0 {
		return rows, query.Cursor{}
	}
	rows = rows[:limit]
	return rows, P(&rows[limit-1]).Cursor()
}

// addWindow adds the requested window to the log's filters.
func (w TimeRange) addWindow(filters map[string]any) map[string]any {
	if !w.From.IsZero() {
		filters["from"] = w.From.UTC().Format(time.RFC3339Nano)
	}
	if !w.To.IsZero() {
		filters["to"] = w.To.UTC().Format(time.RFC3339Nano)
	}
	return filters
}
