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
	if !k.adverse() {
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
		k.v.cite(&n.meta, stepLEZNorm, n.admits(k.a.euro), k.a.euro.String(), n.lowestText, veh.Fuel.String(), veh.Category.String())
	}
	k.v.d.LegalBasis = k.a.current.cite
	clause(k.a.current)
	if k.a.enforced != nil && k.a.enforced != k.a.current {
		clause(k.a.enforced)
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
	must := f.v.concerns(k.found, k.a.category, k.b.Kind)
	k.v.cite(&f.meta, stepLEZMustRegister, must, k.vehicleCountry().String())
	k.v.d.LegalBasis = f.cite
	below := k.a.state == stateBelow
	registered := must && k.registered(f, k.b, k.vehicleCountry(), k.ref)
	if must {
		last := k.day + schemas.Day(f.v.grace)
		k.v.cite(&f.meta, stepLEZRegistered, registered, last.String())
	}
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
	if v.exempt(k.general, k.ref, k.b.Plate, k.vehicleCountry(), k.day) || k.oldtimer() {
		return false
	}
	_, pass := k.ref.DayPass(k.b.Plate, k.vehicleCountry(), k.day)
	v.note(stepLEZDayPass, !pass, k.dayText)
	if pass {
		v.end(schemas.OutcomeExempt, reasonDayPass)
		return false
	}
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
	if n == nil || k.reason == reasonForeign {
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
