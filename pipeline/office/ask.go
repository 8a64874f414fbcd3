package office

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// Ask is what every look-up states. The tags are the API's: the client encodes by them and the server decodes by them.
type Ask struct {
	Purpose       string `query:"purpose" enum:"judicial,administrative,traffic,oversight,operation" doc:"What the look-up is for."`
	Reason        string `query:"reason" maxLength:"2000" doc:"Why, in at least 10 characters; logged with your name."`
	CaseRef       string `query:"case_ref" maxLength:"400" doc:"Number of the case or report."`
	ProsecutorRef string `query:"prosecutor_ref" maxLength:"400" doc:"Number of the decision of the King's Prosecutor; opens data older than one month for the judicial purpose."`
}

// Window is a time window, from inclusive, to exclusive. A zero time is open, within what the purpose may see.
type Window struct {
	From time.Time `query:"from" doc:"Capture time, inclusive."`
	To   time.Time `query:"to" doc:"Capture time, exclusive."`
}

// Paging chooses a page. After is next of the page before.
type Paging struct {
	After string `query:"after" maxLength:"256" doc:"next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows of a page."`
}

// Scope says what an answer could see.
type Scope struct {
	Purpose  string     `json:"purpose"`
	From     *time.Time `json:"from,omitempty" doc:"earliest capture time that was searched"`
	To       *time.Time `json:"to,omitempty"`
	Zones    []string   `json:"zones,omitempty" doc:"police zones; absent = all"`
	Plates   bool       `json:"plates" doc:"whether plates are shown"`
	Narrowed string     `json:"narrowed,omitempty" doc:"why less than the window asked for was searched"`
	LogSeq   uint64     `json:"log_seq" doc:"number of this look-up in the access log"`
}

func scopeOf(p access.Permit) Scope {
	s := Scope{Purpose: string(p.Purpose()), Zones: p.Zones(), Plates: p.ShowsPlates(), Narrowed: p.Narrowed(), LogSeq: p.Seq()}
	switch p.Route() {
	case access.RouteReconcile, access.RouteVerify, access.RouteReplay:
		s.Zones = nil // counts and checks of the whole: no zone is applied, so none is named
	default: // the zones of the permit
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

func (p Paging) page() (query.Page, error) {
	c, err := query.ParseCursor(p.After)
	if err != nil {
		return query.Page{}, invalid("after", err.Error())
	}
	return query.Page{After: c, Limit: p.Limit}, nil
}

// cut takes off the row that was asked for beyond the page and returns the cursor of the next page, "" on the last.
func cut[T any, P interface {
	*T
	Cursor() query.Cursor
}](rows []T, limit int) (page []T, next string) {
	if len(rows) <= limit || limit <= 0 {
		return rows, ""
	}
	rows = rows[:limit]
	return rows, P(&rows[limit-1]).Cursor().String()
}

func parsePlate(text string, confusable bool) (query.Plate, error) {
	p, err := query.ParsePlate(text, confusable)
	if err != nil {
		return p, invalid("plate", err.Error())
	}
	return p, nil
}

// logged adds the window that was asked for to the filters of the log.
func (Ask) logged(filters map[string]any, w Window) map[string]any {
	if !w.From.IsZero() {
		filters["from"] = w.From.UTC().Format(time.RFC3339Nano)
	}
	if !w.To.IsZero() {
		filters["to"] = w.To.UTC().Format(time.RFC3339Nano)
	}
	return filters
}
