package cases

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestAVerdictNeedsWhatMakesItHold(t *testing.T) {
	an := agentNamed("an")
	for name, c := range map[string]struct {
		change func(w *world, by *Actor, m *Moment, d *Decide)
		want   Code
		also   bool // a rejection needs it too
	}{
		"no appointment":             {func(_ *world, by *Actor, _ *Moment, _ *Decide) { by.Appointment = "" }, CodeNotCompetent, true},
		"no lease":                   {func(_ *world, _ *Actor, m *Moment, _ *Decide) { m.Lease = nil }, CodeLeaseLost, true},
		"somebody else's lease":      {func(_ *world, _ *Actor, m *Moment, _ *Decide) { m.Lease.User = "bo" }, CodeLeaseLost, true},
		"a lapsed lease":             {func(_ *world, _ *Actor, m *Moment, _ *Decide) { m.Lease.Until = m.Now }, CodeLeaseLost, true},
		"an older version":           {func(_ *world, _ *Actor, m *Moment, _ *Decide) { m.IfVersion = 9 }, CodeStale, true},
		"another zone":               {func(_ *world, by *Actor, _ *Moment, _ *Decide) { by.Zones = []string{"5341"} }, CodeScope, true},
		"another regime":             {func(_ *world, by *Actor, _ *Moment, _ *Decide) { by.Regimes = []Regime{RegimeLEZ} }, CodeScope, true},
		"an unknown input":           {func(_ *world, _ *Actor, _ *Moment, d *Decide) { d.Input = "thought" }, CodeInvalid, true},
		"a check that is missing":    {func(_ *world, _ *Actor, _ *Moment, d *Decide) { d.Checks[3] = false }, CodeInvalid, false},
		"249 ms on the screen":       {func(_ *world, _ *Actor, _ *Moment, d *Decide) { d.ShownMS = 249 }, CodeInvalid, false},
		"a picture not loaded":       {func(_ *world, _ *Actor, m *Moment, _ *Decide) { m.Lease.Loaded = nil }, CodePictures, false},
		"no picture":                 {func(w *world, _ *Actor, _ *Moment, _ *Decide) { w.c.Pictures = nil }, CodeBlocked, false},
		"a value nobody verified":    {func(w *world, _ *Actor, _ *Moment, _ *Decide) { w.c.Verified = false }, CodeBlocked, false},
		"a blocker of the track":     {func(w *world, _ *Actor, _ *Moment, _ *Decide) { w.c.Blocks = []string{"export_address"} }, CodeBlocked, false},
		"an open incident":           {func(w *world, _ *Actor, _ *Moment, _ *Decide) { w.c.Incidents = []Incident{{2, PictureDamaged}} }, CodeIncident, false},
		"a confirmation with reason": {func(_ *world, _ *Actor, _ *Moment, d *Decide) { d.Reason = WrongPlate; d.Plate = &corrected }, CodeInvalid, true},
	} {
		for _, d := range []Decide{confirmation(), rejection(Exemption)} {
			w := worldIn(t, Open)
			by, m := an, w.moment(an)
			c.change(w, &by, m, &d)
			_, err := Act(&w.c, d, &by, m)
			if d.Kind == Confirm || c.also {
				wantCode(t, err, c.want)
			} else if err != nil {
				t.Errorf("%s: a rejection is refused: %v", name, err)
			}
			if t.Failed() {
				t.Fatalf("with %s, %s", name, d.Kind)
			}
		}
	}
}

func TestARejectionHasAReasonOfTheList(t *testing.T) {
	for _, r := range append(RejectReasons(), "", "registered") {
		w := worldIn(t, Open)
		err := w.do(agentNamed("an"), rejection(r))
		switch {
		case r == RejectOther || r == "" || r == "registered":
			wantCode(t, err, CodeInvalid)
		case err != nil:
			t.Errorf("%s: %v", r, err)
		}
	}
	w := worldIn(t, Open)
	d := rejection(RejectOther)
	d.Text = "a horse"
	w.must(agentNamed("an"), d)
	w.pass(10 * schemas.Second)
	w.wantState(Rejected)
}

