package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// lezCase is one full evaluation.
type lezCase struct {
	lez
	v   *verdict
	s   *Subject
	ref Reference
	b   *schemas.Sighting
	at  schemas.Micros
	day schemas.Day

	dayText string // as the trace has it

	vehicle  schemas.Vehicle
	found    bool
	a        assessment
	register schemas.Country // whose register the finding rests on; zero = none
	duty     *entry[foreign] // the duty to register, nil = none
	warned   bool            // the duty is warned of and not fined yet
	reason   string          // of the offence, when there is one
}

func (r lez) full(v *verdict, s *Subject, ref Reference) {
	b := &s.Passage.Best
	k := &lezCase{lez: r, v: v, s: s, ref: ref, b: b, at: b.CapturedAt, day: b.CapturedAt.Day()}
	k.dayText = k.day.String()
	if !k.applicable() {
		v.end(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	k.look()
	if !k.adverse() || k.misread() {
		return
	}
	if k.trusted() && k.enforced() {
		k.weigh()
		k.propose()
	}
}

func (k *lezCase) applicable() bool {
	id := ""
	if k.s.Camera != nil {
		id = k.s.Camera.ID
	}
	authorised := k.s.Camera != nil && k.s.Camera.InsideLEZ && k.s.Camera.Purposes.Has(schemas.PurposeLEZ)
	k.v.note(stepLEZCamera, authorised, id)
	k.v.note(stepLEZMoving, !k.s.Passage.Parked)
	k.v.note(stepLEZInForce, k.at >= k.cat.from, k.dayText)
	return k.applies(k.s)
}

// look asks the register and adds the clauses on what it answers.
func (k *lezCase) look() {
	country := k.b.Country
	k.v.note(stepLEZCountry, !country.IsZero(), country.String())
	k.vehicle, k.found = k.ref.Vehicle(k.b.Plate, country, k.at)
	if k.found {
		country = k.vehicle.Country
	}
	k.register = country
	k.v.note(stepLEZVehicle, k.found, country.String(), k.dayText)
	if a := k.cat.amounts[amountInfringement].at(k.at); a != nil {
		k.v.d.LegalBasis = a.cite // until something nearer is found
	}
	if !k.found {
		return
	}
	veh := &k.vehicle
	k.a = k.assess(veh, k.at)
	complete := k.a.state != stateIncomplete && k.a.state != stateNoEuro
	first := ""
	if veh.FirstRegistration != 0 {
		first = veh.FirstRegistration.String()
	}
	k.v.note(stepLEZData, complete, veh.Category.String(), veh.Fuel.String(), veh.Euro.String(), first)
	switch {
	case k.a.concern != nil:
		k.v.cite(&k.a.concern.meta, stepLEZConcerned, false, veh.Fuel.String())
	case k.a.state == stateOutOfScope:
		k.v.note(stepLEZScope, false, veh.Category.String(), veh.Fuel.String())
	case k.a.current != nil:
		k.norm()
	}
}

// declare takes what the owner declared at the registration for a vehicle that no register knows.
func (k *lezCase) declare(reg *schemas.Registration) {
	k.vehicle = declaredVehicle(reg)
	k.a = k.assessDeclared(&k.vehicle, k.at)
	if k.a.state == stateBelow {
		k.v.note(stepLEZDeclared, false, k.vehicle.Category.String(), k.vehicle.Fuel.String(), k.vehicle.Euro.String())
		k.norm()
	}
}

// norm adds the clauses on the norm of the day and, when another is the one enforced, on that.
func (k *lezCase) norm() {
	veh := &k.vehicle
	if k.a.assumed != nil {
		k.v.cite(&k.a.assumed.meta, stepLEZAssumed, true, k.a.euro.String(), veh.FirstRegistration.String())
	}
	if k.a.state == stateNoEuro {
		return
	}
	clause := func(n *norm) {
		k.v.cite(&n.meta, stepLEZNorm, n.admits(k.a.euro), k.a.euro.String(), n.lowestText, veh.Fuel.String(), k.a.segment.String())
	}
	k.v.d.LegalBasis = k.a.current.cite
	clause(k.a.current)
	if k.a.enforced != nil && k.a.enforced != k.a.current {
		clause(k.a.enforced)
	}
	if k.a.doubt {
		k.v.note(stepLEZClass, false, veh.Category.String())
	}
	if k.a.disputed() {
		k.v.cite(&k.a.enforced.meta, stepLEZUndisputed, false, k.a.segment.String())
	}
}

// adverse decides whether there is anything against the passage; false = the verdict has been ended.
func (k *lezCase) adverse() bool {
	country := k.vehicleCountry()
	k.duty = k.foreign(country, k.at)
	if k.duty != nil {
		return k.adverseForeign()
	}
	switch k.a.state {
	case stateOutOfScope:
		k.v.end(schemas.OutcomeClear, reasonNotApplicable)
		return false
	case stateNotConcerned:
		k.v.end(schemas.OutcomeClear, reasonNotConcerned)
		return false
	case stateAdmitted:
		k.v.end(schemas.OutcomeClear, reasonAdmitted)
		return false
	case stateBelow:
		k.reason = reasonPolluting
	case stateIncomplete:
		k.v.hold(reasonVehicleIncomplete, 0)
	case stateNoEuro:
		k.v.hold(reasonEuroUnknown, 0)
	case stateNone:
		if !country.IsZero() {
			k.missing(country)
		}
	}
	if k.b.Country.IsZero() {
		k.v.hold(reasonCountryUnknown, 0)
	}
	return true
}

// missing holds what the register does not know; a stale copy is named as such.
func (k *lezCase) missing(country schemas.Country) {
	if !k.fresh(country) {
		k.v.hold(reasonRegisterStale, 0)
		return
	}
	k.v.hold(reasonVehicleUnknown, 0)
}

// adverseForeign is adverse for a vehicle with the duty to register (DOMAIN 1.5).
func (k *lezCase) adverseForeign() bool {
	f := k.duty
	reg, registered := k.registered(f, k.b, k.vehicleCountry(), k.ref)
	must := registered && !k.found || f.v.concerns(k.found, k.a.category, k.b.Kind)
	registered = registered && must
	k.v.cite(&f.meta, stepLEZMustRegister, must, k.vehicleCountry().String())
	k.v.d.LegalBasis = f.cite
	if must {
		last := k.day + schemas.Day(f.v.grace)
		k.v.cite(&f.meta, stepLEZRegistered, registered, last.String())
	}
	if registered && !k.found {
		k.declare(&reg)
	}
	below := k.a.state == stateBelow
	switch {
	case !must && !below:
		k.v.end(schemas.OutcomeClear, reasonNotApplicable)
		return false
	case registered && !below:
		k.v.end(schemas.OutcomeClear, reasonRegistered)
		return false
	case registered, !must:
		k.reason = reasonPolluting
	default: // the lower amount, also when the vehicle is known to be below the norm
		k.reason = reasonForeign
	}
	if k.b.Country.IsZero() {
		k.v.hold(reasonCountryUnknown, 0)
	}
	return true
}

// misread looks whether the country was misread. A vehicle that another register knows and that is clean there is clear, whatever the camera
// took its country for; one that is not is held, without a date. true = the verdict has been ended.
func (k *lezCase) misread() bool {
	if k.found {
		return false
	}
	veh, misread := k.v.elsewhere(k.general, k.ref)
	if !misread {
		return false
	}
	if k.foreign(veh.Country, k.at) == nil {
		switch k.assess(&veh, k.at).state {
		case stateOutOfScope:
			k.v.end(schemas.OutcomeClear, reasonNotApplicable)
			return true
		case stateNotConcerned:
			k.v.end(schemas.OutcomeClear, reasonNotConcerned)
			return true
		case stateAdmitted:
			k.v.end(schemas.OutcomeClear, reasonAdmitted)
			return true
		case stateNone, stateIncomplete, stateNoEuro, stateBelow:
		}
	}
	k.v.hold(reasonCountryDoubtful, 0)
	return false
}

func (k *lezCase) vehicleCountry() schemas.Country {
	if k.b.Country.IsZero() {
		return k.vehicle.Country
	}
	return k.b.Country
}

// trusted adds the clauses that free the passage whatever the vehicle is; false = the verdict has been ended.
func (k *lezCase) trusted() bool {
	v := k.v
	if !v.clockTrusted() {
		v.end(schemas.OutcomeWithheld, reasonClock)
		return false
	}
	yes, maybe := excluded(k.s.Camera, k.b)
	v.note(stepLEZLane, !yes && !maybe, strconv.Itoa(int(k.b.Lane)), k.b.Direction.String())
	if yes {
		v.end(schemas.OutcomeExempt, reasonLaneExcluded)
		return false
	}
	if maybe {
		v.hold(reasonLaneUnknown, 0)
	}
	if v.exempt(k.general, k.ref, k.b.Plate, k.vehicleCountry(), k.day) || k.oldtimer() || k.body() {
		return false
	}
	return !k.passed()
}

// passed frees a vehicle with a day pass of its day, or of the day before when that one still counts at this hour; true = the
// verdict was ended.
func (k *lezCase) passed() bool {
	for _, day := range [...]schemas.Day{k.day, k.day - 1} {
		rule := k.cat.dayPass.at(day.Start())
		if rule == nil {
			continue
		}
		end := (day + 1).At(rule.v.untilHour)
		if k.at >= end {
			continue
		}
		p, ok := k.ref.DayPass(k.b.Plate, k.vehicleCountry(), day)
		if !ok {
			continue
		}
		if rule.v.fromIssue && p.Issued > k.at {
			k.v.cite(&rule.meta, stepLEZPassIssued, false, day.String(), p.Issued.String())
			continue
		}
		k.v.note(stepLEZDayPass, false, k.dayText)
		k.v.cite(&rule.meta, stepLEZPassUntil, true, day.String(), end.String())
		k.v.d.LegalBasis = rule.cite
		k.v.end(schemas.OutcomeExempt, reasonDayPass)
		return true
	}
	k.v.note(stepLEZDayPass, true, k.dayText)
	return false
}

// body frees a vehicle whose bodywork the register shows and the catalogue exempts; true = the verdict was ended.
func (k *lezCase) body() bool {
	if !k.found || int(k.vehicle.Body) >= len(k.general.bodies) {
		return false
	}
	x := k.general.bodies[k.vehicle.Body]
	if x == nil {
		return false
	}
	rule := x.series.at(k.at)
	if rule == nil || rule.v.body != k.vehicle.Body {
		return false
	}
	k.v.cite(&rule.meta, stepLEZBody, true, k.vehicle.Body.String(), rule.v.kind)
	k.v.d.LegalBasis = rule.cite
	k.v.end(schemas.OutcomeExempt, x.reason)
	return true
}

// oldtimer frees a Belgian vehicle the register knows as oldtimer and that is old enough; true = the verdict was ended.
func (k *lezCase) oldtimer() bool {
	rule := k.cat.oldtimer.at(k.at)
	if !k.found || !k.vehicle.Oldtimer || k.vehicle.Country != schemas.Belgium || rule == nil {
		return false
	}
	first := k.vehicle.FirstRegistration
	years := strconv.Itoa(rule.v)
	if first == 0 {
		k.v.cite(&rule.meta, stepLEZOldtimer, false, years, "")
		k.v.hold(reasonOldtimerAge, 0)
		return false
	}
	old := first.AddMonths(12*rule.v) <= k.day
	k.v.cite(&rule.meta, stepLEZOldtimer, old, years, first.String())
	if !old {
		return false
	}
	k.v.note(stepLEZOldtimerUse, true)
	k.v.d.LegalBasis = rule.cite
	k.v.end(schemas.OutcomeExempt, reasonExempt+"oldtimer")
	return true
}

// enforced adds the clauses on the phase of the norm; false = the verdict has been ended.
func (k *lezCase) enforced() bool {
	n := k.a.enforced
	if k.reason == reasonForeign {
		return k.dutyEnforced()
	}
	if n == nil {
		return true
	}
	v := k.v
	v.d.LegalBasis = n.cite
	if s := n.suspendedAt(k.at); s != nil {
		v.cite(&s.meta, stepLEZSuspended, false, s.day[0], s.day[1])
		v.end(schemas.OutcomeWithheld, reasonSuspended)
		return false
	}
	if k.a.phase == phaseTolerated {
		if n.warn != nil {
			v.cite(n.warn, stepLEZWarnings, false, n.warn.day)
		}
		v.end(schemas.OutcomeWithheld, reasonTolerated)
		return false
	}
	if n.warn != nil {
		v.cite(n.warn, stepLEZWarnings, true, n.warn.day)
	}
	if n.fine != nil {
		v.cite(n.fine, stepLEZFines, k.a.phase == phaseFine, n.fine.day)
	}
	return true
}

// dutyEnforced is enforced for the duty to register, whose fines have a day of their own.
func (k *lezCase) dutyEnforced() bool {
	f := &k.duty.v
	k.warned = f.warn != nil && !f.warn.announced && f.warn.covers(k.at)
	fined := f.fine != nil && !f.fine.announced && f.fine.covers(k.at)
	if fined {
		k.warned = false
		return true
	}
	if f.fine != nil {
		k.v.cite(f.fine, stepLEZDutyFines, false, f.fine.day)
	}
	if !k.warned {
		k.v.end(schemas.OutcomeWithheld, reasonDutyTolerated)
	}
	return k.warned
}
