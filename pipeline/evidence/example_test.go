package evidence_test

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

func ExampleChain() {
	var c evidence.Chain
	first := &schemas.Decision{Outcome: schemas.OutcomeOffence, AmountCents: 35000}
	second := &schemas.Decision{Outcome: schemas.OutcomeHeld}
	fmt.Println(c.Next(first), c.Next(second), evidence.Verify(second, first.Seal))
	second.AmountCents = 1
	fmt.Println(evidence.Verify(second, first.Seal))
	// Output:
	// true true <nil>
	// offence 00000000-0000-0000-0000-000000000000: content is not what was sealed: at least one field was changed after it was sealed
}
