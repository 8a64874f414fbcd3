package cases

import (
	"errors"
	"regexp"
	"slices"
	"strings"
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

func TestTwoPersonsKeyAPlateBlind(t *testing.T) {
	for name, c := range map[string]struct {
		first, second *PlateReading
		want          State
	}{
		"the same":         {&corrected, &corrected, Keying}, // the rules decide it now
		"another plate":    {&corrected, &PlateReading{"1ABC123", "BE"}, Arbitration},
		"not legible once": {&corrected, nil, Arbitration},
		"not legible":      {nil, nil, Rejected},
	} {
		w := worldIn(t, Keying)
		w.must(agentNamed("an"), Key{Reading: c.first})
		if b := w.c.Blind(); b.Keyed != nil || b.Keyers != nil {
			t.Errorf("%s: the second person sees %+v", name, b)
		}
		wantCode(t, w.do(agentNamed("an"), Key{Reading: c.second}), CodeSamePerson)
		w.must(supervisorNamed("su"), Key{Reading: c.second})
		w.wantState(c.want)
		if c.want != Keying {
			continue
		}
		wantCode(t, w.do(agentNamed("bo"), Key{Reading: c.second}), CodeDecided)
		if w.c.LookAt() == 0 || QuestionOf(&w.c, w.now).Reading == nil {
			t.Errorf("%s: the rules are not asked with the keyed plate", name)
		}
		w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{Verified: true}}})
		w.wantState(Open)
		if w.c.Reading() != corrected || w.c.Track != ImmediateCollection {
			t.Errorf("%s: the case counts %+v on track %q", name, w.c.Reading(), w.c.Track)
		}
		w.wantFolded()
	}
}

func TestAHoldEndsAtItsDateAndLastsNoLongerThanItsReasonSays(t *testing.T) {
	held := func(reason string) ReDecide {
		return ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: reason, HoldUntil: start + 48*schemas.Hour, Facts: Facts{Verified: true}}}
	}
	in := newIntake()
	in.Decision.Outcome, in.Decision.Reason, in.Decision.HoldUntil = schemas.OutcomeHeld, "foreign_unregistered", start+schemas.Hour
	w := newWorld(t, in)
	if w.c.LookAt() != start+schemas.Hour {
		t.Errorf("the rules look at %s", w.c.LookAt())
	}
	w.pass(2 * schemas.Hour)
	w.must(SystemActor(), held("register_stale"))
	w.wantState(Held)
	version := w.c.Version
	w.must(SystemActor(), held("register_stale"))
	if w.c.Version != version {
		t.Error("the same answer again is another event")
	}
	if next := w.c.NextLook(w.now); next != start+48*schemas.Hour {
		t.Errorf("the next look is at %s", next)
	}
	w.pass(15 * 24 * schemas.Hour)
	w.must(SystemActor(), held("register_stale"))
	w.wantState(Arbitration)

	w = worldIn(t, Held) // lane_unknown
	w.must(SystemActor(), held("vehicle_unknown"))
	w.pass(31 * 24 * schemas.Hour)
	w.must(SystemActor(), held("vehicle_unknown"))
	w.wantState(Withdrawn)
	if w.c.EndReason != string(NotProvable) || w.c.ReviveAt() != 0 {
		t.Errorf("it ended for %s, revives at %d", w.c.EndReason, w.c.ReviveAt())
	}
	w = worldIn(t, Held)
	w.must(SystemActor(), ReDecide{Answer: Answer{Gone: true}})
	w.wantState(Withdrawn)
	w.wantFolded()
}

