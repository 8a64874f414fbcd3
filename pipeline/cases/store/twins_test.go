package store

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

var twinPlate = cases.PlateReading{Plate: "1ABC128", Country: "BE"}

// openTwins returns a desk on which speed offences of a vehicle at a site within a minute are one.
func openTwins(t *testing.T) *desk {
	d := openDesk(t)
	d.policy.Periods = map[schemas.Family]cases.Period{"speed": {Span: schemas.Minute}}
	return d
}

func withPlate(in cases.Intake, plate string) cases.Intake {
	in.Decision.On.Plate = schemas.MustPlate(plate)
	return in
}

// preview asks for the preview of the plate, for which the rules alone would find an offence.
func (d *desk) preview(by cases.Actor, item *cases.Leased) (cases.Decide, cases.Outcome) {
	d.t.Helper()
	p, err := d.SavePreview(d.t.Context(), &by, item.Case.ID, twinPlate, &cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Verified: true}})
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := confirmation()
	cmd.Kind, cmd.Plate, cmd.Preview = cases.CorrectPlate, new(twinPlate), p.ID
	return cmd, p.Answer.Outcome
}

func TestTwoPersonsDoNotGiveOnePlateToTwoCasesAtOnce(t *testing.T) {
	d := openTwins(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()))
	people := []cases.Actor{agent("an"), agent("bo")}
	var items []cases.Leased
	var cmds []cases.Decide
	for _, by := range people {
		items = append(items, d.lease(by, cases.QueueDecide))
		cmd, outcome := d.preview(by, &items[len(items)-1])
		if cmds = append(cmds, cmd); outcome != cases.OutcomeOpen {
			t.Fatalf("before anybody decided, the preview says %s", outcome)
		}
	}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			_, errs[i] = []*Store{d.Store, d.other}[i].Do(t.Context(), &Request{Case: items[i].Case.ID, IfVersion: 1, Lease: items[i].Lease.ID, Command: cmds[i], By: people[i]})
		})
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("both or none: %v; %v", errs[0], errs[1])
	}
	wantCode(t, errors.Join(errs...), cases.CodeBlocked)
	won, lost := 0, 1
	if errs[0] != nil {
		won, lost = 1, 0
	}
	if _, outcome := d.preview(people[lost], &items[lost]); outcome != cases.OutcomeWithdrawn {
		t.Errorf("beside a plate that settles, the preview says %s", outcome)
	}
	got, err := d.Get(t.Context(), items[won].Case.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Do(t.Context(), &Request{Case: got.Case.ID, Command: cases.Undo{Event: got.Events[1].ID}, By: people[won]}); err != nil {
		t.Fatal(err)
	}
	cmd, outcome := d.preview(people[lost], &items[lost])
	if outcome != cases.OutcomeOpen {
		t.Errorf("after the undo, the preview says %s", outcome)
	}
	d.mustAnswer(people[lost], &items[lost], cmd)
	d.allHolds()
}

