package cases

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

var walkers = []Actor{
	SystemActor(), agentNamed("an"), agentNamed("bo"), agentNamed("cy"), supervisorNamed("su"), supervisorNamed("ti"), prosecutor,
	{User: "zo", Role: "zone_officer", Appointment: "A"},
	{User: "an", Role: Supervisor, Appointment: "A", StepUp: true, Approver: "an"}, // an got another role
	{User: "far", Role: Agent, Zones: []string{"5341"}, Appointment: "A"},
	{User: "lez", Role: Supervisor, Regimes: []Regime{RegimeLEZ}, Appointment: "A"},
}

// drawCommand draws a command that may or may not be right.
func drawCommand(t *rapid.T, w *world) Command {
	text := rapid.SampledFrom([]string{"", "short", "a text that is long enough", "\x00", "\xff"}).Draw(t, "text")
	reading := rapid.SampledFrom([]*PlateReading{nil, &corrected, {Plate: "1ABC123", Country: "BE"}, {Plate: "AB-12", Country: "b"}}).Draw(t, "reading")
	verdict := Verdict{
		Kind: rapid.SampledFrom([]VerdictKind{Confirm, Confirm, Reject, CorrectPlate, "maybe"}).Draw(t, "verdict"), Text: text, Plate: reading,
		Reason: rapid.SampledFrom(append(RejectReasons(), "", "none")).Draw(t, "reason"),
	}
	switch verdict.Kind { // mostly whole verdicts
	case Confirm:
		verdict.Reason, verdict.Plate = "", nil
	case Reject:
		verdict.Plate = nil
	case CorrectPlate:
		verdict.Reason = ""
	}
	if k := rapid.SampledFrom(commandKinds()).Draw(t, "kind"); k != Decided && k != SecondDecided && k != KeyedPlate && k != ReDecided && k != Arbitrated && k != HoldEnded && k != IncidentClosed {
		return commandFor(w, k)
	}
	decide := confirmation()
	decide.Verdict = verdict
	hold := Answer{
		Outcome: rapid.SampledFrom([]Outcome{OutcomeOpen, OutcomeHeld, OutcomeHeld, OutcomeWithdrawn, ""}).Draw(t, "outcome"),
		Reason:  rapid.SampledFrom([]string{"", "register_stale", "vehicle_unknown", "lane_unknown", "country_unknown", "registered"}).Draw(t, "hold"),
		Gone:    rapid.IntRange(0, 19).Draw(t, "gone") == 0, Facts: Facts{Verified: true},
		HoldUntil: w.now + schemas.Micros(rapid.IntRange(-5, 5).Draw(t, "days"))*24*schemas.Hour,
	}
	lane := uint8(2)
	arbitrate := Arbitrate{
		To: rapid.SampledFrom(States()).Draw(t, "to"), Reason: string(verdict.Reason), Text: text, Plate: reading, Until: w.now + schemas.Hour,
	}
	return rapid.SampledFrom([]Command{
		decide,
		decide,
		Key{Reading: reading},
		ReDecide{Answer: hold},
		EndHold{Accept: true, Text: text},
		EndHold{Lane: &lane},
		EndHold{},
		CloseIncident{N: w.c.Version, Text: text},
		arbitrate,
	}).Draw(t, "command")
}

