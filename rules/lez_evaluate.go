package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// lezCase is a full evaluation.
type lezCase struct {
	*lez
	b    *decisionBuilder
	s    *Subject
	ref  Reference
	best *schemas.Sighting
	at   schemas.Micros
	day  schemas.Day

	dayText string // day as text in the trace

	vehicle  schemas.Vehicle
	found    bool
	a        assessment
	register schemas.Country      // whose register the finding rests on; zero = none
	duty     *datedValue[foreign] // the duty to register, nil = none
	warned   bool                 // duty warned about, not fined yet
	reason   string               // reason for the offence, if any
}

// Evaluate implements [Evaluator].
func (r *lez) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	best := &s.Passage.Best
	k := &lezCase{lez: r, b: b, s: s, ref: ref, best: best, at: best.CapturedAt, day: best.CapturedAt.Day()}
	k.dayText = k.day.String()
	if !k.addGateClauses() {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	k.lookUpVehicle()
	if !k.findInfringement() || k.countryIsMisread() {
		return
	}
	if k.mayBeDecided() && k.normIsEnforced() {
		k.collectHolds()
		k.proposeOffence()
	}
}

func (k *lezCase) addGateClauses() bool {
	id := ""
	if k.s.Camera != nil {
		id = k.s.Camera.ID
	}
	k.b.addClause(stepLEZCamera, k.isAuthorised(k.s.Camera), id)
	k.b.addClause(stepLEZMoving, !k.s.Passage.Parked)
	k.b.addClause(stepLEZInForce, k.at >= k.cat.from, k.dayText)
	return k.appliesTo(k.s)
}

// lookUpVehicle asks the register and adds the clauses on the answer.
func (k *lezCase) lookUpVehicle() {
	country := k.best.Country
	k.b.addClause(stepLEZCountry, !country.IsZero(), country.String())
	k.vehicle, k.found = k.ref.Vehicle(k.best.Plate, country, k.at)
	if k.found {
		country = k.vehicle.Country
	}
	k.register = country
	k.b.addClause(stepLEZVehicle, k.found, country.String(), k.dayText)
	if a := k.cat.amounts[amountInfringement].inForceAt(k.at); a != nil {
		k.b.d.LegalBasis = a.cite // until something nearer is found
	}
	if !k.found {
		return
	}
	veh := &k.vehicle
	k.a = k.assessVehicle(veh, k.at)
	complete := k.a.state != stateIncomplete && k.a.state != stateNoEuro
	first := ""
	if veh.FirstRegistration != 0 {
		first = veh.FirstRegistration.String()
	}
	k.b.addClause(stepLEZData, complete, veh.Category.String(), veh.Fuel.String(), veh.Euro.String(), first)
	switch {
	case k.a.concern != nil:
		k.b.addDecidingClause(&k.a.concern.provenance, stepLEZConcerned, false, veh.Fuel.String())
	case k.a.state == stateOutOfScope:
		k.b.addClause(stepLEZScope, false, veh.Category.String(), veh.Fuel.String())
	case k.a.current != nil:
		k.addNormClauses()
	}
}

// assessDeclaration uses the owner's declaration for a vehicle unknown to every register.
func (k *lezCase) assessDeclaration(reg *schemas.Registration) {
	k.vehicle = declaredVehicle(reg)
	k.a = k.assessDeclared(&k.vehicle, k.at)
	if k.a.state == stateBelow {
		k.b.addClause(stepLEZDeclared, false, k.vehicle.Category.String(), k.vehicle.Fuel.String(), k.vehicle.Euro.String())
		k.addNormClauses()
	}
}

// addNormClauses adds the clauses on the day's norm and, if different, on the enforced norm.
func (k *lezCase) addNormClauses() {
	veh := &k.vehicle
	if k.a.assumed != nil {
		k.b.addDecidingClause(&k.a.assumed.provenance, stepLEZAssumed, true, k.a.euro.String(), veh.FirstRegistration.String())
	}
	if k.a.state == stateNoEuro {
		return
	}
	clause := func(n *norm) {
		k.b.addDecidingClause(&n.provenance, stepLEZNorm, n.admitsEuro(k.a.euro), k.a.euro.String(), n.lowestText, veh.Fuel.String(), k.a.segment.String())
	}
	k.b.d.LegalBasis = k.a.current.cite
	clause(k.a.current)
	if k.a.enforced != nil && k.a.enforced != k.a.current {
		clause(k.a.enforced)
	}
	if k.a.doubt {
		k.b.addClause(stepLEZClass, false, veh.Category.String())
	}
	if k.a.isDisputed() {
		k.b.addDecidingClause(&k.a.enforced.provenance, stepLEZUndisputed, false, k.a.segment.String())
	}
}

