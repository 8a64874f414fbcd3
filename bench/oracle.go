package bench

import (
	"github.com/gvc-brussels/anpr/schemas"
)

// An oracle says what a correct pipeline must find of one family of rules, from what the generator knows, with integers, and without
// package rules. It covers one dated slice of the law on purpose, and says so outside it. There is a file for each.
type oracle interface {
	// kindName names the results in reports. Example: hits
	kindName() string
	// cameraPurpose is what a camera is authorised for, as bit and as the camera registry spells it.
	cameraPurpose() (schemas.CameraPurpose, string)
	// addRead takes an accepted read to its passing.
	addRead(t *Traffic, p *passing, s *plannedRead)
	// expectResults expects the results of a passing after its last read.
	expectResults(t *Traffic, p *passing)
	// compareResults holds what a pipeline delivered against what is expected.
	compareResults(h *Truth, r *Report, got *Got, window schemas.Micros)
}

// newOracles makes the oracles, which know nothing yet. The order is that of reports.
func newOracles() []oracle {
	return []oracle{
		&hotlistOracle{},
		&speedOracle{},
		&lezOracle{},
	}
}

// Kinds names the kinds of results that the oracles know, in the order of reports.
func Kinds() (out []string) {
	for _, o := range newOracles() {
		out = append(out, o.kindName())
	}
	return out
}

// oracleIn finds the oracle of that type.
func oracleIn[O oracle](h *Truth) O {
	for _, o := range h.oracles {
		if o, ok := o.(O); ok {
			return o
		}
	}
	panic("BUG: the truth has no such oracle")
}
