package rules

import "github.com/gvc-brussels/anpr/schemas"

// state is what the register's data say against the norm.
type state uint8

const (
	stateNone         state = iota // not assessed
	stateOutOfScope                // no norm for this category and fuel
	stateNotConcerned              // electric, hydrogen
	stateAdmitted                  // reaches the norm
	stateIncomplete                // category or fuel missing
	stateNoEuro                    // no norm registered and none can be assumed
	stateBelow                     // below the norm
)

// phase is how far a norm is enforced. A higher one is stricter.
type phase uint8

const (
	phaseTolerated phase = 1 + iota
	phaseSuspended
	phaseWarning
	phaseFine
)

// assessment is a vehicle against the admission table at an instant.
type assessment struct {
	state    state
	doubt    bool // the class or the mass, which is not known, decides
	category schemas.Category
	segment  segment
	euro     schemas.Euro
	concern  *entry[fuelSet]
	assumed  *entry[euroByDate] // the norm was assumed from the first registration
	current  *norm              // the norm of the day
	enforced *norm              // below: the one that is enforced furthest
	phase    phase
}

// disputed reports whether the norm the vehicle is below is one the sources do not agree on.
func (a *assessment) disputed() bool { return a.enforced != nil && a.enforced.disputed }

// assess compares a vehicle with the norms. It does not allocate.
func (r lez) assess(v *schemas.Vehicle, at schemas.Micros) assessment {
	var masses *massClasses
	if m := r.cat.masses.at(at); m != nil {
		masses = &m.v
	}
	segments, n := segmentsOf(v, masses)
	return r.assessIn(v, at, segments, n)
}

// assessDeclared is assess for what an owner declared, who may have left the category out.
func (r lez) assessDeclared(v *schemas.Vehicle, at schemas.Micros) assessment {
	if v.Category == schemas.CategoryUnknown {
		return r.assessIn(v, at, declaredSegments, len(declaredSegments))
	}
	return r.assess(v, at)
}

// assessIn compares a vehicle with the norms of each segment it may be in. When they do not agree, the strictest stands and is
// in doubt.
func (r lez) assessIn(v *schemas.Vehicle, at schemas.Micros, segments [maxSegments]segment, n int) assessment {
	a := assessment{category: v.Category, euro: v.Euro}
	if int(v.Fuel) >= len(r.cat.norms) {
		a.state = stateIncomplete
		return a
	}
	if c := r.cat.notConcerned.at(at); c != nil && c.v[v.Fuel] {
		a.state, a.concern = stateNotConcerned, c
		return a
	}
	if v.Fuel == schemas.FuelUnknown || n == 0 {
		a.state = stateIncomplete
		return a
	}
	a = r.assessSegment(v, at, segments[0])
	for _, s := range segments[1:n] {
		b := r.assessSegment(v, at, s)
		doubt := a.doubt || !a.agrees(&b)
		if b.stricter(&a) {
			a = b
		}
		a.doubt = doubt
	}
	return a
}

// agrees reports whether two assessments lead to the same outcome.
func (a *assessment) agrees(b *assessment) bool {
	free := a.state <= stateAdmitted && b.state <= stateAdmitted
	return free || a.state == b.state && a.phase == b.phase && a.disputed() == b.disputed()
}

// stricter orders two assessments of one vehicle; of two as strict the one with the lower norm stands.
func (a *assessment) stricter(b *assessment) bool {
	switch {
	case a.state != b.state:
		return a.state > b.state
	case a.phase != b.phase:
		return a.phase > b.phase
	default:
		return a.enforced != nil && b.enforced != nil && a.enforced.lowest < b.enforced.lowest
	}
}

func (r lez) assessSegment(v *schemas.Vehicle, at schemas.Micros, s segment) assessment {
	a := assessment{category: v.Category, segment: s, euro: v.Euro}
	stages := r.cat.norms[v.Fuel][s]
	i := len(stages) - 1
	for i >= 0 && !stages[i].covers(at) {
		i--
	}
	if i < 0 {
		a.state = stateOutOfScope
		return a
	}
	a.current = stages[i].v
	if a.euro == schemas.EuroUnknown && a.current.lowest != schemas.EuroUnknown && a.current.lowest != banned {
		if a.assumed = r.assume(v, at); a.assumed == nil {
			a.state = stateNoEuro
			return a
		}
		a.euro = a.assumed.v.euro
	}
	a.state = stateAdmitted
	// While the newest norm is not fined yet, the ones before it still are; one that nobody disputes comes before one that is.
	for ; i >= 0 && !stages[i].v.admits(a.euro); i-- {
		a.state = stateBelow
		n := stages[i].v
		if p := n.phaseAt(at); p > a.phase || p == a.phase && a.enforced.disputed && !n.disputed {
			a.enforced, a.phase = n, p
		}
	}
	return a
}
