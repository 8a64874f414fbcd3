package office

import (
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Nobody who decides sees an amount, and a held case shows none anywhere. After the verdict the dossier does.
func TestNobodySeesAnAmountBeforeTheVerdict(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) {
		c.Explain = func(lang, steps string) ([]string, error) {
			var out []string
			for _, code := range []string{"speed.over", "speed.tariff"} {
				if strings.Contains(steps, code) {
					out = append(out, rules.RenderStep(rules.Lang(lang), schemas.Step{Code: code, Holds: true, Args: []string{"417", "31415"}, Verified: true}))
				}
			}
			return out, nil
		}
	})
	trace := []schemas.Step{{Code: "speed.over", Holds: true, Args: []string{"417", "300"}, Verified: true}, {Code: "speed.tariff", Holds: true, Args: []string{"11", "31415"}, Verified: true}}
	d.takeInTrace("1ABC123", trace, nil)
	d.takeInTrace("1ABC124", trace, func(in *cases.Intake) {
		in.Decision.Outcome, in.Decision.Reason, in.Decision.HoldUntil = schemas.OutcomeHeld, "register_stale", schemas.MicrosOf(time.Now().Add(day))
	})
	item := d.take("an", "decide")
	held, err := d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "held"})
	if err != nil || len(held.Rows) != 1 {
		t.Fatalf("%+v, %v", held, err)
	}
	answers := map[string]string{"item": textOf(t, item), "list of held": textOf(t, held)}
	for what, id := range map[string]string{"dossier to decide": item.CaseID, "dossier of held": held.Rows[0].CaseID} {
		a, err := d.clerk("su").Case(t.Context(), shift(), id)
		if err != nil {
			t.Fatal(err)
		}
		answers[what] = textOf(t, a)
	}
	for what, text := range answers {
		for _, amount := range []string{"31415", "314.15", "314,15", "amount"} {
			if strings.Contains(text, amount) {
				t.Errorf("the %s holds %s: %s", what, amount, text)
			}
		}
		if !strings.Contains(what, "list") && !strings.Contains(text, "speed.over") {
			t.Errorf("the %s has no trace: the test checks nothing", what)
		}
	}
	d.mustDecide("an", confirming(item))
	d.pass(time.Minute)
	a, err := d.clerk("su").Case(t.Context(), shift(), item.CaseID)
	if err != nil || a.Case.Amount != 31415 || !strings.Contains(textOf(t, a), "speed.tariff") {
		t.Errorf("after the verdict: %s, %v; want the amount", textOf(t, a), err)
	}
}

// takeInTrace takes in a case with a trace and an amount.
func (d *caseDesk) takeInTrace(plate string, trace []schemas.Step, change func(*cases.Intake)) {
	d.t.Helper()
	d.takeIn(plate, "5339", func(in *cases.Intake) {
		in.Decision.Trace, in.Decision.AmountCents = trace, 31415
		if change != nil {
			change(in)
		}
		sealAgain(in)
	})
}
