package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindStanding    = "standing"
	purposeStanding = schemas.CameraPurpose(1 << 9)
)

// standingOracle expects no finding: no camera of the generated city may tell the police of papers, and a finding on papers
// is never an offence. A hit of the family is counted as too many by the oracle of hits.
type standingOracle struct{}

func (standingOracle) kindName() string { return kindStanding }
func (standingOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeStanding, "standing"
}
func (standingOracle) addRead(*Traffic, *passing, *plannedRead) {}
func (standingOracle) expectResults(*Traffic, *passing)         {}

// compareResults implements [oracle].
func (standingOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindStanding).Extra += boolToInt(x.family == kindStanding)
	}
}
