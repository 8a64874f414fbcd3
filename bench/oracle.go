package bench

import (
	"github.com/gvc-brussels/anpr/schemas"
)

// An oracle knows a correct pipeline's results for one family of rules. It reckons with integers from the generator's
// facts and shares no code with package rules. It covers one dated slice of the law on purpose and says so outside the
// slice. Each oracle has a file.
type oracle interface {
	// kindName returns the name of the results in reports. Example: hits
	kindName() string
	// cameraPurpose returns the camera's required purpose, as a bit and in the camera registry's spelling.
	cameraPurpose() (schemas.CameraPurpose, string)
	// addRead adds an accepted read to its passing.
	addRead(t *Traffic, p *passing, s *plannedRead)
	// expectResults notes a passing's results after its last read.
	expectResults(t *Traffic, p *passing)
	// compareResults counts delivered results against expected results.
	compareResults(h *Truth, r *TruthReport, got *Got, window schemas.Micros)
}

// newOracles makes the oracles, without any reads, in the order of reports.
func newOracles() []oracle {
	return []oracle{
		&hotlistOracle{},
		&speedOracle{},
		sectionControlOracle{},
		&lezOracle{},
		&redLightOracle{},
		&accessOracle{days: dayRows{}},
		&reservedLaneOracle{may: map[schemas.ReadID]bool{}},
		&goodsOracle{days: dayRows{}},
		standingOracle{},
		adrOracle{},
		cloneOracle{},
	}
}

// Kinds names the kinds of results known to the oracles, in report order.
func Kinds() (out []string) {
	for _, o := range newOracles() {
		out = append(out, o.kindName())
	}
	return out
}

// oracleIn returns the oracle with type O.
func oracleIn[O oracle](h *Truth) O {
	for _, o := range h.oracles {
		if o, ok := o.(O); ok {
			return o
		}
	}
	panic("BUG: the truth has no such oracle")
}