func TestASupervisorSettlesADoubtByHand(t *testing.T) {
	su, lane := supervisorNamed("su"), uint8(2)
	w := worldIn(t, Held)
	wantCode(t, w.do(su, EndHold{Lane: new(uint8)}), CodeInvalid)
	w.must(su, EndHold{Lane: &lane})
	if q := QuestionOf(&w.c, w.now); w.c.LookAt() == 0 || q.Lane == nil || *q.Lane != 2 {
		t.Errorf("the rules are asked with %+v at %d", q, w.c.LookAt())
	}
	wantCode(t, w.do(su, EndHold{Accept: true, Text: "short"}), CodeInvalid)
	w.must(su, EndHold{Accept: true, Text: "seen on the picture"})
	w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: "lane_unknown", Facts: Facts{Verified: true}}})
	w.wantState(Open)
	w.wantFolded()
	w = worldIn(t, Held)
	w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: "register_stale"}})
	wantCode(t, w.do(su, EndHold{Accept: true, Text: "nobody can know this"}), CodeInvalid)
	wantCode(t, w.do(SystemActor(), EndHold{}), CodeTooEarly)
}

func TestAHoldByHandIsBoundedAndOpensAgain(t *testing.T) {
	w := worldIn(t, Open)
	an, su := agentNamed("an"), supervisorNamed("su")
	for _, h := range []Hold{
		{Reason: "lane_unknown", Until: w.now + 1}, {Reason: HoldOther, Until: w.now + 1}, {Reason: AwaitsPartner, Until: w.now}, {Reason: AwaitsPartner, Until: w.now + 96*schemas.Hour},
	} {
		wantCode(t, w.do(an, h), CodeInvalid)
	}
	wantCode(t, w.do(su, Hold{Reason: AwaitsPartner, Until: w.c.DecideBy + 1}), CodeInvalid)
	w.must(an, Hold{Reason: AwaitsPartner, Until: w.now + 48*schemas.Hour})
	wantCode(t, w.do(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeOpen}}), CodeDecided)
	if w.c.SweepAt() != w.now+48*schemas.Hour || w.c.LookAt() != 0 {
		t.Errorf("swept at %s, looked at %s", w.c.SweepAt(), w.c.LookAt())
	}
	w.pass(48 * schemas.Hour)
	w.must(SystemActor(), w.c.DueCommand(w.now))
	w.wantState(Open)
	w = worldIn(t, Arbitration)
	w.must(su, Hold{Reason: AwaitsPartner, Until: w.c.DecideBy})
	w.wantFolded()
}

func TestTheClocksRunOut(t *testing.T) {
	for _, s := range []State{Open, Keying, Second, Held, Arbitration} {
		w := worldIn(t, s)
		if cmd := w.c.DueCommand(w.now); cmd != nil {
			t.Errorf("%s: %T before its time", s, cmd)
		}
		wantCode(t, w.do(supervisorNamed("su"), Expire{}), CodeTooEarly)
		w.now = w.c.SendBy
		if cmd := w.c.DueCommand(w.now); s == Held || s == Arbitration {
			if cmd != nil {
				t.Errorf("%s: %T at the send clock", s, cmd)
			}
		} else {
			w.must(SystemActor(), cmd)
			w.wantState(Arbitration)
		}
		wantCode(t, w.do(SystemActor(), Expire{}), CodeTooEarly)
		w.now = w.c.DropBy
		w.must(SystemActor(), w.c.DueCommand(w.now))
		w.wantState(Expired)
		w.wantFolded()
	}
	w := worldIn(t, Confirmed)
	w.now = w.c.DropBy
	if cmd := w.c.DueCommand(w.now); cmd != nil {
		t.Errorf("a confirmed case: %T", cmd)
	}
}

func TestTheThirdSkipGoesToASupervisor(t *testing.T) {
	for _, s := range []State{Open, Second, Keying} {
		w := worldIn(t, s)
		for _, name := range []string{"an", "bo", "cy"} {
			w.wantState(s)
			w.must(agentNamed(name), Skip{})
			if w.c.State == s && !slices.Contains(w.c.Barred(), name) {
				t.Errorf("%s: offered to %s again", s, name)
			}
		}
		w.wantState(Arbitration)
	}
}

