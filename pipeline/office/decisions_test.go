package office

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func traffic() Justification { return Justification{Purpose: "traffic", Reason: why} }

// Offences are asked for as cases alone: the route that showed them with their amounts before the verdict is gone, and the
// decisions of the rules about a plate name no amount, in the steps or in words.
func TestOffencesAreAskedForAsCasesAlone(t *testing.T) {
	d := newCaseDesk(t, nil)
	m := d.takeIn("1ABC123", "5339", nil)
	d.insert("offences", m.row)
	for _, name := range []string{"an", "su", "pr", "ju"} {
		if status, body := d.sendAs(name, rawRequest{"POST", "/v1/offences/query", "{}"}, nil); status != http.StatusNotFound || codeIn(body) != "not_found" {
			t.Errorf("%s asks for offences: %d %s", name, status, body)
		}
	}
	d.insert("decisions", map[string]any{
		"passage_id": m.row["passage_id"], "rule": m.row["rule"], "family": "speed", "outcome": "exempt", "plate": "1ABC123", "read_id": m.row["read_id"], "captured_at": m.row["captured_at"],
		"trace": `[{"code":"speed.tariff","holds":true,"args":["11","35000"],"verified":true},{"code":"speed.above","holds":true,"args":["44.5"],"verified":true}]`,
	})
	if status, body := d.sendAs("an", rawRequest{"POST", "/v1/decisions/query", `{"plate":"1ABC123","explain":true}`}, nil); status != http.StatusOK || !strings.Contains(body, "44.5") || strings.Contains(body, "350") {
		t.Errorf("decisions: %d %s", status, body)
	}
	if status, body := d.sendAs("pr", rawRequest{"POST", "/v1/decisions/query", `{"plate":"1ABC123"}`}, nil); status != http.StatusForbidden || codeIn(body) != "role" {
		t.Errorf("a prosecutor asks what was not handed over: %d %s", status, body)
	}
	for _, asked := range []string{`{"plate":"1ABC123"}`, `{"offence_id":"` + m.row["offence_id"].(string) + `"}`} {
		if status, body := d.sendAs("an", rawRequest{"POST", "/v1/cases/query", asked}, nil); status != http.StatusOK || !strings.Contains(body, "1ABC123") || strings.Contains(body, "350") || strings.Contains(body, "amount") {
			t.Errorf("cases of %s: %d %s", asked, status, body)
		}
		if status, body := d.sendAs("pr", rawRequest{"POST", "/v1/cases/query", asked}, nil); status != http.StatusOK || strings.Contains(body, "1ABC123") {
			t.Errorf("a prosecutor asks for cases of %s: %d %s", asked, status, body)
		}
		if status, body := d.sendAs("el", rawRequest{"POST", "/v1/cases/query", asked}, nil); status != http.StatusOK || strings.Contains(body, "1ABC123") {
			t.Errorf("an agent of another regime asks for cases of %s: %d %s", asked, status, body)
		}
	}
}

// Whoever guesses ids of offences or numbers of reports reaches the limit of plates an hour, and learns nothing from the
// answers before: what is another zone's is as what is not there.
func TestGuessedIdsOfOffencesAreChargedAsPlates(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) { c.Limits.PlatesHour = 4 })
	m := d.takeIn("1ABC123", "5339", nil)
	var empty []string
	for i, asked := range []string{
		`"offence_id":"` + m.row["offence_id"].(string) + `"`, `"offence_id":"` + schemas.ID{9}.String() + `"`, `"number":"BR-1"`, `"number":"BR-2"`, `"number":"BR-3"`,
	} {
		status, body := d.sendAs("zo", rawRequest{"POST", "/v1/cases/query", "{" + asked + "}"}, nil)
		if want := map[bool]int{true: http.StatusTooManyRequests, false: http.StatusOK}[i == 4]; status != want {
			t.Errorf("question %d: %d %s, want %d", i, status, body, want)
		}
		empty = append(empty, varyingText.ReplaceAllString(body, "*"))
	}
	if empty[0] != empty[1] || strings.Contains(empty[0], "5339") {
		t.Errorf("another zone's: %s\nnobody's: %s", empty[0], empty[1])
	}
	if status, body := d.sendAs("zo", rawRequest{"POST", "/v1/cases/query", `{"number":"BR-2"}`}, nil); status != http.StatusOK {
		t.Errorf("asked again: %d %s", status, body)
	}
}

func TestDecisionsOfAZoneAreThoseOfItsReads(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		if err := c.Users.Reload(strings.NewReader("users: [{name: g, role: gvc_agent, zones: [\"5339\"], token_sha256: " +
			hash("token of gvc_agent") + ", valid_to: 2027-06-30}, {name: x, role: gvc_supervisor, token_sha256: " + hash("token of gvc_supervisor") + ", valid_to: 2027-06-30}]")); err != nil {
			t.Fatal(err)
		}
	})
	for i, zone := range []string{"5339", "5340", "5339"} {
		r := d.readRow("1ABC123", "BRU-"+zone, zone, time.Duration(i+1)*hour)
		d.insert("reads", r)
		d.insert("decisions", map[string]any{
			"passage_id": r["passage_id"], "rule": "bru.lez.access", "family": "lez", "outcome": "exempt",
			"plate": "1ABC123", "read_id": r["read_id"], "captured_at": r["captured_at"], "trace": "[]",
		})
	}
	for role, want := range map[access.Role]int{access.GVCAgent: 2, access.GVCSupervisor: 3} {
		a, err := d.as(role).Decisions(t.Context(), DecisionsQuery{Justification: traffic(), Plate: "1ABC123", Outcome: "exempt", Explain: true})
		if err != nil || len(a.Decisions) != want {
			t.Errorf("%s: got %+v, err %v, want %d", role, a, err, want)
		}
	}
}

