package office

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// limited seals a decision with clauses into an intake.
func limited(camera, catalogue string, trace ...schemas.Step) func(*cases.Intake) {
	return func(in *cases.Intake) {
		d := &in.Decision
		d.On.Camera, d.CatalogueVersion, d.Trace, d.AmountCents = camera, catalogue, trace, 5300
		sealAgain(in)
	}
}

// affectedBy asks for what rests on a value.
func affectedBy(value string) AffectedQuery {
	at := time.Now()
	return AffectedQuery{Justification: shift(), Value: value, TimeRange: TimeRange{From: at.Add(-20 * day), To: at.Add(day)}}
}

// A supervisor lists the cases that rest on a limit, and takes those that still do back in one act of two persons: what was not handed
// over is withdrawn, what was is annulled and gets a letter. A case that was decided again without the limit is listed and stays; one of
// another camera is not listed.
func TestWhatRestsOnAWrongLimitIsListedAndTakenBackInOneAct(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) {
		if err := c.Users.Reload(strings.NewReader(bulkUsers(svApproves) + "  - {name: ju, role: jurist, token_sha256: " + hash("ju") + ", valid_to: 2027-06-30}\n")); err != nil {
			t.Fatal(err)
		}
		known := c.Camera
		c.Camera = func(id string) *schemas.Camera {
			if id == "BRU-9" {
				return nil
			}
			return known(id)
		}
	})
	limit := schemas.Step{Code: "speed.limit", Holds: true, Args: []string{"300", "built_up"}, Basis: "regulation 12", Verified: true}
	clock := schemas.Step{Code: "clock", Holds: true, Args: []string{"1ABC002", "0123456789abcdef0123456789abcdef"}, Verified: true}
	sent := d.takeIn("1ABC001", "5339", limited("BRU-1", "c1", limit))
	open := d.takeIn("1ABC002", "5339", limited("BRU-1", "c1", clock, limit))
	again := d.takeIn("1ABC003", "5340", limited("BRU-1", "c1", limit))
	d.takeIn("1ABC004", "5339", limited("BRU-2", "c1", limit))
	d.takeIn("1ABC005", "5339", limited("BRU-1", "c1", clock))
	section := schemas.Step{Code: "section_control.paired", Holds: true, Args: []string{"SEC-1"}, Verified: true}
	d.takeIn("1ABC006", "5339", limited("BRU-1", "c1", section, limit))
	ids := map[schemas.OffenceID]string{}
	all, err := d.clerk("su").Affected(t.Context(), affectedBy("catalogue:c1"))
	if err != nil || len(all.Rows) != 6 {
		t.Fatalf("all: %+v, %v", all, err)
	}
	for _, m := range []*made{sent, open, again} {
		ids[m.intake.Offence] = d.caseIDOf(m)
	}
	d.confirmAndSend(ids[sent.intake.Offence])
	if err := d.tryAct(ids[again.intake.Offence], cases.ReDecide{Answer: cases.Answer{
		Outcome: cases.OutcomeOpen, Trace: []schemas.Step{clock}, Facts: cases.Facts{Verified: true, AmountCents: 100, Catalogue: "c2", Reference: "r2"},
	}}, cases.SystemActor()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{ids[sent.intake.Offence]: "transmitted", ids[open.intake.Offence]: "open", ids[again.intake.Offence]: "former"}
	q := affectedBy("limit:BRU-1")
	q.Limit = 2 // pages
	got, plates := map[string]string{}, 0
	for more := true; more; more = q.After != "" {
		a, err := d.clerk("su").Affected(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Rows {
			if got[r.CaseID] = r.State; r.Former {
				got[r.CaseID] = "former"
			}
			if len(r.Because) != 1 || r.Because[0].Code != "speed.limit" || (r.SentAt != nil) != (r.State == "transmitted") || r.Rule == "" {
				t.Errorf("%+v", r)
			}
			plates += len(r.Plate) + len(r.OffenceID)
		}
		q.After = a.Next
	}
	if textOf(t, got) != textOf(t, want) || plates != 0 {
		t.Errorf("listed %v with %d characters of plates, want %v and none", got, plates, want)
	}
	q = affectedBy("camera:BRU-1")
	q.Plates = true
	if a, err := d.clerk("su").Affected(t.Context(), q); err != nil || len(a.Rows) != 5 || a.Rows[0].Plate == "" || a.Hits == nil {
		t.Errorf("with plates: %+v, %v", a, err)
	}
	q.Justification = Justification{Purpose: "operation"}
	a, err := d.clerk("ju").Affected(t.Context(), q)
	if err != nil || len(a.Rows) != 5 || strings.Contains(textOf(t, a), "1ABC") || strings.Contains(textOf(t, a), "0123456789abcdef0123456789abcdef") {
		t.Errorf("a jurist without plates: %s, %v %s", textOf(t, a), err, d.output)
	}
	d.refusesToTell()
	d.recall(want)
}

// caseIDOf returns the id of a case that was taken in.
func (d *caseDesk) caseIDOf(m *made) string {
	d.t.Helper()
	a, err := d.clerk("su").Cases(d.t.Context(), CasesQuery{Justification: shift(), OffenceID: m.intake.Offence.String()})
	if err != nil || len(a.Rows) != 1 {
		d.t.Fatalf("%+v, %v", a, err)
	}
	return a.Rows[0].CaseID
}

// confirmAndSend hands the next case over, whose id is given.
func (d *caseDesk) confirmAndSend(id string) {
	d.t.Helper()
	item := d.take("an", "decide")
	if item.CaseID != id {
		d.t.Fatalf("the next item is %s, want %s", item.CaseID, id)
	}
	d.mustDecide("an", confirming(item))
	d.pass(11 * time.Second)
	d.transmit(id, "GV.1", cases.ImmediateCollection)
}

// refusesToTell asks for what nobody can tell.
func (d *caseDesk) refusesToTell() {
	d.t.Helper()
	for value, says := range map[string]string{
		"limit:BRU-9": "BRU-1, BRU-2", "software:v1": "no decision records", "sign:S1": "variable signs", "colour:red": "KIND:NAME", "limit:": "name a limit", "catalogue:c9": "c1",
	} {
		_, err := d.clerk("su").Affected(d.t.Context(), affectedBy(value))
		if status, _ := codeOfError(d.t, err); status != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), says) {
			d.t.Errorf("%s: %v, want it to say %q", value, err, says)
		}
	}
	q := affectedBy("limit:BRU-1")
	q.From = time.Time{}
	_, err := d.clerk("su").Affected(d.t.Context(), q)
	if status, _ := codeOfError(d.t, err); status != http.StatusUnprocessableEntity {
		d.t.Errorf("without a window: %v", err)
	}
	if a, err := d.clerk("su").Affected(d.t.Context(), affectedBy("limit:BRU-7")); err != nil || len(a.Rows) != 0 {
		d.t.Errorf("a camera without cases: %+v, %v", a, err)
	}
	if _, err := d.clerk("an").Affected(d.t.Context(), affectedBy("limit:BRU-1")); err == nil {
		d.t.Error("an agent was told")
	}
}