func TestACaseFollowsFromItsEventsWhateverPeopleTry(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := newIntake()
		if reason := rapid.SampledFrom([]string{"", "lane_unknown", "country_unknown", "vehicle_unknown", "foreign_unregistered"}).Draw(rt, "begin"); reason != "" {
			in.Decision.Outcome, in.Decision.Reason, in.Decision.HoldUntil = schemas.OutcomeHeld, reason, start+schemas.Hour
		}
		in.SealHolds = rapid.IntRange(0, 9).Draw(rt, "seal") > 0
		w := newWorld(t, in)
		w.draw = rapid.SampledFrom([]int{0, Draws - 1}).Draw(rt, "draw")
		w.policy.Second = map[schemas.Family]SecondLook{"": {ConfirmsPerMyriad: 1, RejectsPerMyriad: 1}}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			w.pass(rapid.SampledFrom([]schemas.Micros{0, schemas.Second, 11 * schemas.Second, schemas.Hour, 30 * 24 * schemas.Hour}).Draw(rt, "pass"))
			before := w.c
			if cmd := w.c.DueCommand(w.now); cmd != nil && w.c.SweepAt() == 0 && w.c.State != Settling {
				rt.Fatalf("the clock does %T to a case that is swept never", cmd)
			}
			by := rapid.SampledFrom(walkers).Draw(rt, "by")
			cmd := drawCommand(rt, w)
			err := w.do(by, cmd)
			if err != nil {
				r, ok := err.(*Refusal) //nolint:errorlint // Act returns nothing else
				if !ok || !slices.Contains(Codes(), r.Code) || w.c.Version != before.Version {
					rt.Fatalf("%T: refused with %v, version %d after %d", cmd, err, w.c.Version, before.Version)
				}
			}
			checkWalk(rt, w)
		}
		w.wantFolded()
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// checkWalk checks what holds for every case at every time.
func checkWalk(t *rapid.T, w *world) {
	c := &w.c
	switch {
	case !c.State.IsKnown():
		t.Fatalf("state %q", c.State)
	case (c.State == Settling) != (c.SettlesTo != "") || (c.State == Settling) != (c.Before != ""):
		t.Fatalf("%s settles to %q, from %q", c.State, c.SettlesTo, c.Before)
	case c.FirstUser != "" && c.FirstUser == c.SecondUser:
		t.Fatalf("%s is first and second", c.FirstUser)
	case c.State == Held && c.HoldReason == "", c.State == Open && c.HoldReason != "":
		t.Fatalf("%s is held for %q", c.State, c.HoldReason)
	case (c.State == Open || c.StateAt(w.now) == Confirmed) && c.Undecided != "":
		t.Fatalf("a case is %s, and nobody has ended its hold for %s", c.StateAt(w.now), c.Undecided)
	case c.State == Held && !c.HoldByHand && c.Undecided != c.HoldReason:
		t.Fatalf("held for %q, undecided for %q", c.HoldReason, c.Undecided)
	case c.State == Held && c.LookAt() == 0 && c.SweepAt() == 0:
		t.Fatalf("a hold for %s that nothing ends", c.HoldReason)
	case c.State.IsFinal() && (c.SweepAt() != 0 || c.LookAt() != 0 || c.DueCommand(w.now) != nil):
		t.Fatalf("the clock runs for a case that is %s", c.State)
	}
	last := &w.events[len(w.events)-1]
	if last.User == "far" || last.User == "lez" || last.Role == "zone_officer" {
		t.Fatalf("%s recorded %s", last.User, last.Kind)
	}
	if last.Approver != "" && last.Approver == last.User {
		t.Fatalf("%s approved the own act", last.User)
	}
}

func TestAChangedEventDoesNotFollow(t *testing.T) {
	w := worldIn(t, Annulled)
	for i := range w.events {
		for name, change := range map[string]func(e *Event){
			"its number": func(e *Event) { e.N++ }, "its beginning": func(e *Event) { e.From = Expired },
			"its beginning, in another that the table has": func(e *Event) {
				if row := transitionOf(e.Kind); len(row.from) > 1 {
					e.From = row.from[(slices.Index(row.from, e.From)+1)%len(row.from)]
				} else {
					e.N = 0
				}
			}, "its end": func(e *Event) { e.To = "lost" },
			"its chain": func(e *Event) { e.Prev += "x" }, "its kind": func(e *Event) { e.Kind = "guess" }, "its role": func(e *Event) { e.Role = "auditor" },
			"its case": func(e *Event) { e.Case = ID{schemas.ID{9}} },
		} {
			events := slices.Clone(w.events)
			change(&events[i])
			if _, err := Fold(events); err == nil && (i > 0 || name != "its case") {
				t.Errorf("event %d with %s changed still follows", i+1, name)
			}
		}
	}
	if _, err := Fold(slices.Delete(slices.Clone(w.events), 1, 2)); err == nil {
		t.Error("a case without its second event still follows")
	}
	body, _ := w.events[1].Body()
	body[len(body)-2] ^= 1
	if _, err := ParseEvent(w.events[1].Prev, w.events[1].Sum, body); err == nil {
		t.Error("a changed byte of a stored event goes unnoticed")
	}
}
