package cases

import (
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

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