// findInfringement decides whether there is anything against the passage; false = the verdict has been ended.
func (k *lezCase) findInfringement() bool {
	country := k.vehicleCountry()
	k.duty = k.foreignRule(country, k.at)
	if k.duty != nil {
		return k.findForeignInfringement()
	}
	switch k.a.state {
	case stateOutOfScope:
		k.b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return false
	case stateNotConcerned:
		k.b.setOutcome(schemas.OutcomeClear, reasonNotConcerned)
		return false
	case stateAdmitted:
		k.b.setOutcome(schemas.OutcomeClear, reasonAdmitted)
		return false
	case stateBelow:
		k.reason = reasonPolluting
	case stateIncomplete:
		k.b.addHold(reasonVehicleIncomplete, 0)
	case stateNoEuro:
		k.b.addHold(reasonEuroUnknown, 0)
	case stateNone:
		if !country.IsZero() {
			k.holdUnknownVehicle(country)
		}
	}
	if k.best.Country.IsZero() {
		k.b.addHold(reasonCountryUnknown, 0)
	}
	return true
}

// holdUnknownVehicle holds vehicles unknown to the register; a stale copy is named.
func (k *lezCase) holdUnknownVehicle(country schemas.Country) {
	if !k.registerIsFresh(country) {
		k.b.addHold(reasonRegisterStale, 0)
		return
	}
	k.b.addHold(reasonVehicleUnknown, 0)
}

// findForeignInfringement is adverse for a vehicle with the duty to register (DOMAIN 1.5).
func (k *lezCase) findForeignInfringement() bool {
	f := k.duty
	reg, registered := k.lookUpForeign(f, k.best, k.vehicleCountry(), k.ref)
	must := registered && !k.found || f.v.concernsVehicle(k.found, k.a.category, k.best.Kind)
	registered = registered && must
	k.b.addDecidingClause(&f.provenance, stepLEZMustRegister, must, k.vehicleCountry().String())
	k.b.d.LegalBasis = f.cite
	if must {
		last := k.day + schemas.Day(f.v.grace)
		k.b.addDecidingClause(&f.provenance, stepLEZRegistered, registered, last.String())
	}
	if registered && !k.found {
		k.assessDeclaration(&reg)
	}
	below := k.a.state == stateBelow
	switch {
	case !must && !below:
		k.b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return false
	case registered && !below:
		k.b.setOutcome(schemas.OutcomeClear, reasonRegistered)
		return false
	case registered, !must:
		k.reason = reasonPolluting
	default: // the lower amount, also when the vehicle is known to be below the norm
		k.reason = reasonForeign
	}
	if k.best.Country.IsZero() {
		k.b.addHold(reasonCountryUnknown, 0)
	}
	return true
}

// countryIsMisread looks for a misread country. A vehicle clean in another register is clear, whatever country the
// camera read; a vehicle not clean there is held, without a date. true = the verdict has ended.
func (k *lezCase) countryIsMisread() bool {
	if k.found {
		return false
	}
	veh, misread := k.b.findInOtherRegister(k.general, k.ref)
	if !misread {
		return false
	}
	if k.foreignRule(veh.Country, k.at) == nil {
		switch k.assessVehicle(&veh, k.at).state {
		case stateOutOfScope:
			k.b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
			return true
		case stateNotConcerned:
			k.b.setOutcome(schemas.OutcomeClear, reasonNotConcerned)
			return true
		case stateAdmitted:
			k.b.setOutcome(schemas.OutcomeClear, reasonAdmitted)
			return true
		case stateNone, stateIncomplete, stateNoEuro, stateBelow:
		}
	}
	k.b.addHold(reasonCountryDoubtful, 0)
	return false
}

func (k *lezCase) vehicleCountry() schemas.Country {
	if k.best.Country.IsZero() {
		return k.vehicle.Country
	}
	return k.best.Country
}

// mayBeDecided adds the clauses that free the passage of any vehicle; false = the verdict has ended.
func (k *lezCase) mayBeDecided() bool {
	b := k.b
	if !b.clockIsTrusted() {
		b.setOutcome(schemas.OutcomeWithheld, reasonClock)
		return false
	}
	yes, maybe := isExcluded(k.s.Camera, k.best)
	b.addClause(stepLEZLane, !yes && !maybe, strconv.Itoa(int(k.best.Lane)), k.best.Direction.String())
	if yes {
		b.setOutcome(schemas.OutcomeExempt, reasonLaneExcluded)
		return false
	}
	if maybe {
		b.addHold(reasonLaneUnknown, 0)
	}
	if b.applyExemption(k.general, k.ref, k.best.Plate, k.vehicleCountry(), k.day) || k.exemptOldtimer() || k.exemptByBody() {
		return false
	}
	return !k.hasDayPass()
}

