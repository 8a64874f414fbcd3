package rules

import (
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleLEZ is access to the low emission zone.
const RuleLEZ schemas.RuleID = "bru.lez.access"

const (
	familyLEZ  schemas.Family        = "lez"
	lezPurpose schemas.CameraPurpose = 1 << 0
)

// lez is the family for the low emission zone in the Brussels-Capital Region (decree of the Government of 25/01/2018,
// in force since 01/01/2018). A vehicle must reach the norm for its fuel and category on the day of capture. A vehicle
// registered abroad must also be registered for the zone. The candidate's period is the Brussels calendar day.
type lez struct {
	cat     lezRules
	general *general
}

var (
	_ Family    = (*lez)(nil)
	_ Evaluator = (*lez)(nil)
)

var lezClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepLEZCamera       = lezClauses.addClause("lez.camera", 1)
	stepLEZMoving       = lezClauses.addClause("lez.moving", 0)
	stepLEZInForce      = lezClauses.addClause("lez.in_force", 1)
	stepLEZCountry      = lezClauses.addClause("lez.country", 1)
	stepLEZVehicle      = lezClauses.addClause("lez.vehicle", 2)
	stepLEZData         = lezClauses.addClause("lez.data", 4)
	stepLEZConcerned    = lezClauses.addClause("lez.concerned", 1)
	stepLEZScope        = lezClauses.addClause("lez.scope", 2)
	stepLEZAssumed      = lezClauses.addClause("lez.assumed", 2)
	stepLEZNorm         = lezClauses.addClause("lez.norm", 4)
	stepLEZSuspended    = lezClauses.addClause("lez.not_suspended", 2)
	stepLEZWarnings     = lezClauses.addClause("lez.warnings", 1)
	stepLEZFines        = lezClauses.addClause("lez.fines", 1)
	stepLEZMustRegister = lezClauses.addClause("lez.must_register", 1)
	stepLEZRegistered   = lezClauses.addClause("lez.registered", 1)
	stepLEZLane         = lezClauses.addClause("lez.lane", 2)
	stepLEZOldtimer     = lezClauses.addClause("lez.oldtimer", 2)
	stepLEZOldtimerUse  = lezClauses.addClause("lez.oldtimer_use", 0)
	stepLEZDayPass      = lezClauses.addClause("lez.day_pass", 1)
	stepLEZPassClosed   = lezClauses.addClause("lez.pass_closed", 2)
	stepLEZPassUntil    = lezClauses.addClause("lez.pass_until", 2)
	stepLEZPassIssued   = lezClauses.addClause("lez.pass_issued", 2)
	stepLEZPassYear     = lezClauses.addClause("lez.pass_year", 2)
	stepLEZClass        = lezClauses.addClause("lez.class", 1)
	stepLEZUndisputed   = lezClauses.addClause("lez.undisputed", 1)
	stepLEZDeclared     = lezClauses.addClause("lez.declared", 3)
	stepLEZDutyFines    = lezClauses.addClause("lez.duty_fines", 1)
	stepLEZBody         = lezClauses.addClause("lez.body", 2)
	stepLEZFresh        = lezClauses.addClause("lez.fresh", 3)
	stepLEZAmount       = lezClauses.addClause("lez.amount", 1)
	stepLEZRepeat       = lezClauses.addClause("lez.repeat", 3)
)

// The family's own reasons.
const (
	reasonAdmitted          = "admitted"
	reasonNotConcerned      = "not_concerned"
	reasonRegistered        = "registered"
	reasonPolluting         = "polluting"
	reasonForeign           = "foreign_unregistered"
	reasonCountryUnknown    = "country_unknown"
	reasonVehicleUnknown    = "vehicle_unknown"
	reasonVehicleIncomplete = "vehicle_incomplete"
	reasonEuroUnknown       = "euro_unknown"
	reasonEuroAssumed       = "euro_assumed"
	reasonRegisterStale     = "register_stale"
	reasonLaneUnknown       = "lane_unknown"
	reasonLaneExcluded      = "lane_excluded"
	reasonOldtimerAge       = "oldtimer_age_unknown"
	reasonForeignPolluting  = "foreign_polluting"
	reasonPassPossible      = "pass_possible"
	reasonDayPass           = "day_pass"
	reasonTolerated         = "norm_tolerated"
	reasonSuspended         = "fines_suspended"
	reasonNoAmount          = "no_amount"
	reasonClassUnknown      = "vehicle_class_unknown"
	reasonNormDisputed      = "norm_disputed"
	reasonDutyTolerated     = "duty_tolerated"
)

var lezInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyLEZ, Rule: RuleLEZ, Purpose: lezPurpose, DecidedOn: BestSighting, Period: PeriodDay, Stragglers: true, Force: ForceSanction, ByBody: true,
		Reasons: slices.Concat(sharedReasons, []string{
			reasonAdmitted,
			reasonNotConcerned,
			reasonRegistered,
			reasonPolluting,
			reasonForeign,
			reasonCountryUnknown,
			reasonVehicleUnknown,
			reasonVehicleIncomplete,
			reasonEuroUnknown,
			reasonEuroAssumed,
			reasonRegisterStale,
			reasonLaneUnknown,
			reasonLaneExcluded,
			reasonOldtimerAge,
			reasonForeignPolluting,
			reasonPassPossible,
			reasonDayPass,
			reasonTolerated,
			reasonSuspended,
			reasonNoAmount,
			reasonClassUnknown,
			reasonNormDisputed,
			reasonDutyTolerated,
		}),
		Clauses: slices.Concat(sharedClauses, lezClauses),
		Todo: withShared(map[string]string{
			reasonForeign:           "grace",
			reasonCountryUnknown:    "picture",
			reasonVehicleUnknown:    "vehicle",
			reasonVehicleIncomplete: "vehicle",
			reasonEuroUnknown:       "vehicle",
			reasonEuroAssumed:       "vehicle",
			reasonRegisterStale:     "stale",
			reasonLaneUnknown:       "camera",
			reasonOldtimerAge:       "vehicle",
			reasonForeignPolluting:  "grace",
			reasonPassPossible:      "pass",
			reasonClassUnknown:      "vehicle",
			reasonNormDisputed:      "jurist",
		}),
	}
})

// Info implements [Family].
func (*lez) Info() *Info { return lezInfo() }

// Compile implements [Family].
func (r *lez) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// appliesTo reports whether an authorised camera saw a vehicle drive in the zone while the zone is in force.
func (r *lez) appliesTo(s *Subject) bool {
	return r.isAuthorised(s.Camera) && !s.Passage.Parked && s.Passage.Best.CapturedAt >= r.cat.from
}

// isAuthorised reports whether the camera stands in the zone and may find infringements there.
func (r *lez) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.InsideLEZ && cam.Purposes.Has(lezPurpose)
}

// Precheck implements [Evaluator].
func (r *lez) Precheck(s *Subject, ref Reference) Precheck {
	if !r.appliesTo(s) {
		return NotApplicable
	}
	b := &s.Passage.Best
	at := b.CapturedAt
	veh, found := ref.Vehicle(b.Plate, b.Country, at)
	var a assessment
	if found {
		a = r.assessVehicle(&veh, at)
	}
	country := b.Country
	if country.IsZero() {
		country = veh.Country
	}
	if f := r.foreignRule(country, at); f != nil {
		return r.precheckForeign(f, s, ref, found, &a)
	}
	switch a.state {
	case stateOutOfScope:
		return NotApplicable
	case stateNotConcerned, stateAdmitted:
		return Clear
	default:
		return Evaluate
	}
}

// precheckForeign is Precheck for vehicles with a duty to register.
func (r *lez) precheckForeign(f *datedValue[foreign], s *Subject, ref Reference, found bool, a *assessment) Precheck {
	b := &s.Passage.Best
	if b.Country.IsZero() || a.state == stateBelow {
		return Evaluate
	}
	reg, registered := r.lookUpForeign(f, b, b.Country, ref)
	switch {
	case registered && !found:
		declared := declaredVehicle(&reg)
		if d := r.assessDeclared(&declared, b.CapturedAt); d.state == stateBelow {
			return Evaluate
		}
		return Clear
	case !f.v.concernsVehicle(found, a.category, b.Kind):
		return NotApplicable
	case registered:
		return Clear
	default:
		return Evaluate
	}
}

