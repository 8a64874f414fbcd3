package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindClone    = "clone"
	purposeClone = schemas.CameraPurpose(1 << 11)
)

// cloneOracle expects no finding: nobody states times on the road between sites of the generated city, and a finding on a
// cloned plate is never an offence. A hit of the family is counted as too many by the oracle of hits.
type cloneOracle struct{}

func (cloneOracle) kindName() string                               { return kindClone }
func (cloneOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeClone, "clone" }
func (cloneOracle) addRead(*Traffic, *passing, *plannedRead)       {}
func (cloneOracle) expectResults(*Traffic, *passing)               {}

// compareResults implements [oracle].
func (cloneOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindClone).Extra += boolToInt(x.family == kindClone)
	}
}
