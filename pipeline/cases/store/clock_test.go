package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

const day = 24 * time.Hour

func TestSixDaysAfterIntakeNoForeignVehicleIsHeld(t *testing.T) {
	d := openDesk(t)
	until := (d.now().Day() + 6).Start()
	var in []cases.Intake
	for i := range 10 {
		in = append(in, heldIntake(i, d.now(), "foreign_unregistered", until))
	}
	d.takeIn(in...)
	asked := 0
	decide := deciderFunc(func(q cases.Question) cases.Answer {
		asked++
		if q.HoldReason != "foreign_unregistered" || q.HoldUntil != until {
			t.Errorf("asked %+v", q)
		}
		facts := cases.Facts{Verified: true, Catalogue: "c2", Reference: "r9"}
		if q.Offence.ID[15]%2 == 0 {
			return cases.Answer{Outcome: cases.OutcomeWithdrawn, Reason: string(cases.Registered), Facts: facts}
		}
		return cases.Answer{Outcome: cases.OutcomeOpen, Facts: facts}
	})
	if n := d.redecideDue(decide); n != 0 {
		t.Errorf("%d holds are due at intake", n)
	}
	d.pass(time.Duration(until-d.now())*time.Microsecond - time.Second)
	if n := d.redecideDue(decide); n != 0 {
		t.Errorf("%d holds are due before their end", n)
	}
	d.pass(time.Minute)
	// Two offices look at the same time; a claimed hold is one office's for a minute.
	first, err := d.DueHolds(t.Context(), 4)
	if err != nil || len(first) != 4 {
		t.Fatalf("claimed %d, %v", len(first), err)
	}
	rest, err := d.other.DueHolds(t.Context(), 100)
	if err != nil || len(rest) != 6 {
		t.Fatalf("the other office claimed %d, %v", len(rest), err)
	}
	d.pass(61 * time.Second) // both offices died
	if n := d.redecideDue(decide); n != 10 {
		t.Errorf("%d of 10 were decided again", n)
	}
	if n := d.redecideDue(decide); n != 0 || asked != 10 {
		t.Errorf("%d are due still, asked %d times", n, asked)
	}
	totals, err := d.Totals(t.Context())
	if err != nil || totals.ByState[cases.Held] != 0 || totals.ByState[cases.Open] != 5 || totals.ByState[cases.Withdrawn] != 5 {
		t.Errorf("%+v, %v", totals.ByState, err)
	}
	d.allHolds()
}

func TestAHoldForAStaleRegisterIsLookedAtWithEachCopyAndEndsAtItsLongest(t *testing.T) {
	d := openDesk(t)
	d.takeIn(heldIntake(0, d.now(), "register_stale", 0), heldIntake(1, d.now(), "lane_unknown", 0))
	reference, asked := "r2", 0
	stale := deciderFunc(func(q cases.Question) cases.Answer {
		if q.HoldReason == "register_stale" {
			asked++
		}
		return cases.Answer{Outcome: cases.OutcomeHeld, Reason: cmp.Or(q.HoldReason, "register_stale"), Facts: cases.Facts{Verified: true, Catalogue: "c", Reference: reference}}
	})
	look := func() { d.redecide(stale, d.outdated(d.adopt("c", reference, 1))) }
	look()
	look()
	if asked != 1 {
		t.Errorf("asked %d times under one copy", asked)
	}
	reference = "r3"
	look()
	if asked != 2 {
		t.Errorf("asked %d times under two copies", asked)
	}
	d.pass(13 * day)
	if n := d.redecideDue(stale); n != 1 { // the lane: its decide clock ran out
		t.Errorf("%d due after 13 days", n)
	}
	d.pass(2 * day)
	if n := d.redecideDue(stale); n != 1 {
		t.Errorf("%d due after 15 days", n)
	}
	if n, err := d.Count(t.Context(), Filter{States: []cases.State{cases.Arbitration}}); err != nil || n != 1 {
		t.Errorf("%d arbitrated, %v", n, err)
	}
	d.allHolds()
}

