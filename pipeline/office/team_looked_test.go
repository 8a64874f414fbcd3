package office

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// A yes in an arbitration or against an earlier verdict is as strict as one to an item: without the lease, a check, the time on the screen, a
// picture or a certificate it is refused, and with all of it the event says how the person looked.
func TestAYesOutsideTheQueuesNeedsTheLookOfAnItem(t *testing.T) {
	certified := true
	var camera func(string) *schemas.Camera
	d := newCaseDesk(t, func(c *Config) {
		camera = c.Camera
		c.Camera = func(id string) *schemas.Camera {
			cam := camera(id)
			if !certified {
				cam.Certificates = nil
			}
			return cam
		}
	})
	d.takeIn("1LOO001", "5339", nil)
	first := d.take("an", "decide")
	d.mustDecide("an", rejecting(first, "wrong_plate"))
	d.pass(11 * time.Second)
	a, err := d.clerk("su").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", CaseID: first.CaseID})
	if err != nil || len(a.Items) != 1 || a.Items[0].Queue != "counter" || len(a.Items[0].Verdicts) != 1 {
		t.Fatalf("a supervisor leases a rejected case: %+v, %v", a, err)
	}
	if _, err := d.clerk("bo").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", CaseID: first.CaseID}); err == nil {
		t.Error("an agent who decided nothing in it leased a rejected case")
	}
	item := &a.Items[0]
	yes := func() CounterQuery {
		q := CounterQuery{CaseChange: CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(item.Version), Key: aKey()}}
		q.Body.Verdict, q.Body.Text = "confirm", "the plate is legible all the same"
		q.Body.Looked = Looked{Lease: item.Lease.ID, Checks: []bool{true, true, true, true, true}, ShownMS: 900, Input: "key"}
		return q
	}
	refused := func(what string, change func(*CounterQuery), code string) {
		t.Helper()
		q := yes()
		change(&q)
		_, err := d.clerk("su").CounterDecide(t.Context(), shift(), q)
		if _, got := codeOfError(t, err); got != code {
			t.Errorf("%s: got %s, want %s", what, got, code)
		}
	}
	refused("a picture that was not served", func(*CounterQuery) {}, "pictures_unseen")
	d.see(t.Context(), "su", item)
	refused("without the lease", func(q *CounterQuery) { q.Body.Lease = "" }, "lease_lost")
	refused("with a check missing", func(q *CounterQuery) { q.Body.Checks[3] = false }, "invalid")
	refused("after a blink", func(q *CounterQuery) { q.Body.ShownMS = 249 }, "invalid")
	refused("without an input", func(q *CounterQuery) { q.Body.Input = "" }, "invalid")
	certified = false
	refused("without a certificate", func(*CounterQuery) {}, "blocked")
	if again, err := d.clerk("su").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", CaseID: first.CaseID}); err != nil || !hasBlocker(&again.Items[0], cases.BlockNoDevice) {
		t.Errorf("the item does not say that it lacks a certificate: %+v, %v", again, err)
	}
	certified = true
	if _, err := d.clerk("su").CounterDecide(t.Context(), shift(), yes()); err != nil {
		t.Fatal(err)
	}
	got, err := d.cases.Get(t.Context(), mustID(t, item.CaseID))
	last := got.Events[len(got.Events)-1]
	if err != nil || last.Kind != cases.CounterDecided || len(last.Checks) != 5 || last.ShownMS != 900 || len(last.Pictures) != len(item.Pictures) || got.Lease != nil {
		t.Errorf("the event is %+v, lease %v, %v", last, got.Lease, err)
	}
}

func hasBlocker(item *Item, code string) bool {
	for _, w := range item.Warnings {
		if w.Code == code && w.Blocks {
			return true
		}
	}
	return false
}

func mustID(t *testing.T, text string) cases.ID {
	t.Helper()
	id, err := cases.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A known answer has the due date of the item in whose place it stands, however often it is fetched, after an answer and after its undo. One that was
// passed on looks as an open case would.
func TestTheDueDateOfAKnownAnswerDoesNotMove(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: 10_000, RejectsPerMyriad: 10_000}}
	for _, plate := range []string{"1DUE001", "1DUE002"} {
		d.takeIn(plate, "5339", nil)
		d.mustDecide("an", confirming(d.take("an", "decide")))
		d.pass(11 * time.Second)
		d.mustDecide("bo", confirming(d.take("bo", "second")))
		d.pass(11 * time.Second)
	}
	for i := range 3 {
		d.takeIn("1DUE00"+string(rune('5'+i)), "5339", func(in *cases.Intake) { in.Clocks.DecideBy += 40 * 24 * schemas.Hour })
	}
	d.policy.ProbesPerMyriad = 10_000
	item := d.take("cy", "decide")
	due := item.DueAt
	seen := func(what string) {
		t.Helper()
		again, err := d.clerk("cy").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 1})
		if err != nil || len(again.Items) != 1 || again.Items[0].CaseID != item.CaseID || !again.Items[0].DueAt.Equal(*due) {
			t.Errorf("%s: %+v, %v, want due at %s", what, again, err, due)
		}
		if a, err := d.clerk("cy").Case(t.Context(), shift(), item.CaseID); err != nil || a.Case.DecideBy == nil || !a.Case.DecideBy.Equal(*due) {
			t.Errorf("%s: the dossier is due at %v, %v, want %s", what, a.Case.DecideBy, err, due)
		}
	}
	if due.Sub(now) < 30*24*time.Hour && time.Until(*due) < 30*24*time.Hour {
		t.Errorf("due at %s: not that of the open item", due)
	}
	seen("fetched again")
	done := d.mustDecide("cy", confirming(item))
	if a, err := d.clerk("cy").Case(t.Context(), shift(), item.CaseID); err != nil || a.Case.State != "settling" || !a.Case.DecideBy.Equal(*due) {
		t.Errorf("after the answer: %+v, %v", a.Case, err)
	}
	u := UndoQuery{CaseChange: CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(done.Version), Key: aKey()}}
	u.Body.Event = done.EventID
	back, err := d.clerk("cy").Undo(t.Context(), shift(), u)
	if err != nil || back.Item == nil || !back.Item.DueAt.Equal(*due) {
		t.Fatalf("after the undo: %+v, %v", back, err)
	}
	seen("fetched after the undo")
	f := FlagQuery{CaseChange: on(back.Item)}
	f.Body.Text, f.Body.Lease = "I am not sure of this one", back.Item.Lease.ID
	flagged, err := d.clerk("cy").FlagCase(t.Context(), shift(), f)
	if err != nil || flagged.State != "arbitration" {
		t.Fatalf("flagging: %+v, %v", flagged, err)
	}
	d.pass(time.Hour)
	a, err := d.clerk("cy").Case(t.Context(), shift(), item.CaseID)
	if err != nil || a.Case.State != "arbitration" || strings.Contains(textOf(t, a), "second_decided") {
		t.Errorf("an hour after the flag: %+v, %v", a, err)
	}
}

