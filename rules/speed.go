package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleSpeed is the rule for a speed measured by a fixed device.
const RuleSpeed schemas.RuleID = "bru.speed.fixed"

const (
	familySpeed  schemas.Family        = "speed"
	speedPurpose schemas.CameraPurpose = 1 << 1
)

// The words of the section rounding.
const (
	roundDown = "down_to_kmh"
	roundNone = "none"
)

// speed is the family for speed offences measured by a fixed device. Art. 62 of the law of 16/03/1968 lets the device
// establish offences. RD 12/10/2010 gives the correction of the measured speed and requires a valid certificate. RD
// 19/04/2014 gives the amounts for immediate collection, and the cases that go to the prosecutor instead. The
// catalogue has the numbers.
type speed struct {
	speedRules
}

var (
	_ Family    = (*speed)(nil)
	_ Evaluator = (*speed)(nil)
)

// speedClauses lists the clauses about a speed, shared with the control of average speeds; fixedClauses those about a
// measurement at one place.
var speedClauses, fixedClauses clauseList

// The clauses. The placeholders in the messages describe the arguments.
var (
	stepSpeedCamera       = fixedClauses.addClause("speed.camera", 1)
	stepSpeedMeasured     = fixedClauses.addClause("speed.measured", 2)
	stepSpeedInForce      = speedClauses.addClause("speed.in_force", 1)
	stepSpeedLimit        = speedClauses.addClause("speed.limit", 2)
	stepSpeedNoLimit      = fixedClauses.addClause("speed.no_limit", 2)
	stepSpeedCorrection   = speedClauses.addClause("speed.correction", 3)
	stepSpeedRounding     = speedClauses.addClause("speed.rounding", 1)
	stepSpeedOver         = speedClauses.addClause("speed.over", 2)
	stepSpeedCertificate  = fixedClauses.addClause("speed.certificate", 4)
	stepSpeedNoCert       = speedClauses.addClause("speed.no_certificate", 1)
	stepSpeedTariff       = speedClauses.addClause("speed.tariff", 2)
	stepSpeedNoTariff     = speedClauses.addClause("speed.no_tariff", 1)
	stepSpeedTotal        = speedClauses.addClause("speed.total", 2)
	stepSpeedExcess       = speedClauses.addClause("speed.excess", 2)
	stepSpeedOne          = fixedClauses.addClause("speed.one_offence", 2)
	stepSpeedLate         = fixedClauses.addClause("speed.late", 0)
	stepSpeedClass        = speedClauses.addClause("speed.class", 2)
	stepSpeedClassUnsure  = speedClauses.addClause("speed.class_unsure", 3)
	stepSpeedClassUnknown = speedClauses.addClause("speed.class_unknown", 2)
	stepSpeedSign         = speedClauses.addClause("speed.sign", 0)
	stepSpeedPlausible    = speedClauses.addClause("speed.plausible", 2)
	stepSpeedNoSection    = fixedClauses.addClause("speed.no_section", 1)
)

// Reasons specific to the family.
const (
	reasonLimitKept         = "limit_kept"
	reasonCollection        = "immediate_collection"
	reasonProsecutor        = "prosecutor"
	reasonNoLimit           = "no_limit"
	reasonNoCertificate     = "no_certificate"
	reasonNoTariff          = "no_tariff"
	reasonSpeedClassUnknown = "speed_class_unknown"
	reasonSpeedClassUnsure  = "speed_class_unsure"
	reasonSignUnknown       = "sign_unknown"
	reasonImplausible       = "speed_implausible"
	reasonSectionActive     = "section_active"
)

// speedReasons and speedTodo are shared with the control of average speeds.
var (
	speedReasons = []string{
		reasonLimitKept,
		reasonCollection,
		reasonProsecutor,
		reasonNoLimit,
		reasonNoCertificate,
		reasonNoTariff,
		reasonSpeedClassUnknown,
		reasonSpeedClassUnsure,
		reasonSignUnknown,
		reasonImplausible,
	}
	speedTodo = map[string]string{
		reasonSpeedClassUnknown: "vehicle",
		reasonSpeedClassUnsure:  "vehicle",
		reasonSignUnknown:       "camera",
		reasonImplausible:       "camera",
	}
)

var speedInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familySpeed, Rule: RuleSpeed, Purpose: speedPurpose, DecidedOn: MeasuredSighting, Period: PeriodMeasurement, Stragglers: true, Force: ForceSanction,
		Measures: []schemas.MeasureName{schemas.MeasuredSpeed, schemas.CorrectedSpeed, schemas.AllowedSpeed},
		Reasons:  slices.Concat(sharedReasons, speedReasons, []string{reasonSectionActive}),
		Clauses:  slices.Concat(sharedClauses, speedClauses, fixedClauses),
		Todo:     withShared(speedTodo),
	}
})

