package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// The words of the section rounding.
const (
	roundDown = "down_to_kmh"
	roundNone = "none"
)

// speed is the family of speed offences found by a fixed device: art. 62 of the law of 16/03/1968 lets the device establish
// them, RD 12/10/2010 says how the measured speed is corrected and that the device needs a valid certificate, RD
// 19/04/2014 what immediate collection costs and when the file goes to the prosecutor instead. The numbers are the
// catalogue's.
type speed struct {
	cat     *speedRules
	general *general
}

// applies reports whether there is a measured speed of a camera that may establish one, of a vehicle that moves.
func (r speed) applies(s *Subject) bool {
	m := &s.Passage.Measured
	return !m.Read.IsZero() && m.Speed > 0 && !s.Passage.Parked &&
		s.MeasuredBy != nil && s.MeasuredBy.Purposes.Has(schemas.PurposeSpeed)
}

func (r speed) quick(s *Subject, ref Reference) quick {
	if !r.applies(s) {
		return quickNone
	}
	m := &s.Passage.Measured
	c := r.cat.correction.at(m.CapturedAt)
	if c == nil {
		return quickNone
	}
	limit := limitOf(s.MeasuredBy, m)
	if limit == nil {
		return quickFull
	}
	corrected, _ := r.correct(&c.v, m)
	if corrected > limit.Limit {
		return quickFull
	}
	if l, ok := r.cat.lowest[limit.Surround]; !ok || corrected <= l {
		return quickClear
	}
	veh, _ := ref.Vehicle(m.Plate, m.Country, m.CapturedAt)
	if e, _ := r.cat.classAt(veh.Category, m.Kind, limit.Surround, m.CapturedAt); e != nil && corrected > e.v.lowest() {
		return quickFull
	}
	return quickClear
}

// limitOf finds the limit of the lane at the time of capture. One that holds at some hours goes before one that always does; of two that
// overlap the higher counts.
func limitOf(cam *schemas.Camera, m *schemas.Sighting) *schemas.SpeedLimit {
	lane := cam.Lane(m.Lane, m.Direction)
	if lane == nil {
		return nil
	}
	var best *schemas.SpeedLimit
	for i := range lane.Limits {
		l := &lane.Limits[i]
		if !l.CoversAt(m.CapturedAt) {
			continue
		}
		if best == nil || best.Hours.Always() && !l.Hours.Always() || best.Hours.Always() == l.Hours.Always() && l.Limit > best.Limit {
			best = l
		}
	}
	return best
}

// correct applies the legal margin and the rounding, which is nil when there was nothing to round.
func (r speed) correct(c *correction, m *schemas.Sighting) (schemas.Speed, *entry[string]) {
	thousandths := int64(m.Speed-c.below) * 100 // of km/h
	if m.Speed > c.boundary {
		thousandths = int64(m.Speed) * (100 - c.percent)
	}
	thousandths = max(thousandths, 0)
	round := r.cat.rounding.at(m.CapturedAt)
	if round != nil && round.v == roundDown {
		if thousandths%1000 == 0 {
			round = nil
		}
		return schemas.Speed(thousandths / 1000 * 10), round
	}
	return schemas.Speed(thousandths / 100), nil
}

