package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindRedLight    = "redlight"
	purposeRedLight = schemas.CameraPurpose(1 << 5)
)

// redLightOracle expects no finding: no camera of the generated city watches a light.
type redLightOracle struct{}

func (redLightOracle) kindName() string { return kindRedLight }
func (redLightOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeRedLight, "redlight"
}
func (redLightOracle) addRead(*Traffic, *passing, *plannedRead) {}
func (redLightOracle) expectResults(*Traffic, *passing)         {}

// compareResults implements [oracle].
func (redLightOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindRedLight).Extra += boolToInt(x.family == kindRedLight)
	}
}