// declaredVehicle is a foreign vehicle as declared by the owner.
func declaredVehicle(reg *schemas.Registration) schemas.Vehicle {
	return schemas.Vehicle{Country: reg.Country, Category: reg.Category, Class: reg.Class, Fuel: reg.Fuel, Euro: reg.Euro}
}

// concernsVehicle reports whether a vehicle must register: by the register's category, else by the kind seen by the
// camera.
func (f *foreign) concernsVehicle(found bool, c schemas.Category, k schemas.VehicleKind) bool {
	if found && c != schemas.CategoryUnknown && int(c) < len(f.categories) {
		return f.categories[c]
	}
	return int(k) < len(f.kinds) && f.kinds[k]
}

// foreignRule returns a country's duty to register, or nil: Belgium, an unknown country, a country with a directly
// read register, or a time without the duty.
func (r *lez) foreignRule(c schemas.Country, at schemas.Micros) *datedValue[foreign] {
	if c.IsZero() || c == schemas.Belgium {
		return nil
	}
	f := r.cat.foreign.inForceAt(at)
	if f == nil {
		return nil
	}
	if slices.Contains(f.v.notNeeded, c) {
		return nil
	}
	return f
}

// lookUpForeign returns the vehicle's registration on the day, or within the days of grace after.
func (r *lez) lookUpForeign(f *datedValue[foreign], b *schemas.Sighting, c schemas.Country, ref Reference) (schemas.Registration, bool) {
	day := b.CapturedAt.Day()
	for i := range schemas.Day(f.v.grace + 1) {
		if reg, ok := ref.Registration(b.Plate, c, day+i); ok {
			return reg, true
		}
	}
	return schemas.Registration{}, false
}

// assumeByDate finds the norm by first registration, or nil.
func (r *lez) assumeByDate(v *schemas.Vehicle, at schemas.Micros) *datedValue[euroByDate] {
	if v.FirstRegistration == 0 {
		return nil
	}
	rows := r.cat.euroByDate[v.Category]
	for i := range rows {
		if x := &rows[i]; x.isInForce(at) && v.FirstRegistration >= x.v.from && v.FirstRegistration < x.v.to {
			return x
		}
	}
	return nil
}

func (n *norm) phaseAt(at schemas.Micros) phase {
	switch {
	case n.suspendedAt(at) != nil:
		return phaseSuspended
	case n.fine != nil && !n.fine.announced && n.fine.isInForce(at):
		return phaseFine
	case n.warn != nil && !n.warn.announced && n.warn.isInForce(at):
		return phaseWarning
	default:
		return phaseTolerated
	}
}

func (n *norm) suspendedAt(at schemas.Micros) *suspension {
	for _, s := range n.suspensions {
		if s.isInForce(at) {
			return s
		}
	}
	return nil
}

// isExcluded reports whether a sighting's lane and direction are excluded from the zone; maybe is true when the
// sighting says too little to tell.
func isExcluded(cam *schemas.Camera, b *schemas.Sighting) (yes, maybe bool) {
	if l := cam.Lane(b.Lane, b.Direction); l != nil && l.LEZExcluded {
		return true, false
	}
	for i := range cam.Lanes {
		l := &cam.Lanes[i]
		lane := l.Number == 0 || b.Lane == 0 || l.Number == b.Lane
		direction := l.Direction == schemas.DirectionUnknown || b.Direction == schemas.DirectionUnknown || l.Direction == b.Direction
		vague := b.Lane == 0 && l.Number != 0 || b.Direction == schemas.DirectionUnknown && l.Direction != schemas.DirectionUnknown
		if l.LEZExcluded && lane && direction && vague {
			return false, true
		}
	}
	return false, false
}

// state compares the register's data with the norm.
type state uint8

