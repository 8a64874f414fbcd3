package normalise_test

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/schemas"
)

func ExamplePlate() {
	p, _ := normalise.Plate("t\u00f6l-ba 218")
	fmt.Println(p, p.Class(), normalise.Syntaxes(p))
	_, rej := normalise.Plate("noPlate")
	fmt.Println(rej)
	// Output:
	// TOLBA218 T018A218 [BE_VANITY DE AT]
	// plate_unread: field raw_plate: the camera saw a vehicle and read no plate
}

func ExampleRank() {
	asked := schemas.MustPlate("1ABC12S")
	for _, r := range normalise.Rank(asked, normalise.Variants(asked))[:3] {
		fmt.Println(r.Plate, r.Cost)
	}
	// Output:
	// 1ABC12S 1
	// 1ABC125 2
	// 1A8C12S 3
}
