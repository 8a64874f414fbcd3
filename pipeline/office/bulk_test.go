package office

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// bulkUsers are two supervisors of all zones who may be second persons, one without that grant, one of another zone, and an agent.
func bulkUsers(sv string) string {
	list := "users:\n"
	for name, rest := range map[string]string{
		"su": "role: gvc_supervisor, grants: [approve]", "sv": sv, "sx": "role: gvc_supervisor", "sz": `role: gvc_supervisor, zones: ["5340"], grants: [approve]`,
		"an": "role: gvc_agent, grants: [approve], appointment: {number: A-an, from: 2026-01-01}",
	} {
		list += fmt.Sprintf("  - {name: %s, %s, token_sha256: %s, valid_to: 2027-06-30}\n", name, rest, hash(name))
	}
	return list
}

const svApproves = "role: gvc_supervisor, grants: [approve]"

// wrongLimits asks for a withdrawal of all that a camera saw.
func wrongLimits(expected int64) BulkQuery {
	q := BulkQuery{Key: aKey()}
	q.Body.Kind, q.Body.Filter.Camera, q.Body.Reason, q.Body.Text = "withdraw", "BRU-1", "limit_wrong", "the sign said 50, the registry 30"
	if expected >= 0 {
		q.Body.Expected = &expected
	}
	return q
}

// runBulk does what two persons agreed on, as an office does.
func (d *caseDesk) runBulk() {
	d.t.Helper()
	for worked := true; worked; {
		var err error
		if worked, err = d.cases.StepBulk(d.t.Context()); err != nil {
			d.t.Fatal(err)
		}
	}
}

// An act on many cases: counted, asked for with that count, approved by another person under another sign-in, done, and shown with its result.
// Everybody else, every other count and every changed right is refused.
func TestAnActOnManyCasesNeedsTwoPersonsAndTheirCount(t *testing.T) {
	at, browser := now, "su"
	d := newCaseDesk(t, func(c *Config) {
		if err := c.Users.Reload(strings.NewReader(bulkUsers(svApproves))); err != nil {
			t.Fatal(err)
		}
		c.SignedIn = func(r *http.Request) (*SignedIn, error) {
			if r.Header.Get("Authorization") != "" {
				return nil, nil //nolint:nilnil // a script
			}
			for _, u := range c.Users.All() {
				if u.Name == browser {
					return &SignedIn{User: &u, SignIn: "browser of " + browser, At: at}, nil
				}
			}
			return nil, ErrSignInEnded
		}
	})
	for i := range 3 {
		d.takeIn(fmt.Sprintf("1BUL%03d", i), []string{"5339", "5340"}[i%2], nil)
	}
	su, sv := d.clerk("su"), d.clerk("sv")
	wrong := func(what string, err error, status int, code string) {
		t.Helper()
		if got, c := codeOfError(t, err); got != status || c != code {
			t.Errorf("%s: got %d %s, want %d %s", what, got, c, status, code)
		}
	}
	counted, err := su.Bulk(t.Context(), shift(), wrongLimits(-1))
	if err != nil || counted.Count != 3 || counted.BulkID != "" || counted.ApprovalID != "" || len(counted.ByState) != 1 || counted.ByState[0] != (StateCount{"open", 3}) {
		t.Fatalf("counting: %+v, %v", counted, err)
	}
	narrow, err := d.clerk("sz").Bulk(t.Context(), shift(), wrongLimits(-1))
	if err != nil || narrow.Count != 1 {
		t.Errorf("a supervisor of one zone counts %+v, %v", narrow, err)
	}
	_, err = su.Bulk(t.Context(), shift(), wrongLimits(2))
	wrong("another count", err, http.StatusPreconditionFailed, "stale")
	_, err = d.clerk("an").Bulk(t.Context(), shift(), wrongLimits(3))
	wrong("an agent", err, http.StatusForbidden, "role")
	for name, change := range map[string]func(*BulkQuery){
		"a confirmation": func(q *BulkQuery) { q.Body.Kind = "confirm" }, "without a bound": func(q *BulkQuery) { q.Body.Filter = BulkFilter{} },
		"a reason that is none": func(q *BulkQuery) { q.Body.Reason = "" }, "no cases": func(q *BulkQuery) { q.Body.Filter, q.Body.CaseIDs = BulkFilter{}, []string{"x"} },
	} {
		q := wrongLimits(3)
		change(&q)
		_, err := su.Bulk(t.Context(), shift(), q)
		wrong(name, err, http.StatusUnprocessableEntity, "invalid")
	}
	q := wrongLimits(3)
	asked, err := su.Bulk(t.Context(), shift(), q)
	if err != nil || asked.BulkID == "" {
		t.Fatalf("asking: %+v, %v", asked, err)
	}
	if again, err := su.Bulk(t.Context(), shift(), q); err != nil || *again.orNone() != *asked.orNone() {
		t.Errorf("the same key: %+v, %v, want %+v", again, err, asked)
	}
	if again, err := su.Bulk(t.Context(), shift(), wrongLimits(3)); err != nil || again.BulkID != asked.BulkID || again.ApprovalID != asked.ApprovalID {
		t.Errorf("the same act asked for twice: %+v, %v, want %+v", again, err, asked)
	}
	yes := DecideQuery{ID: asked.ApprovalID, Approve: true}
	_, err = su.Decide(t.Context(), yes)
	wrong("who asked, by token", err, http.StatusForbidden, "same_person")
	if status, body := d.send("", "", rawRequest{"POST", "/v1/approvals/decide", textOf(t, yes)}); status != http.StatusForbidden || codeIn(body) != "same_person" {
		t.Errorf("who asked, under another sign-in: %d %s", status, body)
	}
	browser, at = "sv", now.Add(-time.Hour)
	if status, body := d.send("", "", rawRequest{"POST", "/v1/approvals/decide", textOf(t, yes)}); status != http.StatusForbidden || codeIn(body) != "step_up" {
		t.Errorf("with an old proof of who it is: %d %s", status, body)
	}
	for _, name := range []string{"sx", "sz", "an"} { // no grant, another zone, another role
		_, err = d.clerk(name).Decide(t.Context(), yes)
		wrong(name, err, http.StatusNotFound, "not_found")
	}
	for what, list := range map[string]string{
		"who asked is an agent now": strings.Replace(bulkUsers(svApproves), "name: su, role: gvc_supervisor", "name: su, role: gvc_agent", 1),
		"who asked has one zone":    strings.Replace(bulkUsers(svApproves), "name: su, role: gvc_supervisor", `name: su, zones: ["5339"], role: gvc_supervisor`, 1),
		"who asked is gone":         strings.Replace(bulkUsers(svApproves), "name: su,", "name: other,", 1),
	} {
		d.useUsers(list)
		_, err = sv.Decide(t.Context(), yes)
		wrong(what, err, http.StatusForbidden, "role")
	}
	d.useUsers(bulkUsers("role: gvc_agent, grants: [approve]"))
	_, err = sv.Decide(t.Context(), yes)
	wrong("the second person is an agent now", err, http.StatusNotFound, "not_found")
	d.useUsers(bulkUsers(svApproves))
	d.takeIn("1BUL009", "5339", nil)
	_, err = sv.Decide(t.Context(), yes)
	wrong("another case came", err, http.StatusPreconditionFailed, "stale")
	d.runBulk()
	if a, err := su.BulkAct(t.Context(), shift(), asked.BulkID); err != nil || a.State != "waiting" || a.Done != 0 {
		t.Fatalf("nobody approved: %+v, %v", a, err)
	}
	d.approveAndCheck(4)
}

