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

// lez is the family of the low emission zone of the Brussels-Capital Region (decree of the Government of 25/01/2018, in
// force since 01/01/2018). A vehicle must reach the norm of its fuel and category on the day it is seen; one registered
// abroad must also be registered for the zone. The candidate's period is the Brussels calendar day.
type lez struct {
	cat     lezRules
	general *general
}

var (
	_ Family    = (*lez)(nil)
	_ Evaluator = (*lez)(nil)
)

var lezClauses clauseList

// The clauses. The arguments are described by the placeholders of the messages.
var (
	stepLEZCamera       = lezClauses.add("lez.camera", 1)
	stepLEZMoving       = lezClauses.add("lez.moving", 0)
	stepLEZInForce      = lezClauses.add("lez.in_force", 1)
	stepLEZCountry      = lezClauses.add("lez.country", 1)
	stepLEZVehicle      = lezClauses.add("lez.vehicle", 2)
	stepLEZData         = lezClauses.add("lez.data", 4)
	stepLEZConcerned    = lezClauses.add("lez.concerned", 1)
	stepLEZScope        = lezClauses.add("lez.scope", 2)
	stepLEZAssumed      = lezClauses.add("lez.assumed", 2)
	stepLEZNorm         = lezClauses.add("lez.norm", 4)
	stepLEZSuspended    = lezClauses.add("lez.not_suspended", 2)
	stepLEZWarnings     = lezClauses.add("lez.warnings", 1)
	stepLEZFines        = lezClauses.add("lez.fines", 1)
	stepLEZMustRegister = lezClauses.add("lez.must_register", 1)
	stepLEZRegistered   = lezClauses.add("lez.registered", 1)
	stepLEZLane         = lezClauses.add("lez.lane", 2)
	stepLEZOldtimer     = lezClauses.add("lez.oldtimer", 2)
	stepLEZOldtimerUse  = lezClauses.add("lez.oldtimer_use", 0)
	stepLEZDayPass      = lezClauses.add("lez.day_pass", 1)
	stepLEZPassClosed   = lezClauses.add("lez.pass_closed", 2)
	stepLEZPassUntil    = lezClauses.add("lez.pass_until", 2)
	stepLEZPassIssued   = lezClauses.add("lez.pass_issued", 2)
	stepLEZPassYear     = lezClauses.add("lez.pass_year", 2)
	stepLEZClass        = lezClauses.add("lez.class", 1)
	stepLEZUndisputed   = lezClauses.add("lez.undisputed", 1)
	stepLEZDeclared     = lezClauses.add("lez.declared", 3)
	stepLEZDutyFines    = lezClauses.add("lez.duty_fines", 1)
	stepLEZBody         = lezClauses.add("lez.body", 2)
	stepLEZFresh        = lezClauses.add("lez.fresh", 3)
	stepLEZAmount       = lezClauses.add("lez.amount", 1)
	stepLEZRepeat       = lezClauses.add("lez.repeat", 3)
)

// The reasons of its own.
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
	return Compiled{Passage: r, Never: !r.authorises(cam)}
}

// applies reports whether the camera may find LEZ infringements and saw a vehicle drive in the zone while it is in force.
func (r *lez) applies(s *Subject) bool {
	return r.authorises(s.Camera) && !s.Passage.Parked && s.Passage.Best.CapturedAt >= r.cat.from
}

// authorises reports whether the camera stands in the zone and may find infringements of it.
func (r *lez) authorises(cam *schemas.Camera) bool {
	return cam != nil && cam.InsideLEZ && cam.Purposes.Has(lezPurpose)
}