// Who answered never gets the own second look by name, skipped or not; who skipped alone may have the case. One person who
// skips three times is one.
func TestWhoSkippedMayTakeACaseAndWhoAnsweredMayNot(t *testing.T) {
	for _, s := range []State{Second, Keying, Arbitration} {
		c := Case{State: s, Acted: []string{"an"}, Keyers: []string{"an"}, Skippers: []string{"an", "bo"}}
		if c.MayTake("an") || !c.MayTake("bo") {
			t.Errorf("%s: who answered and skipped may take it: %v, who skipped alone: %v", s, c.MayTake("an"), c.MayTake("bo"))
		}
	}
	w := worldIn(t, Open)
	for range 3 {
		w.must(agentNamed("an"), Skip{})
	}
	w.wantState(Open)
	w.must(agentNamed("bo"), Skip{})
	w.must(agentNamed("cy"), Skip{})
	w.wantState(Arbitration)
	w.wantFolded()
}

// A case is given to nobody beyond the day on which it must be decided.
func TestAnAssignmentIsBounded(t *testing.T) {
	w := worldIn(t, Open)
	wantCode(t, w.do(supervisorNamed("su"), Assign{User: "an", Until: w.c.DecideBy + 1}), CodeInvalid)
	w.must(supervisorNamed("su"), Assign{User: "an", Until: w.c.DecideBy})
	w.pass(w.c.DecideBy - w.now + schemas.Hour)
	wantCode(t, w.do(supervisorNamed("su"), Assign{User: "an", Until: w.now + 120*schemas.Hour}), CodeInvalid)
	w.must(supervisorNamed("su"), Assign{User: "an", Until: w.now + 24*schemas.Hour})
}

func TestAnArbitrationIsSomebodyElses(t *testing.T) {
	w := worldIn(t, Second)
	w.must(supervisorNamed("su"), rejection(Exemption))
	w.pass(10 * schemas.Second)
	w.wantState(Arbitration)
	wantCode(t, w.do(supervisorNamed("su"), Arbitrate{To: Rejected, Reason: string(Exemption)}), CodeSamePerson)
	wantCode(t, w.do(supervisorNamed("ti"), Arbitrate{To: Rejected, Reason: string(Registered)}), CodeInvalid)
	wantCode(t, w.do(supervisorNamed("ti"), Arbitrate{To: Transmitted}), CodeInvalid)
	w.must(supervisorNamed("ti"), Arbitrate{To: Confirmed, Plate: &corrected})
	w.wantState(Confirmed)
	if w.c.Reading() != corrected || w.c.AmountCents != 9900 {
		t.Errorf("the case counts %+v, %d cents", w.c.Reading(), w.c.AmountCents)
	}
	w.wantFolded()
}

