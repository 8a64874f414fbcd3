package cases

import (
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// lawful is the table of transitions as the specification writes it, beside the table of the code: who may record an
// event in which states. J = a job, A = an agent, S = a supervisor, P = the prosecutor.
var lawful = map[EventKind]struct{ who, from string }{
	ReDecided:      {"J", "held keying open"},
	KeyedPlate:     {"AS", "keying"},
	Decided:        {"AS", "open"},
	HeldByHand:     {"AS", "open arbitration"}, // an arbitration is a supervisor's
	HoldEnded:      {"JS", "held"},
	Flagged:        {"A", "open second keying"},
	Skipped:        {"A", "open second keying"},
	Undone:         {"AS", "settling"},
	SecondDecided:  {"AS", "second"},
	Arbitrated:     {"S", "arbitration"},
	CounterDecided: {"AS", "confirmed rejected"},
	TakenBack:      {"S", "held keying open second arbitration confirmed returned"},
	ExpiredUnmet:   {"JS", "held keying open second arbitration"},
	PicturesFound:  {"J", "held keying open second arbitration"},
	FileRead:       {"J", "confirmed"},
	Numbered:       {"J", "confirmed"},
	HandedOver:     {"JS", "confirmed"},
	Acknowledged:   {"J", "transmitted"},
	SentBack:       {"JP", "transmitted"},
	Mended:         {"S", "returned"},
	AnnulledEvent:  {"S", "transmitted returned"},
	Noted:          {"JAS", "held keying open settling second arbitration confirmed transmitted returned rejected withdrawn expired annulled"},
	IncidentOpened: {"JS", "held keying open settling second arbitration confirmed transmitted returned rejected withdrawn expired annulled"},
	IncidentClosed: {"S", "held keying open settling second arbitration confirmed transmitted returned rejected withdrawn expired annulled"},
	BecameOverdue:  {"J", "open keying second"},
	Assigned:       {"S", "open keying second"},
	TrackChanged:   {"S", "held keying open settling second arbitration confirmed"},
}

// prepare brings a case of a state to where the command of the kind has its time, its number and its lawful actor.
func prepare(w *world, k EventKind) {
	switch k {
	case ExpiredUnmet, BecameOverdue:
		w.pass(8601 * schemas.Hour)
	case Numbered:
		if w.c.StateAt(w.now) == Confirmed {
			w.readFile()
		}
	case HandedOver:
		if w.c.StateAt(w.now) == Confirmed {
			w.readFile()
			w.must(SystemActor(), Number{Number: "BR.1"})
		}
	case HoldEnded:
		if w.c.StateAt(w.now) == Held { // a job ends holds by hand only
			w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{Verified: true}}})
			w.must(agentNamed("holder"), Hold{Reason: AwaitsPartner, Until: w.now + schemas.Minute})
			w.pass(schemas.Hour)
		}
	default:
	}
}

func TestNobodyRecordsAnEventThatTheTableGivesToOthers(t *testing.T) {
	who := map[string]Role{"J": System, "A": Agent, "S": Supervisor, "P": Prosecutor, "Z": "zone_officer", "O": "camera_operator", "U": "auditor", "R": "jurist", "-": ""}
	for _, k := range commandKinds() {
		for _, s := range States() {
			for letter, role := range who {
				w := worldIn(t, s)
				prepare(w, k)
				by := Actor{User: "other", Role: role, Appointment: "A", StepUp: true, Approver: "second"}
				switch {
				case role == System:
					by.User = ""
				case k == Undone, k == CounterDecided && role == Agent:
					by.User = "first" // who decided
				}
				cmd := commandFor(w, k)
				before := w.c.Version
				err := w.do(by, cmd)
				may := strings.Contains(lawful[k].who, letter) && slices.Contains(strings.Fields(lawful[k].from), string(s))
				if k == HeldByHand && letter == "A" && s == Arbitration {
					may = false
				}
				got := kindRecorded(w, before)
				if isTwin(got, k) {
					continue // the other kind has its own turn
				}
				if may != (got == k) || (err == nil) != (got == k) {
					t.Errorf("%s in %s by %q: recorded %q, error %v; may = %v", k, s, role, got, err, may)
				}
				if !may && err != nil {
					wantRefused(t, err, k, s, role, strings.Contains(lawful[k].who, letter))
				}
				w.wantFolded()
			}
		}
	}
}

// isTwin reports whether one command records both kinds, by the state of the case.
func isTwin(a, b EventKind) bool {
	return a == Decided && b == SecondDecided || a == SecondDecided && b == Decided
}

func kindRecorded(w *world, before int64) EventKind {
	if w.c.Version == before {
		return ""
	}
	return w.events[len(w.events)-1].Kind
}

// wantRefused checks that a wrong role is 403 and a wrong state 409.
func wantRefused(t *testing.T, err error, k EventKind, s State, role Role, roleMay bool) {
	t.Helper()
	if !roleMay {
		wantCode(t, err, CodeRole)
		return
	}
	if k == HeldByHand && s == Arbitration {
		wantCode(t, err, CodeRole)
		return
	}
	r := err.(*Refusal) //nolint:errorlint // Act returns nothing else
	if !slices.Contains([]Code{CodeDecided, CodeTransmitted, CodeTrackTaken}, r.Code) {
		t.Errorf("%s in %s by %q: %v, want a conflict", k, s, role, err)
	}
}

func TestTheTableOfTransitionsIsClosed(t *testing.T) {
	for _, k := range EventKinds() {
		row := transitionOf(k)
		if row == nil {
			t.Errorf("kind %s has no row", k)
			continue
		}
		for _, s := range slices.Concat(row.from, row.to) {
			if s != "" && !slices.Contains(States(), s) {
				t.Errorf("kind %s names state %q", k, s)
			}
		}
	}
	if len(transitions) != len(EventKinds()) {
		t.Errorf("%d rows for %d kinds", len(transitions), len(EventKinds()))
	}
	reached := map[State]bool{}
	for _, row := range transitions {
		for _, s := range row.to {
			reached[s] = true
		}
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("no event leads to %s", s)
		}
		if s.IsFinal() && s != Rejected {
			for _, row := range transitions {
				if slices.Contains(row.from, s) && row.to != nil {
					t.Errorf("%s leads out of the final state %s", row.kind, s)
				}
			}
		}
	}
}

// TestACaseWithASuccessorIsOver: however a case came back among the items, nobody decides or confirms it beside the next
// attempt.
func TestACaseWithASuccessorIsOver(t *testing.T) {
	for _, s := range []State{Open, Second} {
		w := worldIn(t, s)
		w.must(SystemActor(), Note{Text: "attempt 2", Revived: true, Successor: ID{schemas.ID{9}}})
		wantCode(t, w.do(agentNamed("an"), confirmation()), CodeDecided)
		wantCode(t, w.do(agentNamed("an"), rejection(Exemption)), CodeDecided)
	}
	w := worldIn(t, Arbitration)
	w.must(SystemActor(), Note{Text: "attempt 2", Revived: true, Successor: ID{schemas.ID{9}}})
	wantCode(t, w.do(supervisorNamed("su"), Arbitrate{To: Confirmed}), CodeDecided)
	w.must(supervisorNamed("su"), Arbitrate{To: Rejected, Reason: string(Exemption)})
}
