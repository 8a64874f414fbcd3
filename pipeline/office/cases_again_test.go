package office

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// closeByTwo closes a case on which two persons agree.
func (d *caseDesk) closeByTwo(plate string) (caseID string) {
	d.t.Helper()
	second := d.policy.Second
	everyDouble(d)
	d.takeIn(plate, "5339", nil)
	first := d.take("an", "decide")
	d.mustDecide("an", confirming(first))
	d.pass(11 * time.Second)
	d.mustDecide("bo", confirming(d.take("bo", "second")))
	d.pass(11 * time.Second)
	if state := d.stateOf(first.CaseID); state != cases.Confirmed {
		d.t.Fatalf("two who agree made the case %s", state)
	}
	d.policy.Second = second
	return first.CaseID
}

// varyingText is what differs between the answers about any two cases.
var varyingText = regexp.MustCompile(`[0-9a-f-]{32,64}|\d{4}-\d\d-\d\dT[0-9:.]+Z|"(log_seq|shown_ms|undo_ms)":\d+|[12]ABC12\d|"after_seq":\d+|"request_id":"[^"]*"`)

// workOn does all that a person can do with an item, and returns every answer, without what differs between two cases.
func (d *caseDesk) workOn(name string) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	note := func(what string, status int, body string) {
		out[what] = http.StatusText(status) + " " + varyingText.ReplaceAllString(body, "*")
	}
	item := d.take(name, "decide")
	note("item", http.StatusOK, textOf(d.t, item))
	one := "/v1/cases/" + item.CaseID
	look := func(when string) {
		for what, q := range map[string]rawRequest{
			"dossier": {"GET", one, ""}, "query": {"POST", "/v1/cases/query", `{"plate":"` + item.Plate.Text + `"}`}, "counts": {"GET", "/v1/work/counts", ""},
		} {
			status, body := d.sendAs(name, q, nil)
			if what == "counts" && when == "while it is held" {
				continue // the own answers before are others
			}
			if _, last, ok := strings.Cut(body, `"last":[`); ok && what == "counts" {
				body, _, _ = strings.Cut(last, "}")
			}
			note(what+" "+when, status, body)
		}
	}
	change := func(what, path, body, version string) string {
		status, answer := d.sendAs(name, rawRequest{"POST", one + path, body}, http.Header{"If-Match": {version}, "Idempotency-Key": {aKey()}})
		note(what, status, answer)
		return answer
	}
	held := func(i *Item) string { return `"lease_id":"` + i.Lease.ID + `"` }
	look("while it is held")
	status, body := d.sendAs(name, rawRequest{"POST", "/v1/work/leases", `{"queue":"decide","case_id":"` + item.CaseID + `"}`}, nil)
	note("again", status, body)
	v := confirming(item)
	change("a version that it has not", "/verdicts", textOf(d.t, v.Body), `"9"`)
	answer := change("verdict", "/verdicts", textOf(d.t, v.Body), v.IfMatch)
	look("while it settles")
	change("a second verdict", "/verdicts", textOf(d.t, v.Body), VersionTag(item.Version+1))
	event := regexp.MustCompile(`"event_id":"([^"]+)"`).FindStringSubmatch(answer)
	undone, err := d.clerk(name).Undo(d.t.Context(), shift(), undoing(item.CaseID, event[1], item.Version+1))
	if err != nil {
		d.t.Fatalf("undo: %v", err)
	}
	note("undo", http.StatusOK, textOf(d.t, undone))
	look("after the undo")
	flagged := change("flag", "/flag", `{"text":"somebody should look at this",`+held(undone.Item)+`}`, VersionTag(undone.Item.Version))
	if !strings.Contains(flagged, "arbitration") {
		d.t.Errorf("a flag was answered with %s", flagged)
	}
	return out
}

func undoing(caseID, event string, version int64) UndoQuery {
	u := UndoQuery{CaseChange: CaseChange{CaseID: caseID, IfMatch: VersionTag(version), Key: aKey()}}
	u.Body.Event = event
	return u
}

// No answer about a known answer differs from that about an open case: not the item, the dossier, the lists, nor the answer
// to a verdict, an undo or a refusal.
func TestAKnownAnswerCannotBeToldFromAnOpenCase(t *testing.T) {
	d := newCaseDesk(t, nil)
	closed := d.closeByTwo("1ABC121")
	d.takeIn("2ABC122", "5339", nil)
	d.policy.ProbesPerMyriad = cases.Draws
	probe := d.workOn("cy")
	if state := d.stateOf(closed); state != cases.Confirmed {
		t.Fatalf("the known answer is %s now", state)
	}
	if d.countEvents("probe") != 3 {
		t.Fatalf("%d answers to known answers, want 3: the test shows nothing", d.countEvents("probe"))
	}
	d.policy.ProbesPerMyriad = 0
	open := d.workOn("cy")
	for what, want := range open {
		if got := probe[what]; got != want {
			t.Errorf("%s\nof an open case:    %s\nof a known answer: %s", what, want, got)
		}
	}
}

// countEvents counts the events of a kind.
func (d *caseDesk) countEvents(kind string) (n int) {
	d.t.Helper()
	if err := d.people.QueryRow(d.t.Context(), "SELECT count(*) FROM case_events WHERE kind = $1", kind).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// What a colleague is shown again is known to nobody from a list.
func TestNoListTellsWhatAColleagueIsShownAgain(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.closeByTwo("1ABC121")
	d.takeIn("2ABC122", "5339", nil)
	d.policy.ProbesPerMyriad = cases.Draws
	d.take("su", "decide")
	for what, q := range map[string]rawRequest{"query": {"POST", "/v1/cases/query", `{"plate":"1ABC121"}`}, "list": {"GET", "/v1/work?queue=transmit", ""}} {
		if status, body := d.sendAs("bo", q, nil); status != http.StatusOK || strings.Contains(body, `"leased_by"`) || !strings.Contains(body, `"confirmed"`) {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
}
