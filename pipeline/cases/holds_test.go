package cases

import (
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// heldWorlds returns cases that the rules hold and that are in arbitration, in every way that leads there.
func heldWorlds(t *testing.T) map[string]*world {
	held := func(reason string) *world {
		in := newIntake()
		in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, reason
		return newWorld(t, in)
	}
	out := map[string]*world{"flagged": held("plate_ambiguous"), "skipped": held("plate_ambiguous"), "keyed as two plates": held("country_unknown"), "overdue": held("country_unknown")}
	out["flagged"].must(agentNamed("an"), Flag{Text: "look at the sign"})
	for _, name := range []string{"an", "bo", "cy"} {
		out["skipped"].must(agentNamed(name), Skip{})
	}
	out["keyed as two plates"].must(agentNamed("an"), Key{Reading: &corrected})
	out["keyed as two plates"].must(agentNamed("bo"), Key{Reading: &PlateReading{"1ABC123", "BE"}})
	out["overdue"].now = out["overdue"].c.SendBy
	out["overdue"].must(SystemActor(), Overdue{})
	for _, reason := range []string{"register_stale", "doubtful"} {
		w := held(reason)
		w.pass(15 * 24 * schemas.Hour)
		w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: reason, Facts: Facts{Verified: true}}})
		out["past the longest time of "+reason] = w
	}
	in := newIntake()
	in.Decision.Outcome, in.Decision.Reason, in.SealHolds = schemas.OutcomeHeld, "foreign_unregistered", false
	w := newWorld(t, in)
	w.must(supervisorNamed("ti"), CloseIncident{N: 2, Text: "the bytes came again and are whole"})
	out["with a broken seal"] = w
	for name, w := range out {
		if w.c.State != Arbitration {
			t.Fatalf("%s: %s", name, w.c.State)
		}
	}
	return out
}

// TestOnlyTheRulesEndWhatTheyHeld: whatever brought a held case to a supervisor, nobody confirms it and nobody opens it
// before the rules have decided it.
func TestOnlyTheRulesEndWhatTheyHeld(t *testing.T) {
	su := supervisorNamed("su")
	open := ReDecide{Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{AmountCents: 15000, Verified: true}}}
	for _, by := range []string{"opened", "held by hand"} {
		for name, w := range heldWorlds(t) {
			name += ", " + by
			wantCode(t, w.do(su, Arbitrate{To: Confirmed}), CodeBlocked)
			if by == "opened" {
				w.must(su, Arbitrate{To: Open, Text: "decide it"})
			} else {
				w.c.DecideBy += 100 * 24 * schemas.Hour
				w.must(su, Arbitrate{To: Held, Reason: AwaitsPartner, Until: w.now + schemas.Hour})
				w.c.DecideBy -= 100 * 24 * schemas.Hour
				w.pass(schemas.Hour)
				w.must(SystemActor(), EndHold{})
			}
			if w.c.State != Held || w.c.HoldByHand || w.c.LookAt() == 0 || w.c.LookAt() > w.now {
				t.Fatalf("%s: the case is %s, held for %q, and the rules look at %d", name, w.c.State, w.c.HoldReason, w.c.LookAt())
			}
			w.must(SystemActor(), open)
			w.wantState(Open)
			w.must(agentNamed("cy"), confirmation())
			if w.c.AmountCents != 15000 {
				t.Errorf("%s: confirmed for %d cents", name, w.c.AmountCents)
			}
			w.wantFolded()
		}
	}
	// The plate of a supervisor, with the answer of the rules about it, ends the hold.
	w := heldWorlds(t)["keyed as two plates"]
	w.must(su, Arbitrate{To: Confirmed, Plate: &corrected, Look: looked})
	if w.c.State != Confirmed || w.c.Undecided != "" || w.c.AmountCents != 9900 {
		t.Errorf("%s, undecided %q, %d cents", w.c.State, w.c.Undecided, w.c.AmountCents)
	}
	// A rejection that is taken back does not decide what the rules have not.
	w = heldWorlds(t)["flagged"]
	w.must(su, Arbitrate{To: Rejected, Reason: string(Exemption)})
	wantCode(t, w.do(supervisorNamed("ti"), Counter{Verdict: Verdict{Kind: Confirm, Text: "it was an offence all the same"}}), CodeBlocked)
	// A doubt that a supervisor may settle is settled in arbitration too.
	w = heldWorlds(t)["past the longest time of doubtful"]
	wantCode(t, w.do(su, EndHold{Text: "a text that is long enough"}), CodeDecided)
	wantCode(t, worldIn(t, Arbitration).do(su, EndHold{Accept: true, Text: "seen on the picture"}), CodeDecided)
	wantCode(t, heldWorlds(t)["flagged"].do(su, EndHold{Accept: true, Text: "seen on the picture"}), CodeInvalid)
	w.must(su, EndHold{Accept: true, Text: "seen on the picture"})
	if w.c.State != Held || w.c.LookAt() != 1 || !slices.Contains(QuestionOf(&w.c, w.now).Accepted, "doubtful") {
		t.Errorf("%s, looked at %d, accepted %v", w.c.State, w.c.LookAt(), w.c.Accepted)
	}
	w.must(SystemActor(), open)
	w.wantState(Open)
	w.wantFolded()
}

// A doubt that is settled for many cases at once needs two persons, and settles no other doubt that holds a case by then.
func TestADoubtOfManyCasesIsSettledByTwoPersons(t *testing.T) {
	w := worldIn(t, Held)
	many := EndHold{Accept: true, Of: w.c.HoldReason, Text: "seen on the picture", Query: "camera C1 on 1 June", Count: 2}
	alone, twice := supervisorNamed("ti"), supervisorNamed("ti")
	alone.Approver, twice.Approver = "", "ti"
	wantCode(t, w.do(alone, many), CodeApproval)
	wantCode(t, w.do(twice, many), CodeSamePerson)
	another := many
	another.Of = "clock_suspect"
	wantCode(t, w.do(supervisorNamed("ti"), another), CodeStale)
	w.must(supervisorNamed("ti"), many)
	if e := w.events[len(w.events)-1]; e.Approver != "second" || e.Accepted != many.Of || e.Query == "" || e.Count != 2 {
		t.Errorf("the event names %q, %q, %q, %d", e.Approver, e.Accepted, e.Query, e.Count)
	}
}

// TestTwoPersonsKeyWhatTheCatalogueSays: no list of the program says which holds end by keying.
func TestTwoPersonsKeyWhatTheCatalogueSays(t *testing.T) {
	for _, reason := range []string{"doubt_of_a_later_rule", "lane_unknown"} {
		in := newIntake()
		in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, reason
		p := testPolicy()
		p.Holds[reason] = HoldRule{AtDecideBy: true, Then: Arbitration, ByKeying: true}
		if e, _ := in.Open(ID{}, start, p); e.To != Keying {
			t.Errorf("%s: taken in as %s", reason, e.To)
		}
		w := worldIn(t, Open)
		w.policy = p
		w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeHeld, Reason: reason}})
		w.wantState(Keying)
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