func TestAKeyedPlateIsDecidedAtOnce(t *testing.T) {
	d := openDesk(t)
	d.takeIn(heldIntake(0, d.now(), "country_unknown", 0))
	reading := &cases.PlateReading{Plate: "1ABC128", Country: "BE"}
	first := d.lease(agent("an"), cases.QueueKey)
	d.mustAnswer(agent("an"), &first, cases.Key{Reading: reading})
	if list, err := d.Lease(t.Context(), new(agent("an")), cases.QueueKey, 1, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("the first keyer is offered the second keying: %v, %v", list, err)
	}
	second := d.lease(agent("bo"), cases.QueueKey)
	if second.Case.Keyed != nil || second.Case.Keyers != nil {
		t.Errorf("the second keyer sees %+v", second.Case.Keyed)
	}
	d.mustAnswer(agent("bo"), &second, cases.Key{Reading: reading})
	if list, err := d.Lease(t.Context(), new(agent("cy")), cases.QueueKey, 1, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("a case keyed twice is offered: %v, %v", list, err)
	}
	if list, err := d.other.DueHolds(t.Context(), 10); err != nil || len(list) != 1 {
		t.Fatalf("claimed %d, %v", len(list), err)
	}
	if list, err := d.Lease(t.Context(), new(agent("cy")), cases.QueueKey, 1, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("a case that an office decides is offered: %v, %v", list, err)
	}
	d.pass(61 * time.Second)
	n := d.redecideDue(deciderFunc(func(q cases.Question) cases.Answer {
		if q.Reading == nil || *q.Reading != *reading {
			t.Errorf("asked about %+v", q.Reading)
		}
		return cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Verified: true}}
	}))
	if n != 1 || d.stateOf(first.Case.ID) != cases.Open {
		t.Errorf("%d decided, the case is %s", n, d.stateOf(first.Case.ID))
	}
	d.allHolds()
}

func TestAKeyingEndsAtItsLongest(t *testing.T) {
	d := openDesk(t)
	in := heldIntake(0, d.now(), "country_unknown", 0)
	d.takeIn(in)
	held := deciderFunc(func(cases.Question) cases.Answer {
		return cases.Answer{Outcome: cases.OutcomeHeld, Reason: "country_unknown", Facts: cases.Facts{Verified: true}}
	})
	d.pass(9 * day)
	if n := d.redecideDue(held); n != 0 {
		t.Errorf("%d due before the decide clock ran out", n)
	}
	item := d.lease(agent("an"), cases.QueueKey) // it waits for people until then
	d.mustAnswer(agent("an"), &item, cases.Key{Reading: &cases.PlateReading{Plate: "1ABC128", Country: "BE"}})
	d.pass(day + 2*time.Hour)
	if totals, err := d.Totals(t.Context()); err != nil || totals.Overlong != 1 {
		t.Errorf("%d too long, %v", totals.Overlong, err)
	}
	if list, err := d.Lease(t.Context(), new(agent("bo")), cases.QueueKey, 1, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("offered past its longest: %v, %v", list, err)
	}
	if n := d.redecideDue(held); n != 1 || d.stateOf(item.Case.ID) != cases.Arbitration {
		t.Errorf("%d due, the case is %s", n, d.stateOf(item.Case.ID))
	}
	d.allHolds()
}

func TestTheSweepDoesWhatTheClockSaysAndARowThatCannotBeWrittenStopsNoOther(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 4 {
		in = append(in, newIntake(i, d.now()))
	}
	in = append(in, heldIntake(4, d.now(), "lane_unknown", 0))
	d.takeIn(in...)
	su := supervisor("su")
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	held := &Request{Case: rows[0].Case.ID, IfVersion: 1, Key: "h", By: su, Command: cases.Hold{Reason: cases.AwaitsPartner, Until: d.now() + 24*schemas.Hour}}
	if _, err := d.Do(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	d.pass(day)
	if n := d.sweep(); n != 1 || d.stateOf(rows[0].Case.ID) != cases.Open {
		t.Errorf("the hold by hand: swept %d, the case is %s", n, d.stateOf(rows[0].Case.ID))
	}
	d.pass(14 * day)
	for _, sql := range []string{ // somebody forged an event, and damaged another row
		"INSERT INTO case_events SELECT case_id, 2, gen_random_uuid(), 'noted', now(), '', '', 'x', sha256, sha256(sha256 || 'x') FROM case_events WHERE case_id = $1 AND n = 1",
		"UPDATE cases SET present = '[]' WHERE case_id = $1",
	} {
		d.pastTheGuards(sql, uuidOf(rows[1].Case.ID.ID))
		rows = rows[1:]
	}
	if n, err := d.Sweep(t.Context()); err == nil || n != 2 {
		t.Errorf("swept %d, %v: want 2, and errors that name the two others", n, err)
	}
	if n, err := d.Sweep(t.Context()); err != nil || n != 0 {
		t.Errorf("again: swept %d, %v", n, err)
	}
	if n, err := d.Count(t.Context(), Filter{States: []cases.State{cases.Arbitration}}); err != nil || n != 2 {
		t.Errorf("%d are overdue, %v", n, err)
	}
	d.pass(360 * day)
	if n, err := d.Sweep(t.Context()); err == nil || n != 3 {
		t.Errorf("after a year: swept %d, %v", n, err)
	}
	if n, err := d.Count(t.Context(), Filter{States: []cases.State{cases.Expired}}); err != nil || n != 3 {
		t.Errorf("%d expired, %v", n, err)
	}
}

func TestACorrectedPlateCountsAfterTwoPersonsSawItsPreview(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	reading := cases.PlateReading{Plate: "1ABC128", Country: "BE"}
	answer := &cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{AmountCents: 9900, Verified: true}}
	var id cases.ID
	for i, by := range []cases.Actor{agent("an"), agent("bo")} {
		item := d.lease(by, []cases.Queue{cases.QueueDecide, cases.QueueSecond}[i])
		id = item.Case.ID
		_, err := d.SavePreview(t.Context(), new(agent("cy")), id, reading, answer)
		wantCode(t, err, cases.CodeLeaseLost)
		p, err := d.SavePreview(t.Context(), &by, id, reading, answer)
		if err != nil {
			t.Fatal(err)
		}
		cmd := confirmation()
		cmd.Kind, cmd.Plate = cases.CorrectPlate, &reading
		_, err = d.answer(by, &item, cmd)
		wantCode(t, err, cases.CodePreview)
		cmd.Preview = p.ID
		d.mustAnswer(by, &item, cmd)
		d.pass(11 * time.Second)
		d.sweep()
	}
	got, err := d.Get(t.Context(), id)
	if err != nil || got.Case.Reading() != reading || got.Case.AmountCents != 9900 || got.Case.State != cases.Confirmed || got.Problem != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, plate := range []string{"1ABC123", "1ABC128"} {
		if n, err := d.Count(t.Context(), Filter{Plate: plate}); err != nil || n != 1 {
			t.Errorf("by plate %s: %d, %v", plate, n, err)
		}
	}
	d.allHolds()
}

