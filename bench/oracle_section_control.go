package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindSectionControl    = "section_control"
	purposeSectionControl = schemas.CameraPurpose(1 << 4)
)

// sectionControlOracle expects no finding: the generated city has no section.
type sectionControlOracle struct{}

func (sectionControlOracle) kindName() string { return kindSectionControl }
func (sectionControlOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeSectionControl, "section_control"
}
func (sectionControlOracle) addRead(*Traffic, *passing, *plannedRead) {}
func (sectionControlOracle) expectResults(*Traffic, *passing)         {}

// compareResults implements [oracle].
func (sectionControlOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindSectionControl).Extra += boolToInt(x.family == kindSectionControl)
	}
}
