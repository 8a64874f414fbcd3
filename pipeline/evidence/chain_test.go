package evidence

import (
	"errors"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func chained(c *Chain, camera string, o schemas.Outcome, cents int64) (*schemas.Decision, bool) {
	d := decision()
	d.On.Camera, d.Outcome, d.AmountCents = camera, o, cents
	return d, c.Next(d)
}

func TestChainLinksTheDecisionsOfOneCamera(t *testing.T) {
	var c Chain
	a1, _ := chained(&c, "a", schemas.OutcomeOffence, 1)
	b1, _ := chained(&c, "b", schemas.OutcomeHeld, 2)
	a2, _ := chained(&c, "a", schemas.OutcomeHeld, 3)
	a3, _ := chained(&c, "a", schemas.OutcomeOffence, 4)
	for _, tt := range []struct {
		d    *schemas.Decision
		prev schemas.Sum
	}{{a1, schemas.Sum{}}, {b1, schemas.Sum{}}, {a2, a1.Seal}, {a3, a2.Seal}} {
		if err := Verify(tt.d, tt.prev); err != nil {
			t.Error(err)
		}
	}
	if got := c.Last("a"); got != a3.Seal {
		t.Errorf("last of a: got %x, want %x", got, a3.Seal)
	}
	if err := Verify(a3, a1.Seal); !errors.Is(err, ErrChain) { // a2 is missing
		t.Errorf("with a decision removed: got %v, want %v", err, ErrChain)
	}
}

func TestChainSealsOffencesAndHoldsOnly(t *testing.T) {
	var c Chain
	for _, o := range schemas.Outcomes() {
		want := o == schemas.OutcomeOffence || o == schemas.OutcomeHeld
		d, got := chained(&c, "a"+o.String(), o, 1)
		if got != want || d.Seal.IsZero() == want || c.Last("a"+o.String()) != d.Seal {
			t.Errorf("%s: sealed %v with %x, want %v", o, got, d.Seal, want)
		}
	}
}

func TestALoadedChainGoesOnWhereItStopped(t *testing.T) {
	var whole, first, second Chain
	w1, _ := chained(&whole, "a", schemas.OutcomeOffence, 1)
	w2, _ := chained(&whole, "a", schemas.OutcomeOffence, 2)
	f1, _ := chained(&first, "a", schemas.OutcomeOffence, 1)
	stored := map[string]schemas.Sum{"a": f1.Seal}
	second.Load(stored)
	s2, _ := chained(&second, "a", schemas.OutcomeOffence, 2)
	if f1.Seal != w1.Seal || s2.Seal != w2.Seal {
		t.Error("a chain that was interrupted gives other seals than one that was not")
	}
	if stored["a"] != f1.Seal {
		t.Error("the chain wrote into the map it was loaded from")
	}
	second.Load(nil)
	if n1, _ := chained(&second, "a", schemas.OutcomeOffence, 1); n1.Seal != w1.Seal {
		t.Error("a chain loaded with nothing does not start anew")
	}
}
