package cases

import (
	"regexp"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestASecondPersonAgreesOrTheCaseIsArbitrated(t *testing.T) {
	other := correction()
	other.Plate = &PlateReading{Plate: "1ABC128", Country: "NL"}
	for name, c := range map[string]struct {
		first, second Decide
		want          State
	}{
		"the same corrected plate":         {correction(), correction(), Confirmed},
		"another corrected plate":          {correction(), other, Arbitration},
		"no corrected plate":               {correction(), confirmation(), Arbitration},
		"a rejection":                      {correction(), rejection(WrongPlate), Arbitration},
		"two rejections of one class":      {rejection(WrongPlate), rejection(TwoVehicles), Rejected},
		"two rejections of two classes":    {rejection(WrongPlate), rejection(Exemption), Arbitration},
		"two confirmations":                {confirmation(), confirmation(), Confirmed},
		"a confirmation after a rejection": {rejection(Exemption), confirmation(), Arbitration},
	} {
		w := newWorld(t, newIntake())
		w.draw, w.policy.Second = 0, map[schemas.Family]SecondLook{"": {ConfirmsPerMyriad: 1, RejectsPerMyriad: 1}}
		w.must(agentNamed("an"), c.first)
		w.pass(10 * schemas.Second)
		w.wantState(Second)
		m := w.moment(agentNamed("an"))
		_, err := Act(&w.c, c.second, &walkers[1], m)
		wantCode(t, err, CodeSamePerson)
		by := agentNamed("bo")
		m = w.moment(by)
		if c.second.Plate != nil {
			m.Preview.Reading = *c.second.Plate
		}
		e, err := Act(&w.c, c.second, &by, m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.record(e)
		w.pass(10 * schemas.Second)
		if got := w.c.StateAt(w.now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		w.c.Settle(w.now)
		if c.want == Confirmed && c.second.Plate != nil && (w.c.Reading() != corrected || w.c.AmountCents != 9900) {
			t.Errorf("%s: the case counts %+v, %d cents", name, w.c.Reading(), w.c.AmountCents)
		}
		if c.want == Arbitration && w.c.Corrected != nil {
			t.Errorf("%s: the plate was corrected by one person", name)
		}
	}
}

func TestWhatTriggersASecondLook(t *testing.T) {
	foreign, slow := newIntake(), newIntake()
	foreign.Decision.On.Country = schemas.Country{'N', 'L'}
	slow.Decision.Measures = []schemas.Measure{{Name: schemas.CorrectedSpeed, Value: 800}, {Name: schemas.AllowedSpeed, Value: 500}}
	for name, c := range map[string]struct {
		look SecondLook
		in   Intake
		draw int
		want []string
	}{
		"nothing":              {SecondLook{NotBelgian: true, ConfidenceBelow: 950, ExcessFrom: 301, ConfirmsPerMyriad: 100}, newIntake(), 100, nil},
		"a foreign plate":      {SecondLook{NotBelgian: true}, foreign, Draws, []string{TriggerForeign}},
		"an uncertain plate":   {SecondLook{ConfidenceBelow: 951}, newIntake(), Draws, []string{TriggerConfidence}},
		"a high excess":        {SecondLook{ExcessFrom: 300}, slow, Draws, []string{TriggerExcess}},
		"the prosecutor":       {SecondLook{Tracks: []Track{ImmediateCollection}}, newIntake(), Draws, []string{TriggerTrack}},
		"a series":             {SecondLook{Series: []Series{{"odd", "BE", regexp.MustCompile("^1ABC")}}}, newIntake(), Draws, []string{TriggerSeries}},
		"a series elsewhere":   {SecondLook{Series: []Series{{"odd", "NL", regexp.MustCompile("^1ABC")}}}, newIntake(), Draws, nil},
		"the draw, and others": {SecondLook{ConfirmsPerMyriad: 100, NotBelgian: true}, foreign, 99, []string{TriggerForeign, TriggerDraw}},
	} {
		w := newWorld(t, c.in)
		w.policy.Second = map[schemas.Family]SecondLook{"speed": c.look}
		w.draw = c.draw
		w.must(agentNamed("an"), confirmation())
		if got := w.events[1].Triggers; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		w.pass(10 * schemas.Second)
		if want := map[bool]State{true: Second, false: Confirmed}[len(c.want) > 0]; w.c.StateAt(w.now) != want {
			t.Errorf("%s: %s, want %s", name, w.c.StateAt(w.now), want)
		}
	}
}

// A site allows values that nobody verified for a family: another family gets neither the verdict nor the second look.
func TestUnverifiedValuesAreAllowedByFamily(t *testing.T) {
	unverified := newIntake()
	unverified.Decision.Verified = false
	allowed := SecondLook{Unverified: true}
	for name, c := range map[string]struct {
		second map[schemas.Family]SecondLook
		want   bool
	}{
		"another family":          {map[schemas.Family]SecondLook{"lez": allowed, "speed": {}}, false},
		"the rest, not this one":  {map[schemas.Family]SecondLook{"": allowed, "speed": {}}, false},
		"this family":             {map[schemas.Family]SecondLook{"": {}, "speed": allowed}, true},
		"the rest, with this one": {map[schemas.Family]SecondLook{"": allowed, "lez": {}}, true},
	} {
		w := newWorld(t, unverified)
		w.policy.Second = c.second
		err := w.do(agentNamed("an"), confirmation())
		if c.want && (err != nil || !slices.Contains(w.events[1].Triggers, TriggerUnverified)) {
			t.Errorf("%s: %v, want a verdict and a second look", name, err)
		}
		if !c.want {
			wantCode(t, err, CodeBlocked)
		}
	}
}

func TestADrawIsSpreadAndRepeatable(t *testing.T) {
	hits := 0
	for i := range 10_000 {
		id := ID{schemas.ID{byte(i), byte(i >> 8)}}
		first, again := Draw([]byte("k"), id), Draw([]byte("k"), id)
		if first != again {
			t.Fatal("the draw is not repeatable")
		}
		if first < 500 {
			hits++
		}
	}
	if hits < 400 || hits > 600 {
		t.Errorf("%d of 10,000 draws are below 500", hits)
	}
}

func TestAnAnswerToACaseShownAgainChangesNothing(t *testing.T) {
	for _, cmd := range []Command{confirmation(), rejection(Exemption), correction(), Flag{Text: "look at the sign"}, Skip{}, Hold{Reason: AwaitsPartner, Until: start + schemas.Hour}} {
		w := worldIn(t, Second)
		w.must(agentNamed("bo"), correction())
		w.pass(10 * schemas.Second)
		w.c.Settle(w.now)
		before := w.c
		by := agentNamed("cy")
		m := w.moment(by)
		m.Lease.Probe = true
		w.c.DecideBy = w.now // what is due does not tell a case shown again from others
		e, err := Act(&w.c, cmd, &by, m)
		if err != nil {
			t.Fatalf("%T: %v", cmd, err)
		}
		w.record(e)
		after := w.c
		after.Version, after.Head, after.ProbeBy, after.ProbeEvent, after.ProbeAt = before.Version, before.Head, "", "", 0
		if e.Kind != Probed || after.State != before.State || after.First != before.First || len(after.Acted) != len(before.Acted) || after.Facts.AmountCents != before.AmountCents {
			t.Errorf("%T: %s changed the case", cmd, e.Kind)
		}
		w.pass(9 * schemas.Second)
		id, _ := ParseID(w.c.ProbeEvent)
		w.must(by, Undo{Event: id})
		w.c.DecideBy = before.DecideBy
		w.wantFolded()
	}
}
