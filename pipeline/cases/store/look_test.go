package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// answerUnder returns a decider with one answer under versions.
func answerUnder(a cases.Answer, catalogue, reference string) deciderFunc {
	return func(cases.Question) cases.Answer {
		a.Facts.Catalogue, a.Facts.Reference = catalogue, reference
		return a
	}
}

// openFacts are the values of newIntake.
func openFacts() cases.Facts {
	return cases.Facts{AmountCents: 5300, LegalBasis: "art. 62", Verified: true, Track: cases.ImmediateCollection}
}

func registeredNow() cases.Answer {
	return cases.Answer{Outcome: cases.OutcomeWithdrawn, Reason: string(cases.Registered)}
}

func (d *desk) events(id cases.ID) []cases.Event {
	d.t.Helper()
	got, err := d.Get(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	return got.Events
}

func TestACaseClaimedUnderNewVersionsIsNotLostWithItsOffice(t *testing.T) {
	d := openDesk(t)
	d.takeIn(heldIntake(0, d.now(), "vehicle_unknown", 0), newIntake(1, d.now()))
	versions := d.adopt("c1", "r2", 1)
	if n := len(d.outdated(versions)); n != 2 {
		t.Fatalf("claimed %d", n)
	}
	if n := len(d.outdated(versions)); n != 0 {
		t.Errorf("%d are claimed twice", n)
	}
	d.pass(61 * time.Second)
	again := d.outdated(versions)
	d.redecide(answerUnder(registeredNow(), "c1", "r2"), again)
	if len(again) != 2 || len(d.outdated(versions)) != 0 {
		t.Errorf("%d came to the next office", len(again))
	}
	if totals, err := d.Totals(t.Context()); err != nil || totals.ByState[cases.Withdrawn] != 2 {
		t.Errorf("%+v, %v", totals.ByState, err)
	}
	d.allHolds()
}

// TestOfficesWithOtherVersionsUndoNoWorkOfEachOther: whatever the order in which two offices meet new data, each version is
// looked at once, and older copies never after newer ones.
func TestOfficesWithOtherVersionsUndoNoWorkOfEachOther(t *testing.T) {
	d := openDesk(t)
	const n = 7
	var in []cases.Intake
	for i := range n {
		in = append(in, heldIntake(i, d.now(), "vehicle_unknown", 0))
	}
	d.takeIn(in...)
	hold := cases.Answer{Outcome: cases.OutcomeHeld, Reason: "vehicle_unknown"}
	look := func(catalogue, reference string, asOf schemas.Micros) int {
		list := d.outdated(d.adopt(catalogue, reference, asOf))
		d.redecide(answerUnder(hold, catalogue, reference), list)
		return len(list)
	}
	for i, step := range []struct {
		catalogue, reference string
		asOf                 schemas.Micros
		want                 int
	}{
		{"c1", "r1", 10, n}, {"c1", "r1", 10, 0}, {"c1", "r2", 20, n}, // a newer copy
		{"c1", "r1", 10, 0}, {"c1", "r0", 9, 0}, {"c1", "r2", 20, 0}, // another office has the older one still
		{"c2", "r2", 20, n}, {"c2", "r2", 20, 0}, // a new catalogue
		{"c2", "r3", 20, n}, // a mended copy of the same time
		{"c2", "r1", 10, 0}, {"c3", "r1", 10, 0}, {"c2", "r3", 20, 0},
	} {
		if got := look(step.catalogue, step.reference, step.asOf); got != step.want {
			t.Errorf("step %d: %d are looked at under %s %s, want %d", i+1, got, step.catalogue, step.reference, step.want)
		}
	}
	// Versions that are not the newest any more serve no new case either.
	old, now := d.adopt("c2", "r3", 20), d.adopt("c2", "r4", 21)
	if n := len(d.outdated(old)); n != 0 || now <= old {
		t.Errorf("%d under versions that were replaced", n)
	}
	// What the pipeline decided under the newest versions needs no look.
	fresh := newIntake(50, d.now())
	fresh.Decision.CatalogueVersion, fresh.Decision.ReferenceVersion = "c2", "r4"
	d.takeIn(fresh)
	if got := look("c2", "r4", 21); got != n {
		t.Errorf("%d are looked at, want the %d of before", got, n)
	}
	// A hold that ends is decided by whichever office is there; the newer versions then look again.
	d.pass(31 * day)
	list, err := d.DueHolds(t.Context(), 100)
	if err != nil || len(list) != n {
		t.Fatalf("%d due, %v", len(list), err)
	}
	d.redecide(answerUnder(cases.Answer{Outcome: cases.OutcomeOpen, Facts: openFacts()}, "c2", "r1"), list)
	if got := look("c2", "r4", 21); got != n {
		t.Errorf("%d are looked at after an office with older copies, want %d", got, n)
	}
	d.allHolds()
}

func TestAnOpenCaseIsDecidedAgainWhenDataCome(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()), newIntake(2, d.now()))
	var items []cases.Leased
	for _, name := range []string{"an", "bo", "cy"} {
		items = append(items, d.lease(agent(name), cases.QueueDecide))
	}
	same := cases.Answer{Outcome: cases.OutcomeOpen, Facts: openFacts()}
	for i := range 3 { // however often, under however many copies
		reference := fmt.Sprintf("r%d", i)
		d.redecide(answerUnder(same, "c1", reference), d.outdated(d.adopt("c1", reference, 1)))
	}
	if n := len(d.events(items[0].Case.ID)); n != 1 {
		t.Errorf("%d events of a case that nothing changed", n)
	}
	dearer, free := same, registeredNow()
	dearer.Facts.AmountCents, dearer.Facts.Marks = 9900, []string{}
	clocks := items[1].Case.Clocks
	clocks.DecideBy++
	later := same
	later.Clocks = &clocks
	answers := map[cases.ID]cases.Answer{items[0].Case.ID: dearer, items[1].Case.ID: free, items[2].Case.ID: later}
	list := d.outdated(d.adopt("c1", "r9", 1))
	for i := range list {
		d.redecide(answerUnder(answers[list[i].Case.ID], "c1", "r9"), list[i:i+1])
	}
	for i := range list { // once more, as by an office that was not told of the first answer
		got, err := d.Get(t.Context(), list[i].Case.ID)
		if err != nil {
			t.Fatal(err)
		}
		if list[i].Case = got.Case; got.Case.State == cases.Open {
			d.redecide(answerUnder(answers[list[i].Case.ID], "c1", "r9"), list[i:i+1])
		}
		if len(got.Events) != 2 || len(d.events(got.Case.ID)) != 2 {
			t.Errorf("%d events", len(d.events(got.Case.ID)))
		}
	}
	// Nobody's key counts for what the person has not seen.
	_, err := d.answer(agent("an"), &items[0], confirmation())
	wantCode(t, err, cases.CodeStale)
	_, err = d.answer(agent("bo"), &items[1], confirmation())
	wantCode(t, err, cases.CodeDecided)
	_, err = d.answer(agent("cy"), &items[2], confirmation())
	wantCode(t, err, cases.CodeStale)
	held, err := d.Held(t.Context(), "an")
	if err != nil || len(held) != 1 || held[0].Case.AmountCents != 9900 || held[0].Case.Reference != "r9" || held[0].Case.Version != 2 {
		t.Fatalf("an holds %+v, %v", held, err)
	}
	d.seePictures(agent("an"), &held[0])
	d.mustAnswer(agent("an"), &held[0], confirmation())
	if held, err := d.Held(t.Context(), "bo"); err != nil || len(held) != 0 || d.stateOf(items[1].Case.ID) != cases.Withdrawn {
		t.Errorf("bo holds %d, %v", len(held), err)
	}
	d.allHolds()
}