// recall takes the cases back, all but the one that was decided again.
func (d *caseDesk) recall(listed map[string]string) {
	d.t.Helper()
	in := wrongLimits(-1)
	q := affectedBy("limit:BRU-1")
	in.Body.Kind, in.Body.Filter = "recall", BulkFilter{Affected: q.Value, From: q.From, To: q.To}
	counted, err := d.clerk("su").Bulk(d.t.Context(), shift(), in)
	if err != nil || counted.Count != 2 {
		d.t.Fatalf("counted %+v, %v", counted, err)
	}
	in.Body.Expected = &counted.Count
	asked, err := d.clerk("su").Bulk(d.t.Context(), shift(), in)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.clerk("sv").Decide(d.t.Context(), DecideQuery{ID: asked.ApprovalID, Approve: true}); err != nil {
		d.t.Fatal(err)
	}
	d.runBulk()
	done, err := d.clerk("su").BulkAct(d.t.Context(), shift(), asked.BulkID)
	if err != nil || done.Done != 2 || done.Letters != 1 || done.AmountCents == 0 || done.Filter.Affected != q.Value {
		d.t.Errorf("%+v, %v", done, err)
	}
	for id, state := range listed {
		want := map[string]cases.State{"transmitted": cases.Annulled, "open": cases.Withdrawn, "former": cases.Open}[state]
		if got := d.stateOf(id); got != want {
			d.t.Errorf("case %s, which was %s, is %s, want %s", id, state, got, want)
		}
	}
}