// Info implements [Family].
func (*speed) Info() *Info { return speedInfo() }

// Compile implements [Family].
func (r *speed) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// appliesTo reports whether a moving vehicle has a speed measured by an authorised camera.
func (r *speed) appliesTo(s *Subject) bool {
	m := &s.Passage.Measured
	return !m.Read.IsZero() && m.Speed > 0 && !s.Passage.Parked &&
		r.isAuthorised(s.MeasuredBy)
}

// isAuthorised reports whether the camera may establish a speed.
func (r *speed) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(speedPurpose)
}

// Precheck implements [Evaluator].
func (r *speed) Precheck(s *Subject, ref Reference) Precheck {
	if !r.appliesTo(s) {
		return NotApplicable
	}
	m := &s.Passage.Measured
	c := r.correction.inForceAt(m.CapturedAt)
	if c == nil {
		return NotApplicable
	}
	limit := limitOf(s.MeasuredBy, m)
	if limit == nil {
		return Evaluate
	}
	corrected, _ := r.correctSpeed(&c.v, m.Speed, m.CapturedAt)
	if corrected > limit.Limit {
		return Evaluate
	}
	if l, ok := r.lowest[limit.Surround]; !ok || corrected <= l {
		return Clear
	}
	veh, _ := ref.Vehicle(m.Plate, m.Country, m.CapturedAt)
	if e, _ := r.classAt(veh.Category, m.Kind, limit.Surround, m.CapturedAt); e != nil && corrected > e.v.lowestLimit() {
		return Evaluate
	}
	return Clear
}

// limitOf returns the lane's limit at the time of capture.
func limitOf(cam *schemas.Camera, m *schemas.Sighting) *schemas.SpeedLimit {
	lane := cam.Lane(m.Lane, m.Direction)
	if lane == nil {
		return nil
	}
	return limitAt(lane.Limits, m.CapturedAt)
}

// limitAt returns the limit at an instant. A limit for certain hours goes before a limit for all hours. Between two
// overlapping limits, the higher counts.
func limitAt(limits []schemas.SpeedLimit, at schemas.Micros) *schemas.SpeedLimit {
	var best *schemas.SpeedLimit
	for i := range limits {
		l := &limits[i]
		if !l.CoversAt(at) {
			continue
		}
		if best == nil || best.Hours.Always() && !l.Hours.Always() || best.Hours.Always() == l.Hours.Always() && l.Limit > best.Limit {
			best = l
		}
	}
	return best
}

// correctSpeed applies the legal margin and the rounding to a speed measured at an instant. The returned rounding is
// nil if there was nothing to round.
func (r *speedRules) correctSpeed(c *correction, measured schemas.Speed, at schemas.Micros) (schemas.Speed, *datedValue[string]) {
	thousandths := int64(measured-c.below) * 100 // thousandths of km/h
	if measured > c.boundary {
		thousandths = int64(measured) * (100 - c.percent)
	}
	thousandths = max(thousandths, 0)
	round := r.rounding.inForceAt(at)
	if round != nil && round.v == roundDown {
		if thousandths%1000 == 0 {
			round = nil
		}
		return schemas.Speed(thousandths / 1000 * 10), round
	}
	return schemas.Speed(thousandths / 100), nil
}