func (r speed) full(v *verdict, s *Subject, ref Reference) {
	m := &s.Passage.Measured
	id := ""
	if s.MeasuredBy != nil {
		id = s.MeasuredBy.ID
	}
	v.note(stepSpeedCamera, s.MeasuredBy != nil && s.MeasuredBy.Purposes.Has(schemas.PurposeSpeed), id)
	v.note(stepSpeedMeasured, !m.Read.IsZero() && m.Speed > 0 && !s.Passage.Parked, dkmh(m.Speed), m.CapturedAt.String())
	if !r.applies(s) {
		v.end(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if s.Late {
		v.note(stepSpeedLate, true)
	}
	c := r.cat.correction.at(m.CapturedAt)
	if c == nil {
		v.note(stepSpeedInForce, false, m.CapturedAt.Day().String())
		v.end(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	v.d.Measured, v.d.LegalBasis = m.Speed, c.cite
	limit := limitOf(s.MeasuredBy, m)
	if limit == nil {
		v.note(stepSpeedNoLimit, false, strconv.Itoa(int(m.Lane)), m.Direction.String())
		v.end(schemas.OutcomeWithheld, reasonNoLimit)
		return
	}
	vehicle, _ := ref.Vehicle(m.Plate, m.Country, m.CapturedAt)
	allowed := r.allowed(v, c, limit, vehicle.Category)
	if !r.over(v, allowed) {
		v.end(schemas.OutcomeClear, reasonLimitKept)
		return
	}
	if r.mayDecide(v, s, ref, vehicle.Category) {
		if limit.Variable {
			v.note(stepSpeedSign, false)
			v.hold(reasonSignUnknown, 0)
		}
		r.propose(v, s, limit, allowed)
	}
}

// allowed adds the clauses on the limit of the lane, that of the vehicle's class and the correction, and returns the lower limit. The class comes
// from the register. Where it is not known and the camera saw such a vehicle, or where the limit of the class depends on what
// the register does not say, an excess of the lower limit is held.
func (r speed) allowed(v *verdict, c *entry[correction], limit *schemas.SpeedLimit, category schemas.Category) schemas.Speed {
	v.d.Trace = append(v.d.Trace, schemas.Step{
		Code: stepSpeedLimit.key, Holds: true, Args: v.keep([]string{dkmh(limit.Limit), limit.Surround}),
		Basis: limit.LegalBasis, Verified: limit.Verified,
	})
	v.d.Verified = v.d.Verified && limit.Verified
	allowed := limit.Limit
	corrected, round := r.correct(&c.v, &v.d.On)
	v.d.Corrected = corrected
	if e, guessed := r.cat.classAt(category, v.d.On.Kind, limit.Surround, v.d.On.CapturedAt); e != nil && e.v.lowest() < limit.Limit {
		switch {
		case guessed:
			v.cite(&e.meta, stepSpeedClassUnknown, false, v.d.On.Kind.String(), dkmh(e.v.limit))
			if corrected > e.v.lowest() {
				v.hold(reasonSpeedClassUnknown, 0)
			}
			if corrected <= limit.Limit {
				allowed = e.v.lowest()
			}
		case corrected > e.v.lowest() && corrected <= min(e.v.limit, limit.Limit):
			allowed = e.v.lowest()
			v.cite(&e.meta, stepSpeedClassUnsure, false, category.String(), dkmh(e.v.lowest()), dkmh(e.v.limit))
			v.hold(reasonSpeedClassUnsure, 0)
		default:
			allowed = min(e.v.limit, limit.Limit)
			v.cite(&e.meta, stepSpeedClass, true, category.String(), dkmh(e.v.limit))
		}
	}
	v.d.Limit = allowed
	margin := strconv.FormatInt(int64(c.v.below)/10, 10)
	unit := "kmh"
	if v.d.On.Speed > c.v.boundary {
		margin, unit = strconv.FormatInt(c.v.percent, 10), "percent"
	}
	v.cite(&c.meta, stepSpeedCorrection, true, dkmh(v.d.On.Speed), margin, unit)
	if round != nil {
		v.cite(&round.meta, stepSpeedRounding, true, dkmh(corrected))
	}
	return allowed
}

// over adds the clause on the excess and reports whether there is one.
func (r speed) over(v *verdict, allowed schemas.Speed) bool {
	v.note(stepSpeedOver, v.d.Corrected > allowed, dkmh(v.d.Corrected), dkmh(allowed))
	return v.d.Corrected > allowed
}

// mayDecide adds the clauses that can keep an excess from being decided; false = decided otherwise.
func (r speed) mayDecide(v *verdict, s *Subject, ref Reference, category schemas.Category) bool {
	at := v.d.On.CapturedAt
	if !v.clockTrusted() { // the excess stands, the time does not: an officer may still find it out
		v.hold(reasonClock, 0)
	}
	cert := s.MeasuredBy.CertificateAt(at)
	if cert == nil {
		v.note(stepSpeedNoCert, false, at.Day().String())
		v.end(schemas.OutcomeWithheld, reasonNoCertificate)
		return false
	}
	v.note(stepSpeedCertificate, true, cert.Serial, cert.Approval, cert.ValidFrom.String(), cert.ValidTo.String())
	day := at.Day()
	if v.exempt(r.general, ref, v.d.On.Plate, v.d.On.Country, day) {
		return false
	}
	if best := s.Passage.Best.Plate; best != v.d.On.Plate && v.exempt(r.general, ref, best, s.Passage.Best.Country, day) {
		return false
	}
	v.plate(r.general)
	if _, misread := v.elsewhere(r.general, ref); misread {
		v.hold(reasonCountryDoubtful, 0)
	}
	v.seen(r.general, category)
	if e := r.cat.implausible[category].at(at); e != nil {
		can := v.d.Corrected <= e.v.above
		v.cite(&e.meta, stepSpeedPlausible, can, category.String(), dkmh(e.v.above))
		if !can {
			v.hold(reasonImplausible, 0)
		}
	}
	return true
}

// propose adds tariff and routing and ends the verdict.
func (r speed) propose(v *verdict, s *Subject, limit *schemas.SpeedLimit, allowed schemas.Speed) {
	at := v.d.On.CapturedAt
	excess := int64(v.d.Corrected-allowed) / 10
	abroad := !v.d.On.Country.IsZero() && v.d.On.Country != schemas.Belgium
	t := r.cat.tariff[limit.Surround].at(at)
	route := r.cat.routing[routingKey{abroad, limit.Surround}].at(at)
	if t == nil || route == nil {
		v.note(stepSpeedNoTariff, false, limit.Surround)
		v.end(schemas.OutcomeWithheld, reasonNoTariff)
		return
	}
	cents := t.v.base + max(excess-t.v.baseKMH, 0)*t.v.per
	v.cite(&t.meta, stepSpeedTariff, true, strconv.FormatInt(excess, 10), strconv.FormatInt(cents, 10))
	v.d.AmountCents, v.d.LegalBasis = cents, t.cite
	reason := reasonCollection
	total := cents <= route.v.maxTotal
	v.cite(&route.meta, stepSpeedTotal, total, strconv.FormatInt(cents, 10), strconv.FormatInt(route.v.maxTotal, 10))
	within := true
	if route.v.maxExcess >= 0 {
		within = excess <= route.v.maxExcess
		v.cite(&route.meta, stepSpeedExcess, within, strconv.FormatInt(excess, 10), strconv.FormatInt(route.v.maxExcess, 10))
	}
	if !total || !within { // no immediate collection: there is no amount to propose
		reason = reasonProsecutor
		v.d.AmountCents, v.d.LegalBasis = 0, route.cite
	}
	r.once(v, s, reason)
}

// once ends the verdict as candidate, or as duplicate of one of the same vehicle and site that is less than the catalogue's span
// away. The natural period is the measurement, so the same read gives the same offence in whatever passage it comes again,
// under whatever span. Without a span in force only the same measurement is a duplicate.
func (r speed) once(v *verdict, s *Subject, reason string) {
	at := v.d.On.CapturedAt
	e := r.cat.oneOffence.at(at)
	if e == nil {
		seen := v.identify(v.d.On.Read.ID[:], s.MeasuredBy.Site, 0)
		v.note(stepNotSeen, !seen, at.Day().String())
		v.conclude(reason, seen)
		return
	}
	seen := v.identify(v.d.On.Read.ID[:], s.MeasuredBy.Site, e.v)
	v.cite(&e.meta, stepSpeedOne, !seen, s.MeasuredBy.Site, strconv.FormatInt(int64(e.v/schemas.Second), 10))
	v.conclude(reason, seen)
}

// dkmh writes tenths of km/h, as the arguments of a trace carry them.
func dkmh(s schemas.Speed) string { return strconv.FormatInt(int64(s), 10) }
