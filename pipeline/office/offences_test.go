package office

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func traffic() Justification { return Justification{Purpose: "traffic", Reason: why} }

func TestOffencesAreFilteredAndExplained(t *testing.T) {
	d := newDesk(t, nil)
	r := d.readRow("1ABC123", "BRU-1", "5339", hour)
	speed := d.offenceRow(r, "speed", "candidate")
	lez := d.offenceRow(d.readRow("2XYZ999", "BRU-2", "5340", 2*hour), "lez", "held")
	d.insert("offences", speed, lez)
	c := d.as(access.GVCAgent)
	for name, x := range map[string]struct {
		q    OffencesQuery
		want int
	}{
		"all":            {OffencesQuery{}, 2},
		"family":         {OffencesQuery{Family: "lez"}, 1},
		"status":         {OffencesQuery{Status: "candidate"}, 1},
		"plate":          {OffencesQuery{Plate: "1-ABC-123"}, 1},
		"camera":         {OffencesQuery{Camera: []string{"BRU-1", "BRU-2"}}, 2},
		"another camera": {OffencesQuery{Camera: []string{"BRU-3"}}, 0},
		"rule":           {OffencesQuery{Rule: "bru.lez.test"}, 1},
		"window":         {OffencesQuery{TimeRange: TimeRange{From: now.Add(-90 * time.Minute), To: now}}, 1},
	} {
		x.q.Justification = traffic()
		a, err := c.Offences(t.Context(), x.q)
		if err != nil || len(a.Offences) != x.want {
			t.Errorf("%s: got %+v, err %v, want %d", name, a, err, x.want)
		}
	}
	id := speed["offence_id"].(string)
	for _, lang := range []string{"nl", "fr", ""} {
		a, err := c.Offence(t.Context(), traffic(), id, true, lang)
		if err != nil {
			t.Fatal(err)
		}
		if lang == "" {
			lang = "en"
		}
		if len(a.Explanation) != 1 || !strings.HasPrefix(a.Explanation[0], lang+": [{") || len(a.Trace) != 1 || a.Trace[0].Code != "speed.above" {
			t.Errorf("%s: got explanation %v trace %+v", lang, a.Explanation, a.Trace)
		}
		if want := fmt.Sprint(lang, " speed false ", a.Offence.Reason, " ", a.Offence.HoldUntil.Unix()); len(a.Summary) != 1 || a.Summary[0] != want {
			t.Errorf("%s: got summary %q, want %q", lang, a.Summary, want)
		}
		if o := a.Offence; o.Seal.String() != hex.EncodeToString([]byte(speed["seal_sha256"].(string))) || o.Amount != 35000 || o.Plate != "1ABC123" || o.Corrected != 445 {
			t.Errorf("got %+v", o)
		}
	}
	if _, err := c.Offence(t.Context(), traffic(), schemas.ID{9}.String(), false, ""); status(err) != 404 {
		t.Errorf("an id that is not there: got %v, want 404", err)
	}
	if _, err := c.Offence(t.Context(), traffic(), "1CANARY1", false, ""); status(err) != 422 || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("no id: got %v, want 422", err)
	}
}

func TestAJuristSeesOffencesWithoutPlates(t *testing.T) {
	d := newDesk(t, nil)
	off := d.offenceRow(d.readRow("1CANARY1", "BRU-1", "5339", hour), "speed", "candidate")
	d.insert("offences", off)
	c := d.as(access.Jurist)
	id := off["offence_id"].(string)
	_, list := d.send(bearer(access.Jurist), "", rawRequest{"POST", "/v1/offences/query", "{}"})
	_, after, _ := strings.Cut(list, `"offence_id":"`) // a pseudonym from this office
	shown, _, _ := strings.Cut(after, `"`)
	code, one := d.send(bearer(access.Jurist), "", rawRequest{"POST", "/v1/offences/query", `{"offence_id":"` + shown + `","explain":true,"lang":"fr"}`})
	if code != 200 || shown == "" || strings.Contains(list+one, id) || !strings.Contains(one, "speed.above") || !strings.Contains(one, "44.5") {
		t.Fatalf("got %d %s and %s", code, one, list)
	}
	if strings.Contains(list+one, "CANARY") || strings.Contains(list+one, strings.Repeat("0f", 32)) {
		t.Errorf("a plate or an image is shown: %s %s", list, one)
	}
	if _, err := c.Offences(t.Context(), OffencesQuery{Plate: "1CANARY1"}); status(err) != 403 {
		t.Errorf("asking by plate: got %v, want 403", err)
	}
	if _, err := c.Offences(t.Context(), OffencesQuery{Justification: traffic()}); status(err) != 403 {
		t.Errorf("for the purpose traffic: got %v, want 403", err)
	}
	full, err := d.as(access.GVCSupervisor).Offence(t.Context(), traffic(), id, false, "")
	if err != nil || full.Offence.Plate != "1CANARY1" || full.Trace[0].Args[0] != "1CANARY1" {
		t.Errorf("a supervisor: got %+v, err %v", full, err)
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