const (
	stateNone         state = iota // not assessed
	stateOutOfScope                // no norm for the category and fuel
	stateNotConcerned              // electric, hydrogen
	stateAdmitted                  // reaches the norm
	stateIncomplete                // category or fuel missing
	stateNoEuro                    // no norm registered and none can be assumed
	stateBelow                     // below the norm
)

// phase is the enforcement stage of a norm. Higher is stricter.
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
	doubt    bool // an unknown class or mass decides
	category schemas.Category
	segment  segment
	euro     schemas.Euro
	concern  *datedValue[fuelSet]
	assumed  *datedValue[euroByDate] // the norm was assumed from the first registration
	current  *norm                   // norm on the day
	enforced *norm                   // norm not reached, enforced furthest
	phase    phase
}

// isDisputed reports whether the sources disagree on the norm not reached.
func (a *assessment) isDisputed() bool { return a.enforced != nil && a.enforced.disputed }

// assessVehicle compares a vehicle with the norms, without allocating.
func (r *lez) assessVehicle(v *schemas.Vehicle, at schemas.Micros) assessment {
	var masses *massClasses
	if m := r.cat.masses.inForceAt(at); m != nil {
		masses = &m.v
	}
	segments, n := segmentsOf(v, masses)
	return r.assessIn(v, at, segments, n)
}

// assessDeclared is assessVehicle for an owner's declaration, perhaps without a category.
func (r *lez) assessDeclared(v *schemas.Vehicle, at schemas.Micros) assessment {
	if v.Category == schemas.CategoryUnknown {
		return r.assessIn(v, at, declaredSegments, len(declaredSegments))
	}
	return r.assessVehicle(v, at)
}

// assessIn compares a vehicle with the norms in every possible segment. When the results differ, the strictest stands,
// in doubt.
func (r *lez) assessIn(v *schemas.Vehicle, at schemas.Micros, segments [maxSegments]segment, n int) assessment {
	a := assessment{category: v.Category, euro: v.Euro}
	if int(v.Fuel) >= len(r.cat.norms) {
		a.state = stateIncomplete
		return a
	}
	if c := r.cat.notConcerned.inForceAt(at); c != nil && c.v[v.Fuel] {
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
		doubt := a.doubt || !a.agreesWith(&b)
		if b.isStricterThan(&a) {
			a = b
		}
		a.doubt = doubt
	}
	return a
}

// agreesWith reports whether two assessments lead to the same outcome.
func (a *assessment) agreesWith(b *assessment) bool {
	free := a.state <= stateAdmitted && b.state <= stateAdmitted
	return free || a.state == b.state && a.phase == b.phase && a.isDisputed() == b.isDisputed()
}

// isStricterThan orders two assessments by strictness; between equals the lower norm stands.
func (a *assessment) isStricterThan(b *assessment) bool {
	switch {
	case a.state != b.state:
		return a.state > b.state
	case a.phase != b.phase:
		return a.phase > b.phase
	default:
		return a.enforced != nil && b.enforced != nil && a.enforced.lowest < b.enforced.lowest
	}
}

func (r *lez) assessSegment(v *schemas.Vehicle, at schemas.Micros, s segment) assessment {
	a := assessment{category: v.Category, segment: s, euro: v.Euro}
	stages := r.cat.norms[v.Fuel][s]
	i := len(stages) - 1
	for i >= 0 && !stages[i].isInForce(at) {
		i--
	}
	if i < 0 {
		a.state = stateOutOfScope
		return a
	}
	a.current = stages[i].v
	if a.euro == schemas.EuroUnknown && a.current.lowest != schemas.EuroUnknown && a.current.lowest != banned {
		if a.assumed = r.assumeByDate(v, at); a.assumed == nil {
			a.state = stateNoEuro
			return a
		}
		a.euro = a.assumed.v.euro
	}
	a.state = stateAdmitted
	// While the newest norm is not fined yet, the earlier norms still are. An undisputed norm goes first.
	for ; i >= 0 && !stages[i].v.admitsEuro(a.euro); i-- {
		a.state = stateBelow
		n := stages[i].v
		if p := n.phaseAt(at); p > a.phase || p == a.phase && a.enforced.disputed && !n.disputed {
			a.enforced, a.phase = n, p
		}
	}
	return a
}