func TestACounterDecisionIsLookedAtByAThirdPerson(t *testing.T) {
	w := worldIn(t, Second)
	w.must(agentNamed("bo"), correction())
	w.pass(10 * schemas.Second)
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

func TestASecondPersonApprovesWhatOneMayNotDoAlone(t *testing.T) {
	bulk := Withdraw{Reason: CameraWrong, Query: "camera C1 on 1 June", Count: 2}
	for name, c := range map[string]struct {
		s    State
		cmd  Command
		by   func(*Actor)
		want Code
	}{
		"withdrawal without a fresh sign-in": {Open, Withdraw{Reason: CameraWrong}, func(a *Actor) { a.StepUp = false }, CodeStepUp},
		"bulk without approval":              {Open, bulk, func(a *Actor) { a.Approver = "" }, CodeApproval},
		"bulk approved by the asker":         {Open, bulk, func(a *Actor) { a.Approver = a.User }, CodeSamePerson},
		"bulk without query":                 {Open, Withdraw{Reason: CameraWrong, Count: 2}, func(*Actor) {}, CodeInvalid},
		"annulment without approval":         {Transmitted, Annul{Reason: LimitWrong}, func(a *Actor) { a.Approver = "" }, CodeApproval},
		"annulment approved by the asker":    {Returned, Annul{Reason: LimitWrong}, func(a *Actor) { a.Approver = a.User }, CodeSamePerson},
		"annulment without a fresh sign-in":  {Transmitted, Annul{Reason: LimitWrong}, func(a *Actor) { a.StepUp = false }, CodeStepUp},
	} {
		w := worldIn(t, c.s)
		by := supervisorNamed("su")
		c.by(&by)
		err := w.do(by, c.cmd)
		wantCode(t, err, c.want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	w := worldIn(t, Open)
	w.must(supervisorNamed("su"), bulk)
	if got := w.events[len(w.events)-1].Approver; got != "second" {
		t.Errorf("the event names %q as second person", got)
	}
}

func TestATransmissionNeedsEverythingVerifiedNow(t *testing.T) {
	whole := Transmit{Batch: "b", Track: ImmediateCollection, SealHolds: true, PicturesHold: true}
	w := worldIn(t, Confirmed)
	wantCode(t, w.do(SystemActor(), whole), CodeBlocked)
	w.must(SystemActor(), Number{Number: "BR.1"})
	wantCode(t, w.do(SystemActor(), Number{Number: "BR.2"}), CodeDecided)
	for want, change := range map[Code]func(x *Transmit){
		CodeBlocked: func(x *Transmit) { x.SealHolds = false }, CodeTrackTaken: func(x *Transmit) { x.Track = ToProsecutor }, CodeApproval: func(x *Transmit) { x.OpenApproval = true },
		CodeInvalid: func(x *Transmit) { x.Batch = "" },
	} {
		x := whole
		change(&x)
		wantCode(t, w.do(SystemActor(), x), want)
	}
	w.must(SystemActor(), OpenIncident{Kind: PictureDamaged, Text: "other bytes"})
	wantCode(t, w.do(SystemActor(), whole), CodeIncident)
	w.must(supervisorNamed("su"), CloseIncident{N: w.c.Version, Text: "restored from the backup"})
	w.must(SystemActor(), whole)
	wantCode(t, w.do(supervisorNamed("su"), ChangeTrack{Track: ToProsecutor, Text: "a text that is long enough"}), CodeTrackTaken)
	w.wantFolded()
}

// The track that a supervisor chose stays when the rules decide again, and the rules are asked about that track.
func TestAReDecisionKeepsTheChosenTrack(t *testing.T) {
	in := newIntake()
	in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "register_stale"
	w := newWorld(t, in)
	if q := QuestionOf(&w.c, w.now); q.Track != "" {
		t.Errorf("the rules are asked about track %s that nobody chose", q.Track)
	}
	w.must(supervisorNamed("su"), ChangeTrack{Track: ToProsecutor, Text: "a text that is long enough", Blocks: []string{"export_device_serial"}})
	if q := QuestionOf(&w.c, w.now); q.Track != ToProsecutor {
		t.Errorf("the rules are asked about track %q, want the chosen one", q.Track)
	}
	w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{Verified: true, Track: ImmediateCollection, Blocks: []string{"export_device_serial"}}}})
	if w.c.State != Open || w.c.Track != ToProsecutor || len(w.c.Blocks) != 1 {
		t.Errorf("the case is %s on track %s with blockers %v, want open on the chosen track", w.c.State, w.c.Track, w.c.Blocks)
	}
	w.wantFolded()
}

// The reason of an arbitration is published: it comes from a list, or there is none.
func TestAnArbitrationHasNoFreeReason(t *testing.T) {
	for _, to := range []State{Confirmed, Open, Rejected, Withdrawn, Held} {
		w := newWorld(t, newIntake())
		w.must(agentNamed("an"), Flag{Text: "look at this please"})
		err := w.do(supervisorNamed("su"), Arbitrate{To: to, Reason: "1ABC123 is a taxi", Text: "a text that is long enough", Until: w.now + schemas.Hour})
		wantCode(t, err, CodeInvalid)
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Field != "reason" || strings.Contains(r.Detail, "1ABC123") {
			t.Errorf("to %s: %v, want a refusal of the reason that does not repeat it", to, err)
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
