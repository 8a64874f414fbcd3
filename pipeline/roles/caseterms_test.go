package roles

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestEveryHoldThatEndsByKeyingIsKeyed: what the built-in catalogue says of a hold is what people get.
func TestEveryHoldThatEndsByKeyingIsKeyed(t *testing.T) {
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	now := schemas.DayOf(2026, 11, 29).Start()
	values := cat.CaseRulesAt(now)
	p, keyed := policyOf(values, cat.Version()), 0
	for reason, h := range values.Holds {
		in := cases.Intake{Sealed: []byte("x"), SealHolds: true, Decision: schemas.Decision{Outcome: schemas.OutcomeHeld, Reason: reason}}
		e, _ := in.Open(cases.ID{}, now, p)
		if want := h.Ends == rules.EndsByKeying; (e.To == cases.Keying) != want {
			t.Errorf("%s ends by %s, and the case is %s", reason, h.Ends, e.To)
		} else if want {
			keyed++
		}
	}
	if keyed < 3 {
		t.Errorf("%d holds end by keying", keyed)
	}
}