func TestAVerdictIsUndoneByItsPersonBeforeItTakesEffect(t *testing.T) {
	for _, from := range []State{Open, Second} {
		w := worldIn(t, from)
		w.must(agentNamed("an"), correction())
		undo := commandFor(w, Undone)
		w.pass(9 * schemas.Second)
		wantCode(t, w.do(agentNamed("bo"), undo), CodeRole)
		wantCode(t, w.do(agentNamed("an"), Undo{Event: ID{schemas.ID{8}}}), CodeDecided)
		w.must(agentNamed("an"), undo)
		w.wantState(from)
		w.must(agentNamed("an"), correction())
		undo = commandFor(w, Undone)
		w.pass(10 * schemas.Second)
		wantCode(t, w.do(agentNamed("an"), undo), CodeDecided)
		w.wantFolded()
	}
}

func TestACorrectedPlateNeedsTheFreshPreviewOfThatPlate(t *testing.T) {
	an := agentNamed("an")
	for name, change := range map[string]func(m *Moment){
		"none": func(m *Moment) { m.Preview = nil }, "another's": func(m *Moment) { m.Preview.User = "bo" }, "of another case": func(m *Moment) { m.Preview.Case = ID{} },
		"of another plate": func(m *Moment) { m.Preview.Reading.Country = "NL" }, "of 11 minutes ago": func(m *Moment) { m.Preview.MadeAt -= 11 * schemas.Minute },
	} {
		w := worldIn(t, Open)
		m := w.moment(an)
		change(m)
		if _, err := Act(&w.c, correction(), &an, m); err == nil {
			t.Errorf("preview %s: recorded", name)
		} else {
			wantCode(t, err, CodePreview)
		}
	}
	w := worldIn(t, Open)
	m := w.moment(an)
	m.Preview.Answer.Outcome = OutcomeWithdrawn
	_, err := Act(&w.c, correction(), &an, m)
	wantCode(t, err, CodeInvalid)
}

func TestACounterDecisionIsLookedAtByAThirdPerson(t *testing.T) {
	w := worldIn(t, Second)
	w.must(agentNamed("bo"), correction())
	w.pass(10 * schemas.Second)
	w.readFile()
	w.must(SystemActor(), Number{Number: "BR.1"})
	counter := Counter{Verdict: Verdict{Kind: Reject, Reason: Exemption, Text: "the exemption came by post"}}
	wantCode(t, w.do(agentNamed("cy"), counter), CodeRole)
	by := agentNamed("bo")
	by.StepUp = false
	wantCode(t, w.do(by, counter), CodeStepUp)
	wantCode(t, w.do(agentNamed("bo"), Counter{Verdict: Verdict{Kind: Confirm, Text: "I am still of this mind"}}), CodeInvalid)
	w.pass(25 * schemas.Hour)
	wantCode(t, w.do(agentNamed("bo"), counter), CodeTooLate)
	w.must(supervisorNamed("su"), counter)
	w.wantState(Second)
	for _, name := range []string{"first", "bo", "su"} {
		wantCode(t, w.do(agentNamed(name), rejection(Exemption)), CodeSamePerson)
	}
	w.must(agentNamed("cy"), rejection(PriorityVehicle))
	w.pass(10 * schemas.Second)
	w.wantState(Rejected)
	if w.c.Number != "BR.1" {
		t.Errorf("the number is %q: a number once given stays used", w.c.Number)
	}
	w.wantFolded()
	wantCode(t, worldIn(t, Transmitted).do(supervisorNamed("su"), counter), CodeTransmitted)
}

func TestWhatIsDecidedAnewBeginsAnew(t *testing.T) {
	w := worldIn(t, Second)
	w.must(agentNamed("bo"), rejection(Exemption))
	w.pass(10 * schemas.Second)
	w.must(supervisorNamed("su"), Hold{Reason: AwaitsPartner, Until: w.now + schemas.Hour})
	if w.c.First != nil || w.c.FirstUser != "" || w.c.SecondBy != nil || w.c.EndReason != "" {
		t.Errorf("a case held in arbitration still has verdicts of %q and %q", w.c.FirstUser, w.c.SecondUser)
	}

	// Two persons keyed differently, a supervisor opened the case, and the rules doubt the plate again.
	keying := ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: "country_unknown"}}
	w = worldIn(t, Keying)
	w.must(agentNamed("an"), Key{Reading: &corrected})
	w.must(agentNamed("bo"), Key{})
	w.must(supervisorNamed("su"), Arbitrate{To: Open, Text: "it can be read"})
	w.must(SystemActor(), keying)
	w.wantState(Keying)
	w.must(agentNamed("an"), Key{Reading: &corrected})
	w.must(agentNamed("bo"), Key{Reading: &corrected})
	w.must(SystemActor(), keying)
	w.wantState(Arbitration) // the rules doubt what two persons read
	w.wantFolded()
}