// Evaluate implements [Evaluator].
func (r *speed) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	m := &s.Passage.Measured
	id := ""
	if s.MeasuredBy != nil {
		id = s.MeasuredBy.ID
	}
	b.addClause(stepSpeedCamera, r.isAuthorised(s.MeasuredBy), id)
	b.addClause(stepSpeedMeasured, !m.Read.IsZero() && m.Speed > 0 && !s.Passage.Parked, formatSpeed(m.Speed), m.CapturedAt.String())
	if !r.appliesTo(s) {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if s.Straggler {
		b.addClause(stepSpeedLate, true)
	}
	c := r.correction.inForceAt(m.CapturedAt)
	if c == nil {
		b.addClause(stepSpeedInForce, false, m.CapturedAt.Day().String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	b.addMeasure(schemas.MeasuredSpeed, int64(m.Speed))
	b.d.LegalBasis = c.cite
	limit := limitOf(s.MeasuredBy, m)
	if limit == nil {
		b.addClause(stepSpeedNoLimit, false, strconv.Itoa(int(m.Lane)), m.Direction.String())
		b.setOutcome(schemas.OutcomeWithheld, reasonNoLimit)
		return
	}
	vehicle, _ := ref.Vehicle(m.Plate, m.Country, m.CapturedAt)
	allowed := r.findAllowedSpeed(b, c, limit, measuredSpeed{m.Speed, m.CapturedAt, m.Kind, vehicle.Category})
	if !r.isOverLimit(b, allowed) {
		b.setOutcome(schemas.OutcomeClear, reasonLimitKept)
		return
	}
	if over := s.MeasuredBy.SectionOver(m.Lane, m.Direction, m.CapturedAt); over != nil {
		b.addClause(stepSpeedNoSection, false, over.ID)
		b.setOutcome(schemas.OutcomeWithheld, reasonSectionActive)
		return
	}
	if r.mayDecide(b, s, ref, vehicle.Category) {
		if limit.Variable {
			b.addClause(stepSpeedSign, false)
			b.addHold(reasonSignUnknown, 0)
		}
		r.proposeOffence(b, s, limit, allowed)
	}
}

// measuredSpeed is a speed to be judged, with what chooses the values.
type measuredSpeed struct {
	speed    schemas.Speed
	at       schemas.Micros
	kind     schemas.VehicleKind // as a camera saw it
	category schemas.Category    // of the register
}

// findAllowedSpeed adds the clauses on limit, class limit and correction, and returns the lower limit. The class comes
// from the register. There are two doubtful cases: the register has no class, but the camera saw such a vehicle; or
// the class limit depends on data that the register lacks. In both cases, an excess over the lower limit is held.
func (r *speedRules) findAllowedSpeed(b *decisionBuilder, c *datedValue[correction], limit *schemas.SpeedLimit, m measuredSpeed) schemas.Speed {
	b.d.Trace = append(b.d.Trace, schemas.Step{
		Code: stepSpeedLimit.Key, Holds: true, Args: b.copyArgs([]string{formatSpeed(limit.Limit), limit.Surround}),
		Basis: limit.LegalBasis, Verified: limit.Verified,
	})
	b.d.Verified = b.d.Verified && limit.Verified
	allowed := limit.Limit
	corrected, round := r.correctSpeed(&c.v, m.speed, m.at)
	b.addMeasure(schemas.CorrectedSpeed, int64(corrected))
	if e, guessed := r.classAt(m.category, m.kind, limit.Surround, m.at); e != nil && e.v.lowestLimit() < limit.Limit {
		switch {
		case guessed:
			b.addDecidingClause(&e.provenance, stepSpeedClassUnknown, false, m.kind.String(), formatSpeed(e.v.limit))
			if corrected > e.v.lowestLimit() {
				b.addHold(reasonSpeedClassUnknown, 0)
			}
			if corrected <= limit.Limit {
				allowed = e.v.lowestLimit()
			}
		case corrected > e.v.lowestLimit() && corrected <= min(e.v.limit, limit.Limit):
			allowed = e.v.lowestLimit()
			b.addDecidingClause(&e.provenance, stepSpeedClassUnsure, false, m.category.String(), formatSpeed(e.v.lowestLimit()), formatSpeed(e.v.limit))
			b.addHold(reasonSpeedClassUnsure, 0)
		default:
			allowed = min(e.v.limit, limit.Limit)
			b.addDecidingClause(&e.provenance, stepSpeedClass, true, m.category.String(), formatSpeed(e.v.limit))
		}
	}
	b.addMeasure(schemas.AllowedSpeed, int64(allowed))
	margin, unit := strconv.FormatInt(int64(c.v.below)/10, 10), "kmh"
	if m.speed > c.v.boundary {
		margin, unit = strconv.FormatInt(c.v.percent, 10), "percent"
	}
	b.addDecidingClause(&c.provenance, stepSpeedCorrection, true, formatSpeed(m.speed), margin, unit)
	if round != nil {
		b.addDecidingClause(&round.provenance, stepSpeedRounding, true, formatSpeed(corrected))
	}
	return allowed
}

// isOverLimit adds the clause on the excess and reports whether there is an excess.
func (r *speedRules) isOverLimit(b *decisionBuilder, allowed schemas.Speed) bool {
	corrected := b.d.Speed(schemas.CorrectedSpeed)
	b.addClause(stepSpeedOver, corrected > allowed, formatSpeed(corrected), formatSpeed(allowed))
	return corrected > allowed
}

// mayDecide adds the clauses that can stop or hold an excess; false = another outcome is already set.
func (r *speed) mayDecide(b *decisionBuilder, s *Subject, ref Reference, category schemas.Category) bool {
	at := b.d.On.CapturedAt
	if !b.clockIsTrusted() { // the excess stands, only the time is doubtful: an officer may still find the time
		b.addHold(reasonClock, 0)
	}
	cert := s.MeasuredBy.CertificateAt(at)
	if cert == nil {
		b.addClause(stepSpeedNoCert, false, at.Day().String())
		b.setOutcome(schemas.OutcomeWithheld, reasonNoCertificate)
		return false
	}
	b.addClause(stepSpeedCertificate, true, cert.Serial, cert.Approval, cert.ValidFrom.String(), cert.ValidTo.String())
	day := at.Day()
	if b.applyExemption(r.general, ref, b.d.On.Plate, b.d.On.Country, day) {
		return false
	}
	if best := s.Passage.Best.Plate; best != b.d.On.Plate && b.applyExemption(r.general, ref, best, s.Passage.Best.Country, day) {
		return false
	}
	b.checkPlateReading(r.general)
	if _, misread := b.findInOtherRegister(r.general, ref); misread {
		b.addHold(reasonCountryDoubtful, 0)
	}
	b.checkVehicleKind(r.general, category)
	r.checkPlausible(b, category, at)
	return true
}

// checkPlausible holds a speed that vehicles of the category do not reach.
func (r *speedRules) checkPlausible(b *decisionBuilder, category schemas.Category, at schemas.Micros) {
	e := r.implausible[category].inForceAt(at)
	if e == nil {
		return
	}
	can := b.d.Speed(schemas.CorrectedSpeed) <= e.v.above
	b.addDecidingClause(&e.provenance, stepSpeedPlausible, can, category.String(), formatSpeed(e.v.above))
	if !can {
		b.addHold(reasonImplausible, 0)
	}
}

// proposeOffence adds tariff and routing and sets the outcome.
func (r *speed) proposeOffence(b *decisionBuilder, s *Subject, limit *schemas.SpeedLimit, allowed schemas.Speed) {
	if reason, ok := r.addTariff(b, limit, allowed, b.d.On.Country, b.d.On.CapturedAt); ok {
		r.applyOneOffence(b, s, reason)
	}
}

// addTariff adds tariff and routing for a vehicle of the country, and returns the reason of the candidate; false = the
// outcome is set.
func (r *speedRules) addTariff(b *decisionBuilder, limit *schemas.SpeedLimit, allowed schemas.Speed, country schemas.Country, at schemas.Micros) (reason string, ok bool) {
	excess := int64(b.d.Speed(schemas.CorrectedSpeed)-allowed) / 10
	abroad := !country.IsZero() && country != schemas.Belgium
	t := r.tariff[limit.Surround].inForceAt(at)
	route := r.routing[routingKey{abroad, limit.Surround}].inForceAt(at)
	if t == nil || route == nil {
		b.addClause(stepSpeedNoTariff, false, limit.Surround)
		b.setOutcome(schemas.OutcomeWithheld, reasonNoTariff)
		return "", false
	}
	cents := t.v.base + max(excess-t.v.baseKMH, 0)*t.v.per
	b.addDecidingClause(&t.provenance, stepSpeedTariff, true, strconv.FormatInt(excess, 10), strconv.FormatInt(cents, 10))
	b.d.AmountCents, b.d.LegalBasis = cents, t.cite
	total := cents <= route.v.maxTotal
	b.addDecidingClause(&route.provenance, stepSpeedTotal, total, strconv.FormatInt(cents, 10), strconv.FormatInt(route.v.maxTotal, 10))
	within := true
	if route.v.maxExcess >= 0 {
		within = excess <= route.v.maxExcess
		b.addDecidingClause(&route.provenance, stepSpeedExcess, within, strconv.FormatInt(excess, 10), strconv.FormatInt(route.v.maxExcess, 10))
	}
	if total && within {
		return reasonCollection, true
	}
	b.d.AmountCents, b.d.LegalBasis = 0, route.cite // no immediate collection, so no amount to propose
	return reasonProsecutor, true
}

// applyOneOffence sets the outcome: candidate, or duplicate if an offence by the same vehicle at the site is nearer
// than the catalogue's span. Without a span in force, only the same measurement is a duplicate.
//
// The natural period is the measurement. The same read therefore gives the same offence, in every passage and under
// every span.
func (r *speed) applyOneOffence(b *decisionBuilder, s *Subject, reason string) {
	at := b.d.On.CapturedAt
	e := r.oneOffence.inForceAt(at)
	if e == nil {
		seen := b.identifyOffence(b.d.On.Read.ID[:], s.MeasuredBy.Site, 0)
		b.addClause(stepNotSeen, !seen, at.Day().String())
		b.setCandidateOutcome(reason, seen)
		return
	}
	seen := b.identifyOffence(b.d.On.Read.ID[:], s.MeasuredBy.Site, e.v)
	b.addDecidingClause(&e.provenance, stepSpeedOne, !seen, s.MeasuredBy.Site, strconv.FormatInt(int64(e.v/schemas.Second), 10))
	b.setCandidateOutcome(reason, seen)
}

// formatSpeed writes tenths of km/h, the form for trace arguments.
func formatSpeed(s schemas.Speed) string { return strconv.FormatInt(int64(s), 10) }