// A corrected plate is compared with every other case of the plate, in whatever state it is and however it got the plate.
func TestACorrectedPlateIsComparedWithEveryCaseOfThePlate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(in *cases.Intake)
		want   cases.Outcome
	}{
		"a case with this plate as sealed": {func(*cases.Intake) {}, cases.OutcomeWithdrawn},
		"the country unread":               {func(in *cases.Intake) { in.Decision.On.Country = schemas.Country{} }, cases.OutcomeWithdrawn},
		"a hold": {func(in *cases.Intake) {
			in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "lane_unknown"
		}, cases.OutcomeWithdrawn},
		"59 s earlier":     {func(in *cases.Intake) { in.Decision.On.CapturedAt -= 59 * schemas.Second }, cases.OutcomeWithdrawn},
		"60 s earlier":     {func(in *cases.Intake) { in.Decision.On.CapturedAt -= schemas.Minute }, cases.OutcomeOpen},
		"60 s later":       {func(in *cases.Intake) { in.Decision.On.CapturedAt += schemas.Minute }, cases.OutcomeOpen},
		"another site":     {func(in *cases.Intake) { in.Site = "S2" }, cases.OutcomeOpen},
		"another rule":     {func(in *cases.Intake) { in.Decision.Rule = "bru.other" }, cases.OutcomeOpen},
		"another country":  {func(in *cases.Intake) { in.Decision.On.Country, _ = schemas.CountryFrom("FR") }, cases.OutcomeOpen},
		"another plate":    {func(in *cases.Intake) { in.Decision.On.Plate = schemas.MustPlate("1ABC129") }, cases.OutcomeOpen},
		"its seal doubted": {func(in *cases.Intake) { in.SealHolds = false }, cases.OutcomeWithdrawn},
	} {
		t.Run(name, func(t *testing.T) {
			d := openTwins(t)
			at := d.now()
			other := withPlate(newIntake(1, at), twinPlate.Plate)
			c.change(&other)
			d.takeIn(newIntake(0, at), other)
			item := d.lease(agent("an"), cases.QueueDecide)
			if item.Case.Offence != newIntake(0, at).Offence {
				t.Fatal("the item is the other case")
			}
			cmd, outcome := d.preview(agent("an"), &item)
			if outcome != c.want {
				t.Errorf("the preview says %s, want %s", outcome, c.want)
			}
			_, err := d.answer(agent("an"), &item, cmd)
			if (err == nil) != (c.want == cases.OutcomeOpen) {
				t.Errorf("the verdict: %v", err)
			}
		})
	}
}

func TestAPlateKeyedForTwoCasesStandsOnce(t *testing.T) {
	d := openTwins(t)
	d.takeIn(heldIntake(0, d.now(), "country_unknown", 0), heldIntake(1, d.now(), "country_unknown", 0))
	for range 2 {
		for _, by := range []cases.Actor{agent("an"), agent("bo")} {
			item := d.lease(by, cases.QueueKey)
			d.mustAnswer(by, &item, cases.Key{Reading: &twinPlate})
		}
	}
	open := deciderFunc(func(cases.Question) cases.Answer {
		return cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Verified: true}}
	})
	if n := d.redecideDue(open); n != 2 {
		t.Fatalf("decided %d again", n)
	}
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	states := map[cases.State]int{}
	for i := range rows {
		states[rows[i].Case.State]++
		if rows[i].Case.State == cases.Withdrawn && rows[i].Case.EndReason != string(cases.DuplicateCase) {
			t.Errorf("withdrawn for %s", rows[i].Case.EndReason)
		}
	}
	if states[cases.Open] != 1 || states[cases.Withdrawn] != 1 {
		t.Errorf("the cases are %v, want one open and one withdrawn", states)
	}
	d.allHolds()
}

// A sealed offence that comes after the plate was claimed waits: nobody confirms it while the claim stands.
func TestALaterOffenceOfAClaimedPlateIsNotConfirmedBesideIt(t *testing.T) {
	d := openTwins(t)
	at := d.now()
	d.takeIn(newIntake(0, at))
	item := d.lease(agent("an"), cases.QueueDecide)
	cmd, _ := d.preview(agent("an"), &item)
	d.mustAnswer(agent("an"), &item, cmd)
	d.pass(11 * time.Second)
	d.sweep()
	d.takeIn(withPlate(newIntake(1, at), twinPlate.Plate))
	later := d.lease(agent("cy"), cases.QueueDecide)
	_, err := d.answer(agent("cy"), &later, confirmation())
	wantCode(t, err, cases.CodeBlocked)
	second := d.lease(agent("bo"), cases.QueueSecond)
	d.mustAnswer(agent("bo"), &second, rejection(cases.WrongPlate)) // they differ
	d.pass(11 * time.Second)
	_, err = d.answer(agent("cy"), &later, confirmation())
	wantCode(t, err, cases.CodeBlocked)
	arbitrate := cases.Arbitrate{To: cases.Rejected, Reason: string(cases.WrongPlate)}
	if _, err := d.Do(t.Context(), &Request{Case: item.Case.ID, Command: arbitrate, By: supervisor("su")}); err != nil {
		t.Fatal(err)
	}
	d.mustAnswer(agent("cy"), &later, confirmation())
	d.allHolds()
}