// TestAVerdictIsTakenBackByASupervisorOnly: newer data speak against a case with a verdict. The rules tell it once, nothing
// leaves the house, and a supervisor withdraws the case or lets it stand.
func TestAVerdictIsTakenBackByASupervisorOnly(t *testing.T) {
	d := openDesk(t)
	id := twoPersons(d)
	young := newIntake(40, d.now())
	d.takeIn(young)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: cases.Draws}}
	item := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &item, confirmation())
	settling := d.outdated(d.adopt("c1", "r1", 1))
	if slices.ContainsFunc(settling, func(l Look) bool { return l.Case.ID == item.Case.ID }) {
		t.Error("a verdict that has not taken effect is looked at")
	}
	d.pass(11 * time.Second)
	d.sweep()
	d.pass(time.Minute)
	look := func(reference string, asOf schemas.Micros) {
		d.redecide(answerUnder(registeredNow(), "c1", reference), d.outdated(d.adopt("c1", reference, asOf)))
	}
	look("r2", 2)
	look("r3", 3)
	for _, of := range []cases.ID{id, item.Case.ID} {
		got, err := d.Get(t.Context(), of)
		if err != nil || len(got.Case.Incidents) != 1 || got.Case.Incidents[0].Kind != cases.NoOffenceNow || got.Case.Overtaken != string(cases.Registered) {
			t.Fatalf("%s: %+v, %v", got.Case.State, got.Case.Incidents, err)
		}
	}
	second := d.lease(agent("bo"), cases.QueueSecond)
	_, err := d.answer(agent("bo"), &second, confirmation())
	wantCode(t, err, cases.CodeIncident)
	_, err = d.Do(t.Context(), &Request{Case: id, Command: cases.Number{Number: "1"}, By: cases.SystemActor()})
	wantCode(t, err, cases.CodeIncident)
	open, err := d.Incidents(t.Context(), nil, nil, 10)
	if err != nil || len(open) != 2 {
		t.Errorf("%d incidents, %v", len(open), err)
	}
	su, events := supervisor("su"), d.events(item.Case.ID)
	end := events[len(events)-1].N
	if _, err := d.Do(t.Context(), &Request{Case: item.Case.ID, Key: "close", By: su, Command: cases.CloseIncident{N: end, Text: "the registration is of another vehicle"}}); err != nil {
		t.Fatal(err)
	}
	look("r4", 4) // who let it stand is not asked again
	if got, err := d.Get(t.Context(), item.Case.ID); err != nil || len(got.Case.Incidents) != 0 {
		t.Errorf("%+v, %v", got.Case.Incidents, err)
	}
	if _, err := d.Do(t.Context(), &Request{Case: id, Key: "back", By: su, Command: cases.Withdraw{Reason: cases.Registered}}); err != nil {
		t.Fatal(err)
	}
	if d.stateOf(id) != cases.Withdrawn {
		t.Error(d.stateOf(id))
	}
	d.pass(60 * day)
	if n := len(d.outdated(d.adopt("c1", "r5", 5))); n != 0 {
		t.Errorf("%d cases with a verdict are looked at after their time", n)
	}
	d.allHolds()
}