// Precheck implements [Evaluator].
func (r *lez) Precheck(s *Subject, ref Reference) Precheck {
	if !r.applies(s) {
		return NotApplicable
	}
	b := &s.Passage.Best
	at := b.CapturedAt
	veh, found := ref.Vehicle(b.Plate, b.Country, at)
	var a assessment
	if found {
		a = r.assess(&veh, at)
	}
	country := b.Country
	if country.IsZero() {
		country = veh.Country
	}
	if f := r.foreign(country, at); f != nil {
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

// precheckForeign is the precheck for a vehicle that has to register.
func (r *lez) precheckForeign(f *datedValue[foreign], s *Subject, ref Reference, found bool, a *assessment) Precheck {
	b := &s.Passage.Best
	if b.Country.IsZero() || a.state == stateBelow {
		return Evaluate
	}
	reg, registered := r.registered(f, b, b.Country, ref)
	switch {
	case registered && !found:
		declared := declaredVehicle(&reg)
		if d := r.assessDeclared(&declared, b.CapturedAt); d.state == stateBelow {
			return Evaluate
		}
		return Clear
	case !f.v.concerns(found, a.category, b.Kind):
		return NotApplicable
	case registered:
		return Clear
	default:
		return Evaluate
	}
}

// declaredVehicle is what the owner of a vehicle registered abroad declared of it.
func declaredVehicle(reg *schemas.Registration) schemas.Vehicle {
	return schemas.Vehicle{Country: reg.Country, Category: reg.Category, Class: reg.Class, Fuel: reg.Fuel, Euro: reg.Euro}
}

// concerns reports whether a vehicle must register: by its category when a register gave it, else by what the camera saw.
func (f *foreign) concerns(found bool, c schemas.Category, k schemas.VehicleKind) bool {
	if found && c != schemas.CategoryUnknown && int(c) < len(f.categories) {
		return f.categories[c]
	}
	return int(k) < len(f.kinds) && f.kinds[k]
}

// foreign returns the duty to register of a country's vehicles, or nil: Belgium, an unknown country, a country whose
// register is read directly, or a time without the duty.
func (r *lez) foreign(c schemas.Country, at schemas.Micros) *datedValue[foreign] {
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

// registered returns the registration of the vehicle on the day of the passage or within the days of grace after.
func (r *lez) registered(f *datedValue[foreign], b *schemas.Sighting, c schemas.Country, ref Reference) (schemas.Registration, bool) {
	day := b.CapturedAt.Day()
	for i := range schemas.Day(f.v.grace + 1) {
		if reg, ok := ref.Registration(b.Plate, c, day+i); ok {
			return reg, true
		}
	}
	return schemas.Registration{}, false
}

// assume finds the norm that goes with the first registration, or nil.
func (r *lez) assume(v *schemas.Vehicle, at schemas.Micros) *datedValue[euroByDate] {
	if v.FirstRegistration == 0 {
		return nil
	}
	rows := r.cat.euroByDate[v.Category]
	for i := range rows {
		if x := &rows[i]; x.covers(at) && v.FirstRegistration >= x.v.from && v.FirstRegistration < x.v.to {
			return x
		}
	}
	return nil
}

func (n *norm) phaseAt(at schemas.Micros) phase {
	switch {
	case n.suspendedAt(at) != nil:
		return phaseSuspended
	case n.fine != nil && !n.fine.announced && n.fine.covers(at):
		return phaseFine
	case n.warn != nil && !n.warn.announced && n.warn.covers(at):
		return phaseWarning
	default:
		return phaseTolerated
	}
}

func (n *norm) suspendedAt(at schemas.Micros) *suspension {
	for _, s := range n.suspensions {
		if s.covers(at) {
			return s
		}
	}
	return nil
}

// excluded reports whether lane and direction of a sighting are excluded from the zone; maybe is true when the sighting does
// not say enough to exclude that they are.
func excluded(cam *schemas.Camera, b *schemas.Sighting) (yes, maybe bool) {
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
	concern  *datedValue[fuelSet]
	assumed  *datedValue[euroByDate] // the norm was assumed from the first registration
	current  *norm                   // the norm of the day
	enforced *norm                   // below: the one that is enforced furthest
	phase    phase
}

// disputed reports whether the norm the vehicle is below is one the sources do not agree on.
func (a *assessment) disputed() bool { return a.enforced != nil && a.enforced.disputed }

// assess compares a vehicle with the norms. It does not allocate.
func (r *lez) assess(v *schemas.Vehicle, at schemas.Micros) assessment {
	var masses *massClasses
	if m := r.cat.masses.inForceAt(at); m != nil {
		masses = &m.v
	}
	segments, n := segmentsOf(v, masses)
	return r.assessIn(v, at, segments, n)
}

// assessDeclared is assess for what an owner declared, who may have left the category out.
func (r *lez) assessDeclared(v *schemas.Vehicle, at schemas.Micros) assessment {
	if v.Category == schemas.CategoryUnknown {
		return r.assessIn(v, at, declaredSegments, len(declaredSegments))
	}
	return r.assess(v, at)
}

// assessIn compares a vehicle with the norms of each segment it may be in. When they do not agree, the strictest stands and is
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

func (r *lez) assessSegment(v *schemas.Vehicle, at schemas.Micros, s segment) assessment {
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
