package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindAccess    = "access"
	purposeAccess = schemas.CameraPurpose(1 << 6)
)

// accessOracle expects no finding: the generated city has no access zone.
type accessOracle struct{}

func (accessOracle) kindName() string                               { return kindAccess }
func (accessOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeAccess, "access" }
func (accessOracle) addRead(*Traffic, *passing, *plannedRead)       {}
func (accessOracle) expectResults(*Traffic, *passing)               {}

// compareResults implements [oracle].
func (accessOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindAccess).Extra += boolToInt(x.family == kindAccess)
	}
}