// reviverFunc is a reviver of a test.
type reviverFunc func(c *cases.Case) (*cases.Intake, error)

// Revive implements [cases.Reviver].
func (f reviverFunc) Revive(_ context.Context, c *cases.Case) (*cases.Intake, error) { return f(c) }

func TestACaseThatEndsByItsReadGivesItsPlaceToWhatItHadSwallowed(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 3 {
		in = append(in, newIntake(i, d.now()))
	}
	d.takeIn(in...)
	reasons := []cases.RejectReason{cases.WrongPlate, cases.NotLegible, cases.Exemption} // the last blames the vehicle
	ids := make([]cases.ID, 3)
	for i, r := range reasons {
		item := d.lease(agent("an"), cases.QueueDecide)
		ids[i] = item.Case.ID
		d.mustAnswer(agent("an"), &item, rejection(r))
	}
	broken, asked := errors.New("the tables are away"), []cases.ID{}
	reviver := reviverFunc(func(c *cases.Case) (*cases.Intake, error) {
		asked = append(asked, c.ID)
		if broken != nil {
			return nil, broken
		}
		if c.ID != ids[0] {
			return nil, nil
		}
		next := newIntake(20, d.now())
		return &next, nil
	})
	if n, err := d.Revive(t.Context(), reviver, 10); n != 0 || err != nil || len(asked) != 0 {
		t.Fatalf("before the verdicts took effect: %d, %v", n, err)
	}
	d.pass(11 * time.Second)
	if _, err := d.Revive(t.Context(), reviver, 10); !errors.Is(err, broken) || len(asked) != 2 {
		t.Fatalf("asked about %v: %v", asked, err)
	}
	broken = nil
	if n, err := d.Revive(t.Context(), reviver, 10); n != 0 || err != nil {
		t.Errorf("at once again: %d, %v", n, err)
	}
	d.pass(11 * time.Minute)
	if n, err := d.Revive(t.Context(), reviver, 10); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	d.pass(time.Hour)
	d.sweep()
	if n, err := d.Revive(t.Context(), reviver, 10); n != 0 || err != nil || len(asked) != 4 || slices.Contains(asked, ids[2]) {
		t.Errorf("later: %d, %v, asked %v", n, err, asked)
	}
	totals, err := d.Totals(t.Context())
	if err != nil || totals.Cases != 4 || totals.Offences != 3 || totals.Attempts != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
	got, err := d.Get(t.Context(), ids[0])
	if err != nil || got.Case.Successor == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = d.Do(t.Context(), &Request{Case: ids[0], IfVersion: got.Case.Version, Key: "c", By: supervisor("su"), Command: cases.Counter{Verdict: cases.Verdict{Kind: cases.Confirm, Text: "it was an offence all the same"}}})
	wantCode(t, err, cases.CodeDecided)
	d.allHolds()
}