func TestACaseThatFailsWaitsLongerAndStopsNoOther(t *testing.T) {
	d := openDesk(t)
	for i := range 6 {
		d.takeIn(heldIntake(i, d.now(), "foreign_unregistered", d.now()-1))
	}
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	damaged, failing := rows[0].Case.ID, rows[1].Case.ID
	d.pastTheGuards("UPDATE cases SET present = '[]' WHERE case_id = $1", uuidOf(damaged.ID))
	list, err := d.DueHolds(t.Context(), 100)
	if !IsOfOneCase(err) || len(list) != 5 {
		t.Errorf("claimed %d, %v: want 5, and an error that names the sixth", len(list), err)
	}
	open := answerUnder(cases.Answer{Outcome: cases.OutcomeOpen, Facts: openFacts()}, "c1", "r1")
	d.redecide(open, slices.DeleteFunc(list, func(l Look) bool { return l.Case.ID == failing }))
	wait := time.Minute
	for i := range 9 {
		if n, err := d.NoteFailure(t.Context(), failing); err != nil || n != i+1 {
			t.Fatalf("%d failures, %v", n, err)
		}
		if n, err := d.CountFailing(t.Context()); err != nil || (n > 0) != (i+1 >= FailingFrom) {
			t.Errorf("%d are failing after %d failures, %v", n, i+1, err)
		}
		d.pass(wait - time.Second)
		if list, _ := d.DueHolds(t.Context(), 100); slices.ContainsFunc(list, func(l Look) bool { return l.Case.ID == failing }) {
			t.Errorf("failure %d: tried again before %s", i+1, wait)
		}
		d.pass(2 * time.Second)
		if list, _ := d.DueHolds(t.Context(), 100); len(list) == 0 || list[0].Failures != i+1 {
			t.Errorf("failure %d: not tried again after %s", i+1, wait)
		}
		wait = min(2*wait, time.Hour)
		if err := d.PutOff(t.Context(), []cases.ID{failing}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if list, _ := d.DueHolds(t.Context(), 100); len(list) != 1 {
		t.Fatalf("%d due", len(list))
	} else {
		d.redecide(open, list)
	}
	if n, err := d.CountFailing(t.Context()); err != nil || n > 1 || d.stateOf(failing) != cases.Open {
		t.Errorf("%d are failing, %v", n, err)
	}
}
