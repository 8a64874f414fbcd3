package office

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// everyDouble makes a second person look at each verdict.
func everyDouble(d *caseDesk) {
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: cases.Draws, RejectsPerMyriad: cases.Draws}}
}

// answersAbout returns every answer in which a person could find out what others said of a case, as sent.
func (d *caseDesk) answersAbout(name, queue, caseID string) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for what, q := range map[string]rawRequest{
		"lease":   {"POST", "/v1/work/leases", `{"queue":"` + queue + `"}`},
		"again":   {"POST", "/v1/work/leases", `{"queue":"` + queue + `","case_id":"` + caseID + `"}`},
		"list":    {"GET", "/v1/work?queue=" + queue, ""},
		"counts":  {"GET", "/v1/work/counts", ""},
		"dossier": {"GET", "/v1/cases/" + caseID, ""},
		"query":   {"POST", "/v1/cases/query", `{"plate":"1ABC123"}`},
	} {
		status, body := d.sendAs(name, q, nil)
		if status != http.StatusOK {
			d.t.Fatalf("%s: %d %s", what, status, body)
		}
		out[what] = body
	}
	return out
}

// The second person sees no byte of the first verdict in any answer; nor does the first person learn that somebody looks
// again. Together they are the only two, and never the same.
func TestTheSecondLookIsBlind(t *testing.T) {
	d := newCaseDesk(t, nil)
	everyDouble(d)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	v := rejecting(item, "other")
	v.Body.Text = "SECRETWORD in the first verdict"
	status, body := d.sendAs("an", rawRequest{"POST", "/v1/cases/" + item.CaseID + "/verdicts", textOf(t, v.Body)}, http.Header{"If-Match": {v.IfMatch}, "Idempotency-Key": {v.Key}})
	if status != http.StatusOK || strings.Contains(body, "second") || !strings.Contains(body, "settling") {
		t.Errorf("the first verdict was answered with %d %s", status, body)
	}
	d.pass(11 * time.Second)
	if a, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "second"}); err != nil || len(a.Items) != 0 {
		t.Errorf("who decided first got the second look: %+v, %v", a, err)
	}
	if _, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "second", CaseID: item.CaseID}); err == nil {
		t.Error("who decided first took the second look by its id")
	} else if status, code := codeOfError(t, err); status != 403 || code != "same_person" {
		t.Errorf("the second look by the first person: %v", err)
	}
	for what, body := range d.answersAbout("bo", "second", item.CaseID) {
		for _, secret := range []string{"SECRETWORD", `"other"`, `"reject`, `"an"`, "A-an", "decided", "two_vehicles", "triggers"} {
			if strings.Contains(body, secret) {
				t.Errorf("the %s of the second person holds %s: %s", what, secret, body)
			}
		}
	}
	second := d.take("bo", "second")
	if second.Queue != "second" || second.Verdicts != nil {
		t.Errorf("the item is %+v", second)
	}
	got := d.mustDecide("bo", confirming(second))
	if got.State != "settling" {
		t.Errorf("after the second look: %+v", got)
	}
	d.pass(11 * time.Second)
	if state := d.stateOf(item.CaseID); state != cases.Arbitration {
		t.Fatalf("two different verdicts lead to %s, want arbitration", state)
	}
	if _, err := d.clerk("bo").Lease(t.Context(), shift(), LeaseQuery{Queue: "arbitration"}); err == nil {
		t.Error("an agent got an arbitration")
	}
	both := d.take("su", "arbitration")
	if len(both.Verdicts) != 2 || both.Verdicts[0].Text != v.Body.Text || strings.Contains(textOf(t, both), `"an"`) {
		t.Errorf("the supervisor sees %+v, want both verdicts without names", both.Verdicts)
	}
	a := ArbitrationQuery{CaseChange: on(both)}
	a.Body.To, a.Body.Reason, a.Body.Text = "rejected", "two_vehicles", "two vehicles in the picture"
	if _, err := d.clerk("su").Arbitrate(t.Context(), shift(), a); err != nil {
		t.Error(err)
	}
	if state := d.stateOf(item.CaseID); state != cases.Rejected {
		t.Errorf("after the arbitration: %s", state)
	}
}

// Until a verdict takes effect, the case of who decided looks the same whether or not a second person will look.
func TestTheDossierOfASettlingCaseTellsNotWhoLooksNext(t *testing.T) {
	d := newCaseDesk(t, nil)
	var shown []string
	for i, second := range []bool{false, true} {
		d.takeIn("1ABC12"+strconv.Itoa(i), "5339", nil)
		if second {
			everyDouble(d)
		}
		item := d.take("an", "decide")
		d.mustDecide("an", confirming(item))
		_, body := d.sendAs("an", rawRequest{"GET", "/v1/cases/" + item.CaseID, ""}, nil)
		shown = append(shown, varyingText.ReplaceAllString(body, "*"))
	}
	if shown[0] != shown[1] {
		t.Errorf("without a second look: %s\nwith one: %s", shown[0], shown[1])
	}
	if !strings.Contains(shown[0], `"kind":"decided"`) {
		t.Errorf("who decided does not see the own verdict: %s", shown[0])
	}
}