// An offence's trace is stored with the offence alone. The decision shows the offence's trace, unless the decision has
// a trace.
func TestADecisionShowsTheTraceOfItsOffence(t *testing.T) {
	d := newDesk(t, nil)
	decide := func(plate, outcome, trace string, at time.Duration) string {
		r := d.readRow(plate, "BRU-1", "5339", at)
		o := d.offenceRow(r, "speed", "candidate")
		d.insert("reads", r)
		row := map[string]any{
			"passage_id": r["passage_id"], "rule": o["rule"], "family": "speed", "outcome": outcome,
			"plate": plate, "read_id": r["read_id"], "captured_at": r["captured_at"], "trace": trace,
		}
		if outcome == "offence" {
			d.insert("offences", o)
			row["offence_id"] = o["offence_id"]
		}
		d.insert("decisions", row)
		return r["passage_id"].(string)
	}
	exempt := decide("1ABC123", "exempt", `[{"code":"speed.margin","holds":true,"verified":true}]`, 3*hour)
	want := map[string]string{
		decide("1ABC123", "offence", "", hour):   "speed.above",
		decide("1ABC123", "offence", "", 2*hour): "speed.above",
		exempt:                                   "speed.margin",
	}
	decide("2XYZ987", "offence", "", hour)
	late := d.readRow("1ABC123", "BRU-1", "5339", 4*hour) // a straggler in the exempt passage is judged separately
	late["passage_id"] = exempt
	d.insert("reads", late)
	d.insert("decisions", map[string]any{
		"passage_id": exempt, "rule": d.offenceRow(late, "speed", "candidate")["rule"], "family": "speed", "outcome": "exempt", "plate": "1ABC123",
		"read_id": late["read_id"], "captured_at": late["captured_at"], "trace": "[{\"code\":\"speed.margin\",\"holds\":true,\"verified\":true}]",
	})
	a, err := d.as(access.GVCAgent).Decisions(t.Context(), DecisionsQuery{Justification: traffic(), Plate: "1ABC123"})
	if err != nil || len(a.Decisions) != len(want)+1 {
		t.Fatalf("got %+v, err %v", a, err)
	}
	for _, got := range a.Decisions {
		if len(got.Steps) != 1 || got.Steps[0].Code != want[got.PassageID.String()] {
			t.Errorf("%s %s: trace %+v, want %s", got.Outcome, got.PassageID, got.Steps, want[got.PassageID.String()])
		}
	}
}

func TestRejectsShowContentForThePurposeTrafficOnly(t *testing.T) {
	d := newDesk(t, nil)
	for i, reason := range []string{"bad_plate", "bad_plate", "unknown_camera"} {
		for range 2 { // inserted twice, counted once
			d.insert("rejects", map[string]any{
				"reason": reason, "field": "plate", "detail": "plate 1CANARY1", "camera_id": "BRU-1",
				"received_at": now.Add(-hour), "payload_head": "1CANARY1", "payload_size": uint64(8), "kafka_topic": schemas.TopicReads, "kafka_offset": int64(i),
			})
		}
	}
	for name, c := range map[string]struct {
		role  access.Role
		ask   Justification
		shown bool
	}{
		"operator":                {access.CameraOperator, Justification{}, false},
		"supervisor":              {access.GVCSupervisor, Justification{}, false},
		"supervisor with purpose": {access.GVCSupervisor, traffic(), true},
	} {
		a, err := d.as(c.role).Rejects(t.Context(), RejectsQuery{Justification: c.ask})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(a.Rejects) != 3 || len(a.ByReason) != 2 || a.ByReason[0].Reason != "bad_plate" || a.ByReason[0].Count != 2 {
			t.Errorf("%s: got %+v", name, a)
		}
		r := a.Rejects[0]
		shown := strings.Contains(r.Detail+string(r.PayloadHead), "CANARY") && r.PayloadSum != ""
		hidden := r.Detail == "" && len(r.PayloadHead) == 0 && r.PayloadSum == ""
		if shown != c.shown || hidden == c.shown || r.Camera != "BRU-1" {
			t.Errorf("%s: got %+v, want content shown %v", name, r, c.shown)
		}
	}
	a, err := d.as(access.CameraOperator).Rejects(t.Context(), RejectsQuery{RejectReason: "unknown_camera", Camera: []string{"BRU-1"}})
	if err != nil || len(a.Rejects) != 1 {
		t.Errorf("filtered: got %+v, err %v, want 1", a, err)
	}
}