// TestACaseThatSomebodyReopenedWhileItWasLookedAtKeepsItsPlace: between the claim and the answer of the reviver, people
// act on the case. One of the two attempts lives.
func TestACaseThatSomebodyReopenedWhileItWasLookedAtKeepsItsPlace(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	item := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &item, rejection(cases.WrongPlate))
	d.pass(11 * time.Second)
	counter := cases.Counter{Verdict: cases.Verdict{Kind: cases.Confirm, Text: "it was an offence all the same"}, Look: looked()}
	reviver := reviverFunc(func(c *cases.Case) (*cases.Intake, error) {
		if _, err := d.answer(supervisor("su"), new(d.leaseCase(supervisor("su"), c.ID)), counter); err != nil {
			t.Error(err)
		}
		next := newIntake(20, d.now())
		return &next, nil
	})
	if n, err := d.Revive(t.Context(), reviver, 10); n != 0 || err != nil {
		t.Errorf("%d attempts, %v", n, err)
	}
	got, err := d.Get(t.Context(), item.Case.ID)
	if err != nil || got.Case.State != cases.Second || got.Case.Successor != "" || got.Case.Revived {
		t.Errorf("%+v, %v", got.Case, err)
	}
	if totals, err := d.Totals(t.Context()); err != nil || totals.Cases != 1 {
		t.Errorf("%+v, %v", totals, err)
	}
	d.allHolds()
}

func TestAClosedCaseIsShownAgainLikeAnyOther(t *testing.T) {
	d := openDesk(t)
	id := twoPersons(d)
	d.policy.ProbesPerMyriad = cases.Draws
	cy := agent("cy")
	if list, err := d.Lease(t.Context(), &cy, cases.QueueDecide, 3, Filter{}); err != nil || len(list) != 0 {
		t.Errorf("an empty queue gives %v, %v", list, err)
	}
	d.takeIn(newIntake(5, d.now()), newIntake(6, d.now()))
	d.policy.ProbesPerMyriad = cases.Draws // an item that is not there would be none
	list, err := d.other.Lease(t.Context(), &cy, cases.QueueDecide, 1, Filter{})
	if err != nil || len(list) != 1 || list[0].Case.ID != id {
		t.Fatalf("leased %v, %v", list, err)
	}
	item := &list[0]
	if item.Case.State != cases.Open || item.Case.FirstUser != "" || item.Case.Acted != nil || item.Queue != cases.QueueDecide {
		t.Errorf("the item tells itself from others: %+v", item)
	}
	d.seePictures(cy, item)
	before, err := d.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := d.mustAnswer(cy, item, rejection(cases.Exemption))
	if done.Event.Kind != cases.Probed {
		t.Errorf("recorded %s", done.Event.Kind)
	}
	undone, err := d.Do(t.Context(), &Request{Case: id, Key: "u", Command: cases.Undo{Event: done.Event.ID}, By: cy})
	if err != nil || undone.Lease == nil || undone.Lease.Case.State != cases.Open {
		t.Fatalf("undo: %+v, %v", undone.Lease, err)
	}
	d.seePictures(cy, undone.Lease)
	d.mustAnswer(cy, undone.Lease, confirmation())
	after, err := d.Totals(t.Context())
	if err != nil || after.ByState[cases.Confirmed] != before.ByState[cases.Confirmed] || d.stateOf(id) != cases.Confirmed {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	d.allHolds()
}

// TestACaseOnWhichPeopleDifferedIsNoKnownAnswer: the arbitration of one person is nothing on which two agreed.
func TestACaseOnWhichPeopleDifferedIsNoKnownAnswer(t *testing.T) {
	d := openDesk(t)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: cases.Draws, RejectsPerMyriad: cases.Draws}}
	d.takeIn(newIntake(0, d.now()))
	first := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &first, confirmation())
	d.pass(11 * time.Second)
	d.sweep()
	second := d.lease(agent("bo"), cases.QueueSecond)
	d.mustAnswer(agent("bo"), &second, rejection(cases.Exemption))
	d.pass(11 * time.Second)
	d.sweep()
	arbitrate := cases.Arbitrate{To: cases.Rejected, Reason: string(cases.Exemption)}
	if _, err := d.Do(t.Context(), &Request{Case: first.Case.ID, Key: "a", By: supervisor("su"), Command: arbitrate}); err != nil {
		t.Fatal(err)
	}
	d.takeIn(newIntake(2, d.now()))
	d.policy.ProbesPerMyriad = cases.Draws
	if item := d.lease(agent("cy"), cases.QueueDecide); item.Case.ID == first.Case.ID {
		t.Error("an arbitrated case is shown again as a known answer")
	}
}
