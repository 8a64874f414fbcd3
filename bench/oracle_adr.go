package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindADR    = "adr"
	purposeADR = schemas.CameraPurpose(1 << 10)
)

// adrOracle expects no finding: no camera of the generated city stands in a tunnel with a category.
type adrOracle struct{}

func (adrOracle) kindName() string                               { return kindADR }
func (adrOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeADR, "adr" }
func (adrOracle) addRead(*Traffic, *passing, *plannedRead)       {}
func (adrOracle) expectResults(*Traffic, *passing)               {}

// compareResults implements [oracle].
func (adrOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindADR).Extra += boolToInt(x.family == kindADR)
	}
}