// orNone leaves out what differs between two answers to one request.
func (a *BulkAnswer) orNone() *struct {
	n            int64
	id, approval string
} {
	if a == nil {
		return nil
	}
	return &struct {
		n            int64
		id, approval string
	}{a.Count, a.BulkID, a.ApprovalID}
}

func (d *caseDesk) useUsers(list string) {
	d.t.Helper()
	if err := d.office.cfg.Users.Reload(strings.NewReader(list)); err != nil {
		d.t.Fatal(err)
	}
}

// approveAndCheck asks again with the count of now; another person approves; the result is shown to whom it may be.
func (d *caseDesk) approveAndCheck(n int64) {
	d.t.Helper()
	t, su, sv := d.t, d.clerk("su"), d.clerk("sv")
	asked, err := su.Bulk(t.Context(), shift(), wrongLimits(n))
	if err != nil {
		t.Fatal(err)
	}
	list, err := sv.Approvals(t.Context(), ApprovalsQuery{Justification: shift()})
	if err != nil || len(list.Rows) != 2 || list.Rows[0].Kind != "bulk" {
		t.Fatalf("what waits for the second person: %+v, %v", list, err)
	}
	var question bulkQuestion
	if err := json.Unmarshal(list.Rows[0].Question, &question); err != nil || question.Cases != n || question.Choice.Camera != "BRU-1" || question.Text == "" {
		t.Errorf("the second person decides about %s, %v", list.Rows[0].Question, err)
	}
	if _, err := sv.Decide(t.Context(), DecideQuery{ID: asked.ApprovalID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	d.runBulk()
	a, err := su.BulkAct(t.Context(), shift(), asked.BulkID)
	if err != nil || a.State != "done" || a.Done != n || a.Refused != 0 || a.Waiting != 0 || a.Letters != 0 || a.ApprovedBy != "sv" || a.AskedBy != "su" {
		t.Errorf("%+v, %v", a, err)
	}
	rows, err := su.BulkCases(t.Context(), shift(), BulkCasesQuery{BulkActQuery: BulkActQuery{asked.BulkID}, Part: "all", Limit: 3})
	if err != nil || len(rows.Rows) != 3 || rows.Next == "" || rows.Rows[0].Outcome != "done" || rows.Rows[0].StateBefore != "open" {
		t.Errorf("the cases: %+v, %v", rows, err)
	}
	if d.stateOf(rows.Rows[0].CaseID) != cases.Withdrawn {
		t.Error("a case that was done is not withdrawn")
	}
	_, err = d.clerk("sz").BulkAct(t.Context(), shift(), asked.BulkID)
	if status, code := codeOfError(t, err); status != http.StatusNotFound || code != "not_found" {
		t.Errorf("a supervisor of one zone sees an act of all: %d %s", status, code)
	}
	file := d.lettersOf("su", asked.BulkID)
	if file != strings.Join(lettersHead, ",")+"\n" {
		t.Errorf("the letters of an act on cases that nobody had handed over: %q", file)
	}
	for _, body := range []string{textOf(t, a), textOf(t, rows), file, string(list.Rows[0].Question)} {
		if strings.Contains(body, "1BUL0") {
			t.Errorf("an act shows a plate: %s", body)
		}
	}
	acts, err := su.BulkActs(t.Context(), shift())
	if err != nil || len(acts.Rows) != 2 || acts.Rows[0].BulkID != asked.BulkID {
		t.Errorf("the acts: %+v, %v", acts, err)
	}
	if n := d.logged("operation = 'cases-bulk' AND outcome = 'granted' AND user_name = 'su'"); n < 3 {
		t.Errorf("%d entries say what was asked for", n)
	}
}

// lettersOf fetches the list of letters as a person.
func (d *caseDesk) lettersOf(name, id string) string {
	d.t.Helper()
	purpose, err := d.clerk(name).purposeOf(d.t.Context(), shift())
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.server.URL+"/v1/bulk-acts/"+id+"/letters", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+name)
	req.Header.Set(purposeHeader, purpose)
	resp, err := d.server.Client().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != typeCSV {
		d.t.Fatalf("letters: %d %s %s, %v", resp.StatusCode, resp.Header.Get("Content-Type"), body, err)
	}
	return string(body)
}

// A camera's clock is accepted for its cases by two persons: the second one reads in words which doubt is settled, and the cases wait for
// the rules.
func TestADoubtOfManyCasesIsSettledByTwoPersons(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) {
		if err := c.Users.Reload(strings.NewReader(bulkUsers(svApproves))); err != nil {
			t.Fatal(err)
		}
	})
	d.policy.Holds = map[string]cases.HoldRule{"clock_suspect": {AtDecideBy: true, Then: cases.Withdrawn, Reason: cases.ClockWrong, ByHand: true}}
	for i := range 2 {
		d.takeIn(fmt.Sprintf("1REL%03d", i), "5339", func(in *cases.Intake) {
			in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "clock_suspect"
			sealAgain(in)
		})
	}
	d.takeIn("1REL009", "5339", nil)
	q := wrongLimits(2)
	q.Body.Kind, q.Body.Reason, q.Body.Text = "release", "", "the clock was compared with the log of the time server"
	_, err := d.clerk("su").Bulk(t.Context(), shift(), q)
	if status, code := codeOfError(t, err); status != http.StatusUnprocessableEntity || code != "invalid" {
		t.Errorf("any doubt at all: %d %s", status, code)
	}
	q.Body.Filter.HoldReason = "clock_suspect"
	asked, err := d.clerk("su").Bulk(t.Context(), shift(), q)
	if err != nil || asked.Count != 2 {
		t.Fatalf("%+v, %v", asked, err)
	}
	list, err := d.clerk("sv").Approvals(t.Context(), ApprovalsQuery{Justification: shift()})
	if err != nil || len(list.Rows) != 1 || !strings.Contains(string(list.Rows[0].Question), "l'horloge de la caméra n'est pas fiable") {
		t.Fatalf("what the second person reads: %+v, %v", list, err)
	}
	if _, err := d.clerk("sv").Decide(t.Context(), DecideQuery{ID: asked.ApprovalID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	d.runBulk()
	a, err := d.clerk("su").BulkAct(t.Context(), shift(), asked.BulkID)
	if err != nil || a.State != "done" || a.Kind != "release" || a.Done != 2 || a.Refused != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	if due, err := d.cases.DueHolds(t.Context(), 10); err != nil || len(due) != 2 {
		t.Errorf("%d cases wait for the rules, want 2; %v", len(due), err)
	}
}
