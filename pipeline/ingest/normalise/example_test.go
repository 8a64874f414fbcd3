package normalise_test

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
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