// The forecast says on which day what will be overdue, and by which pace.
func TestAForecastSaysTheDayAndThePace(t *testing.T) {
	today := schemas.DayOf(2026, time.November, 25) // a Wednesday
	at := func(d schemas.Day, n int64) casestore.DueCount { return casestore.DueCount{Zone: "5339", Day: d, N: n} }
	team := &casestore.Team{
		Now: today.Start() + 9*schemas.Hour, PaceDays: []schemas.Day{today - 7, today - 6, today - 5, today - 2, today - 1},
		DueBy:   []casestore.DueCount{at(today-3, 5), at(today, 5), at(today+1, 10), at(today+3, 40), at(today+60, 1)},
		Decided: []casestore.PaceCount{{Zone: "5339", Day: today - 1, N: 50}, {Zone: "5340", Day: today - 1, N: 7}},
	}
	f := forecastOf(team)
	if len(f) != 1 || f[0].PerDay != 10 || len(f[0].PaceDays) != 5 || len(f[0].Days) != forecastTime {
		t.Fatalf("%+v", f)
	}
	// Wednesday 10 of 10, Thursday 20 of 20, Friday 30 done, Saturday 60 due and 30 done.
	if x := f[0].First; x == nil || *x != (ForecastDay{"2026-11-28", 60, 30, 30}) {
		t.Errorf("the first day is %+v", x)
	}
	if d := f[0].Days; d[0] != (ForecastDay{"2026-11-25", 10, 10, 0}) || d[5] != (ForecastDay{"2026-11-30", 60, 40, 20}) {
		t.Errorf("the days are %+v", d)
	}
}

// A zone's quota is said with what happens when it is used up, and stops nothing. A broken file changes nothing.
func TestAQuotaThatIsUsedUpIsSaid(t *testing.T) {
	q := &Quotas{}
	d := newCaseDesk(t, func(c *Config) { c.Quotas = q })
	d.takeIn("1QUO001", "5339", nil)
	d.mustDecide("an", confirming(d.take("an", "decide")))
	d.pass(11 * time.Second)
	if _, err := d.cases.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	year := itoa(int64(time.Now().Year()))
	if err := q.Reload(strings.NewReader(`quotas: [{zone: "5339", year: ` + year + `, cases: 1, source: a letter}, {zone: "5340", year: ` + year + `, cases: 9, source: a letter}, {zone: "5339", year: 2199, cases: 5, source: a letter}]`)); err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{
		"quotas: [{zone: x y, year: 2026, cases: 1, source: s}]", "quotas: [{zone: \"5339\", year: 2026, cases: -1, source: s}]", "quotas: [{zone: \"5339\", year: 2026, cases: 1}]", "quota: []", "quotas: ! x",
		`quotas: [{zone: "5339", year: 2026, cases: 1, source: s}, {zone: "5339", year: 2026, cases: 2, source: s}]`,
	} {
		if err := q.Reload(strings.NewReader(broken)); err == nil {
			t.Errorf("%s was taken", broken)
		}
	}
	a, err := d.clerk("su").Team(t.Context(), shift())
	if err != nil || len(a.Quota) != 2 || a.Quota[0].Used != 1 || !a.Quota[0].UsedUp || a.Quota[0].Then == nil || a.Quota[1].UsedUp || a.Quota[1].Left != 9 {
		t.Errorf("the quotas are %+v, %v", a.Quota, err)
	}
	if c, err := d.clerk("zo").WorkCounts(t.Context(), shift()); err != nil || len(c.Quota) != 1 || c.Quota[0].Zone != "5340" {
		t.Errorf("an agent of 5340 is told %+v, %v", c, err)
	}
	if _, err := d.clerk("an").Team(t.Context(), shift()); status(err) != http.StatusForbidden {
		t.Errorf("an agent sees the figures of the team: %v", err)
	}
	own, err := d.clerk("an").MyFigures(t.Context(), shift())
	if err != nil || own.User != "an" || own.Confirmed != 1 || own.Days != 28 {
		t.Errorf("the own figures are %+v, %v", own, err)
	}
	if n := d.logged("operation IN ('team', 'my-figures') AND kind = 'disclosed'"); n != 2 {
		t.Errorf("%d entries of figures of persons, want 2", n)
	}
}
