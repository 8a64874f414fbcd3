package cases

import "github.com/gvc-brussels/anpr/schemas"

// Intake is an offence of the pipeline, ready to become a case.
type Intake struct {
	Offence      schemas.OffenceID
	Attempt      int    // 1 for the offence of the pipeline, more for a revived passage
	Sealed       []byte // exact bytes under Seal; empty = missing after the bound
	Seal         schemas.Sum
	Decision     schemas.Decision // parsed from Sealed, or completed from the message when Sealed is missing
	SealHolds    bool
	Straggler    bool
	Zone, Site   string
	Municipality uint32
	Regime       Regime
	Pictures     []Picture
	PicturesOpen bool // the read is not stored yet, and may have more pictures
	Clocks       Clocks
	Track        Track
	Marks        []string
	Blocks       []string // see Facts.Blocks
	Wired        bool     // a tripwire of the camera and the family is open: nobody gets the case to decide
}
