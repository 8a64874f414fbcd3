package cases

import (
	"errors"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestAnArbitrationIsSomebodyElses(t *testing.T) {
	w := worldIn(t, Second)
	w.must(supervisorNamed("su"), rejection(Exemption))
	w.pass(10 * schemas.Second)
	w.wantState(Arbitration)
	wantCode(t, w.do(supervisorNamed("su"), Arbitrate{To: Rejected, Reason: string(Exemption)}), CodeSamePerson)
	wantCode(t, w.do(supervisorNamed("ti"), Arbitrate{To: Rejected, Reason: string(Registered)}), CodeInvalid)
	wantCode(t, w.do(supervisorNamed("ti"), Arbitrate{To: Transmitted}), CodeInvalid)
	w.must(supervisorNamed("ti"), Arbitrate{To: Confirmed, Plate: &corrected, Look: looked})
	w.wantState(Confirmed)
	if w.c.Reading() != corrected || w.c.AmountCents != 9900 {
		t.Errorf("the case counts %+v, %d cents", w.c.Reading(), w.c.AmountCents)
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
