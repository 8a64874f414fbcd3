package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindReservedLane    = "reserved_lane"
	purposeReservedLane = schemas.CameraPurpose(1 << 7)
)

// reservedLaneOracle expects no finding: the generated city reserves no lane.
type reservedLaneOracle struct{}

func (reservedLaneOracle) kindName() string { return kindReservedLane }
func (reservedLaneOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeReservedLane, "reserved_lane"
}
func (reservedLaneOracle) addRead(*Traffic, *passing, *plannedRead) {}
func (reservedLaneOracle) expectResults(*Traffic, *passing)         {}

// compareResults implements [oracle].
func (reservedLaneOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindReservedLane).Extra += boolToInt(x.family == kindReservedLane)
	}
}
