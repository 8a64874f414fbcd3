package rules_test

import (
	"fmt"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func ExampleLoad() {
	_, err := rules.Load(fstest.MapFS{"amounts.yaml": {Data: []byte("amounts:\n  - kind: infringement\n    cent: 35000\n")}})
	fmt.Println(err)
	// Output: load catalogue: amounts.yaml:3: unknown field "cent"; correct the line; general.yaml says how values are written
}

func ExampleRenderStep() {
	step := schemas.Step{Code: "lez.norm", Args: []string{"5", "6", "diesel", "M1"}, Basis: "Decree of 25/01/2018 (2025-01-01)", Verified: true}
	for _, lang := range rules.Langs() {
		fmt.Println(rules.RenderStep(lang, step))
	}
	// Output:
	// Euro 5 reaches the lowest norm admitted (Euro 6) for diesel, category M1: no [legal basis: Decree of 25/01/2018 (2025-01-01)]
	// euro 5 haalt de laagste toegelaten norm (euro 6) voor diesel, categorie M1: nee [rechtsgrond: Decree of 25/01/2018 (2025-01-01)]
	// Euro 5 atteint la norme minimale admise (Euro 6) pour diesel, catégorie M1 : non [base légale : Decree of 25/01/2018 (2025-01-01)]
}
