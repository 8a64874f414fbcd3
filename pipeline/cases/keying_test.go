package cases

import (
	"testing"
)

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
