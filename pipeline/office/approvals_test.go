package office

import (
	"net/http"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// A list of approvals shows other people's questions with plates. The list needs a purpose, shows only questions under
// this purpose, and is logged as an answer that showed the plates. The number of waiting approvals needs no purpose.
func TestApprovalsAreALookUpUnderThePurposeOfTheQuestion(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		secondPersons(t, c)
		c.Limits = UserLimits{PerSecond: 1e6, PlatesHour: 1e6, RowsDay: 1}
	})
	officer, chief := d.client("officer"), d.client("chief")
	q := SearchQuery{Justification: judicial(), Plate: "1AB?1*", TimeRange: TimeRange{From: now.Add(-20 * day), To: now}}
	for _, ask := range []ApprovalQuery{{Justification: judicial(), Kind: "search", Search: &q}, {Justification: judicial(), Kind: "rows"}} {
		if _, err := officer.AskApproval(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := chief.Approvals(t.Context(), ApprovalsQuery{}); status(err) != http.StatusForbidden || d.logged("operation = 'approvals' AND code = 'purpose_needed'") != 1 {
		t.Errorf("without a purpose: got %v, want 403 and an entry", err)
	}
	marks, err := d.office.marksOf("1AB?1*")
	if err != nil {
		t.Fatal(err)
	}
	administrative := Justification{Purpose: "administrative", Reason: why, CaseRef: aReport}
	for name, c := range map[string]struct {
		client      *Client
		q           ApprovalsQuery
		rows, shown int
	}{
		"of the purpose":                        {chief, ApprovalsQuery{Justification: judicial()}, 2, 1},
		"of another purpose":                    {chief, ApprovalsQuery{Justification: administrative}, 0, 0},
		"own ones of the second person":         {chief, ApprovalsQuery{Justification: judicial(), Mine: true}, 0, 0},
		"own ones of who asked":                 {officer, ApprovalsQuery{Justification: judicial(), Mine: true}, 2, 1},
		"of one who may be no second person":    {d.client("colleague"), ApprovalsQuery{Justification: judicial()}, 0, 0},
		"of one who may not look the same up":   {d.client("supervisor"), ApprovalsQuery{Justification: Justification{Purpose: "traffic", Reason: why}}, 0, 0},
		"of the purpose, though no row is left": {chief, ApprovalsQuery{Justification: judicial()}, 2, 1},
	} {
		before := d.logged("true")
		a, err := c.client.Approvals(t.Context(), c.q)
		if err != nil || len(a.Rows) != c.rows || a.Scope.Purpose != c.q.Justification.Purpose || a.Scope.LogSeq == 0 {
			t.Errorf("%s: got %+v, err %v, want %d rows", name, a, err, c.rows)
			continue
		}
		var shown int
		if err := d.logs.QueryRow(t.Context(), "SELECT count(*) FROM disclosed WHERE plate_hmac = ANY($1::bytea[]) AND seq > $2", marks, before).Scan(&shown); err != nil {
			t.Fatal(err)
		}
		if n := d.logged("operation = 'approvals' AND kind = 'disclosed' AND rows_shown = " + itoa(int64(c.rows)) + " AND seq > " + itoa(int64(before))); n != 1 || shown != c.shown {
			t.Errorf("%s: %d entries of the answer, and %d say that it showed the plate, want 1 and %d", name, n, shown, c.shown)
		}
	}
	for name, want := range map[string]int{"chief": 2, "officer": 0, "colleague": 0, "supervisor": 0} {
		if me, err := d.client(name).Me(t.Context()); err != nil || me.Waiting != want {
			t.Errorf("%s: %+v, err %v, want %d that wait", name, me, err, want)
		}
	}
	for _, role := range access.Roles() {
		if access.Allowed(role, access.RouteListApprovals) == (role == access.CameraOperator || role == access.Jurist) {
			t.Errorf("%s: who can ask for no approval sees none", role)
		}
	}
}

// An approval too old to be decided is neither counted nor listed for a second person. Who asked still sees it.
func TestWhatCanNoLongerBeDecidedWaitsForNobody(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c) })
	officer, chief := d.client("officer"), d.client("chief")
	if _, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "rows"}); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]int{8*time.Hour - time.Minute: 1, 8*time.Hour + time.Minute: 0} {
		if _, err := d.logs.Exec(t.Context(), "UPDATE approvals SET asked_at = clock_timestamp() - $1::interval", age); err != nil {
			t.Fatal(err)
		}
		if me, err := chief.Me(t.Context()); err != nil || me.Waiting != want {
			t.Errorf("after %s: %+v, err %v, want %d that wait", age, me, err, want)
		}
		if a, err := chief.Approvals(t.Context(), ApprovalsQuery{Justification: judicial()}); err != nil || len(a.Rows) != want {
			t.Errorf("after %s: the second person sees %+v, err %v, want %d", age, a, err, want)
		}
		if a, err := officer.Approvals(t.Context(), ApprovalsQuery{Justification: judicial(), Mine: true}); err != nil || len(a.Rows) != 1 {
			t.Errorf("after %s: who asked sees %+v, err %v, want 1", age, a, err)
		}
	}
}