// A plate is keyed twice, and the second person is told neither what the camera read nor what the first person keyed.
func TestKeyingIsBlind(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", func(in *cases.Intake) {
		in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "country_unknown"
	})
	key := func(item *Item, plate string) KeyingQuery {
		k := KeyingQuery{CaseChange: on(item)}
		k.Body.Plate, k.Body.Country, k.Body.Lease, k.Body.ShownMS, k.Body.Input = plate, "NL", item.Lease.ID, 900, "key"
		return k
	}
	first := d.take("an", "key")
	if first.Plate != nil || first.Vehicle != nil || first.Trace != nil || first.Question.Code != "keying" || len(first.Pictures) != 1 {
		t.Errorf("the item shows more than the picture: %s", textOf(t, first))
	}
	if _, err := d.clerk("an").KeyPlate(t.Context(), shift(), key(first, "99-SECRE-9")); err != nil {
		t.Fatal(err)
	}
	for what, body := range d.answersAbout("bo", "key", first.CaseID) {
		for _, secret := range []string{"99SECRE9", "SECRE", `"an"`, `"kind":"keyed"`} {
			if strings.Contains(body, secret) {
				t.Errorf("the %s of the second person holds %s: %s", what, secret, body)
			}
		}
		if what != "query" && strings.Contains(body, "1ABC123") {
			t.Errorf("the %s of the second person holds what the camera read: %s", what, body)
		}
	}
	second := d.take("bo", "key")
	if _, err := d.clerk("bo").KeyPlate(t.Context(), shift(), key(second, "99SECRE8")); err != nil {
		t.Fatal(err)
	}
	if state := d.stateOf(first.CaseID); state != cases.Arbitration {
		t.Errorf("two different keyings lead to %s, want arbitration", state)
	}
}

// rulesOf answers for the rules in a test.
type rulesOf func(cases.Question) (cases.Answer, error)

// Decide implements cases.Decider.
func (r rulesOf) Decide(_ context.Context, q cases.Question) (cases.Answer, error) { return r(q) }

// A corrected plate needs what the rules say of exactly that plate, is a look-up of it, and goes to a second person.
func TestACorrectedPlateIsALookUpAndGoesToASecondPerson(t *testing.T) {
	asked := []string{}
	d := newCaseDesk(t, func(c *Config) {
		c.Cases.Decider = rulesOf(func(q cases.Question) (cases.Answer, error) {
			asked = append(asked, q.Reading.Plate)
			return cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Verified: true, Catalogue: "c", Reference: "r", AmountCents: 12300, Track: cases.ImmediateCollection}}, nil
		})
	})
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	correct := func(plate, preview string) VerdictQuery {
		v := confirming(item)
		v.Body.Verdict, v.Body.Plate, v.Body.Country, v.Body.Preview, v.Key = "correct_plate", plate, "BE", preview, aKey()
		return v
	}
	preview := func(name, plate string) (*PreviewAnswer, error) {
		p := PreviewQuery{CaseID: item.CaseID}
		p.Body.Plate, p.Body.Country, p.Body.Lease = plate, "BE", item.Lease.ID
		return d.clerk(name).PreviewPlate(t.Context(), shift(), p)
	}
	if _, err := preview("bo", "1-ABC-128"); err == nil {
		t.Error("who does not hold the item saw what the rules say")
	}
	if _, err := preview("an", "1ABC*"); err == nil {
		t.Error("a pattern was previewed")
	}
	p, err := preview("an", "1-abc-128")
	if err != nil || p.Outcome != "open" || p.Plate.Text != "1ABC128" || len(asked) != 1 || asked[0] != "1ABC128" {
		t.Fatalf("preview: %+v, %v; the rules were asked for %v", p, err, asked)
	}
	if strings.Contains(textOf(t, p), "12300") {
		t.Error("the preview shows an amount")
	}
	if n := d.logged("operation = 'case-plate-preview' AND kind = 'disclosed' AND plates = 2"); n != 1 {
		t.Errorf("%d disclosures of the read plate and of the corrected one, want 1", n)
	}
	if _, err := d.clerk("an").Verdict(t.Context(), shift(), correct("1ABC129", p.PreviewID)); err == nil {
		t.Error("another plate than the previewed one was taken")
	} else if status, code := codeOfError(t, err); status != 412 || code != "preview_needed" {
		t.Errorf("another plate: %v", err)
	}
	if _, err := d.clerk("an").Verdict(t.Context(), shift(), correct("1ABC128", "")); err == nil {
		t.Error("a plate without a preview was taken")
	}
	d.mustDecide("an", correct("1ABC128", p.PreviewID))
	d.pass(11 * time.Second)
	if state := d.stateOf(item.CaseID); state != cases.Second {
		t.Errorf("a corrected plate leads to %s, want a second look", state)
	}
	for what, body := range d.answersAbout("bo", "second", item.CaseID) {
		if strings.Contains(body, "1ABC128") {
			t.Errorf("the %s of the second person holds the corrected plate: %s", what, body)
		}
	}
}