// hasDayPass frees a vehicle by the day's pass, or by yesterday's pass when the hour allows; true = the verdict has
// ended.
func (k *lezCase) hasDayPass() bool {
	for _, day := range [...]schemas.Day{k.day, k.day - 1} {
		rule := k.cat.dayPass.inForceAt(day.Start())
		if rule == nil {
			continue
		}
		end := (day + 1).At(rule.v.untilHour)
		if k.at >= end {
			continue
		}
		p, ok := k.ref.DayPass(k.best.Plate, k.vehicleCountry(), day)
		if !ok {
			continue
		}
		if rule.v.fromIssue && p.Issued > k.at {
			k.b.addDecidingClause(&rule.provenance, stepLEZPassIssued, false, day.String(), p.Issued.String())
			continue
		}
		k.b.addClause(stepLEZDayPass, false, k.dayText)
		k.b.addDecidingClause(&rule.provenance, stepLEZPassUntil, true, day.String(), end.String())
		k.b.d.LegalBasis = rule.cite
		k.b.setOutcome(schemas.OutcomeExempt, reasonDayPass)
		return true
	}
	k.b.addClause(stepLEZDayPass, true, k.dayText)
	return false
}

// exemptByBody frees a vehicle with an exempted bodywork in the register; true = the outcome is set.
func (k *lezCase) exemptByBody() bool {
	x := k.general.bodies[bodyKey{familyLEZ, k.vehicle.Body}]
	if !k.found || x == nil {
		return false
	}
	rule := x.series.inForceAt(k.at)
	if rule == nil || rule.v.body != k.vehicle.Body {
		return false
	}
	k.b.addDecidingClause(&rule.provenance, stepLEZBody, true, k.vehicle.Body.String(), rule.v.kind)
	k.b.d.LegalBasis = rule.cite
	k.b.setOutcome(schemas.OutcomeExempt, x.reason)
	return true
}

// exemptOldtimer frees a Belgian vehicle registered as oldtimer and old enough; true = the verdict has ended.
func (k *lezCase) exemptOldtimer() bool {
	rule := k.cat.oldtimer.inForceAt(k.at)
	if !k.found || !k.vehicle.Oldtimer || k.vehicle.Country != schemas.Belgium || rule == nil {
		return false
	}
	first := k.vehicle.FirstRegistration
	years := strconv.Itoa(rule.v)
	if first == 0 {
		k.b.addDecidingClause(&rule.provenance, stepLEZOldtimer, false, years, "")
		k.b.addHold(reasonOldtimerAge, 0)
		return false
	}
	old := first.AddMonths(12*rule.v) <= k.day
	k.b.addDecidingClause(&rule.provenance, stepLEZOldtimer, old, years, first.String())
	if !old {
		return false
	}
	k.b.addClause(stepLEZOldtimerUse, true)
	k.b.d.LegalBasis = rule.cite
	k.b.setOutcome(schemas.OutcomeExempt, reasonExempt+"oldtimer")
	return true
}

// normIsEnforced adds the clauses on the norm's phase; false = the verdict has ended.
func (k *lezCase) normIsEnforced() bool {
	n := k.a.enforced
	if k.reason == reasonForeign {
		return k.dutyIsEnforced()
	}
	if n == nil {
		return true
	}
	b := k.b
	b.d.LegalBasis = n.cite
	if s := n.suspendedAt(k.at); s != nil {
		b.addDecidingClause(&s.provenance, stepLEZSuspended, false, s.day[0], s.day[1])
		b.setOutcome(schemas.OutcomeWithheld, reasonSuspended)
		return false
	}
	if k.a.phase == phaseTolerated {
		if n.warn != nil {
			b.addDecidingClause(n.warn, stepLEZWarnings, false, n.warn.day)
		}
		b.setOutcome(schemas.OutcomeWithheld, reasonTolerated)
		return false
	}
	if n.warn != nil {
		b.addDecidingClause(n.warn, stepLEZWarnings, true, n.warn.day)
	}
	if n.fine != nil {
		b.addDecidingClause(n.fine, stepLEZFines, k.a.phase == phaseFine, n.fine.day)
	}
	return true
}

// dutyIsEnforced reports whether the duty to register is enforced. Fines for the duty begin on a separate day.
func (k *lezCase) dutyIsEnforced() bool {
	f := &k.duty.v
	k.warned = f.warn != nil && !f.warn.announced && f.warn.isInForce(k.at)
	fined := f.fine != nil && !f.fine.announced && f.fine.isInForce(k.at)
	if fined {
		k.warned = false
		return true
	}
	if f.fine != nil {
		k.b.addDecidingClause(f.fine, stepLEZDutyFines, false, f.fine.day)
	}
	if !k.warned {
		k.b.setOutcome(schemas.OutcomeWithheld, reasonDutyTolerated)
	}
	return k.warned
}
