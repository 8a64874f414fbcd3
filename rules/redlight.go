package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleRedLight is the rule for a vehicle that passes the stop line at red or amber, as a fixed device found it.
const RuleRedLight schemas.RuleID = "bru.redlight.fixed"

const (
	familyRedLight  schemas.Family        = "redlight"
	redLightPurpose schemas.CameraPurpose = 1 << 5
)

// The aspects of a light, in the catalogue and in messages.
const (
	aspectRed   = "red"
	aspectAmber = "amber"
)

// redlight is the family for traffic lights. Art. 61.1 of RD 01/12/1975: red forbids to pass the line; amber too, but
// for a driver who is too near to stop safely. Art. 62 of the law of 16/03/1968 and the list of RD 18/12/2002 let the
// device establish it; RD 19/04/2014 gives the amounts. It decides on the read that stated the time into red, else on
// the read that stated the time into amber. Whether a driver could have stopped, no device says: amber is held.
type redlight struct {
	redLightRules
	general *general
}

var (
	_ Family    = (*redlight)(nil)
	_ Evaluator = (*redlight)(nil)
)

var redLightClauses clauseList

// The clauses. The placeholders in the messages describe the arguments.
var (
	stepRedLightCamera      = redLightClauses.addClause("redlight.camera", 1)
	stepRedLightStated      = redLightClauses.addClause("redlight.stated", 2)
	stepRedLightInForce     = redLightClauses.addClause("redlight.in_force", 2)
	stepRedLightCounted     = redLightClauses.addClause("redlight.counted", 5)
	stepRedLightLate        = redLightClauses.addClause("redlight.late", 0)
	stepRedLightOne         = redLightClauses.addClause("redlight.one_aspect", 0)
	stepRedLightPlausible   = redLightClauses.addClause("redlight.plausible", 2)
	stepRedLightCertificate = redLightClauses.addClause("redlight.certificate", 4)
	stepRedLightNoCert      = redLightClauses.addClause("redlight.no_certificate", 1)
	stepRedLightPictures    = redLightClauses.addClause("redlight.pictures", 0)
	stepRedLightStop        = redLightClauses.addClause("redlight.could_stop", 0)
	stepRedLightTariff      = redLightClauses.addClause("redlight.tariff", 2)
	stepRedLightNoTariff    = redLightClauses.addClause("redlight.no_tariff", 1)
	stepRedLightTotal       = redLightClauses.addClause("redlight.total", 2)
	stepRedLightOffence     = redLightClauses.addClause("redlight.one_offence", 2)
)

// Reasons specific to the family. A case at red that is not collected at once has speed's reason prosecutor.
const (
	reasonLightKept        = "light_kept"
	reasonRedPassed        = "red_passed"
	reasonAmberPassed      = "amber_passed"
	reasonAmberStop        = "amber_stop_unproven"
	reasonLightContradicts = "light_contradicts"
	reasonLightImplausible = "light_implausible"
	reasonPictureMissing   = "picture_missing"
)

var redLightInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyRedLight, Rule: RuleRedLight, Purpose: redLightPurpose, DecidedOn: StatedSighting, Period: PeriodMeasurement, Stragglers: true, Force: ForceSanction,
		Shares:   []schemas.Family{familySpeed}, // routing
		Stated:   []schemas.MeasureName{schemas.RedTime, schemas.AmberTime},
		Measures: []schemas.MeasureName{schemas.RedTime, schemas.RedTimeLeft, schemas.AmberTime, schemas.AmberTimeLeft},
		Reasons: slices.Concat(sharedReasons, registerReasons, []string{
			reasonLightKept, reasonRedPassed, reasonAmberPassed, reasonProsecutor, reasonAmberStop, reasonLightContradicts, reasonLightImplausible, reasonPictureMissing,
			reasonNoCertificate, reasonNoTariff,
		}),
		Clauses: slices.Concat(sharedClauses, registerClauses, redLightClauses),
		Todo: withShared(map[string]string{
			reasonCountryUnknown: "picture", reasonVehicleUnknown: "vehicle", reasonRegisterStale: "stale",
			reasonAmberStop: "picture", reasonLightContradicts: "camera", reasonLightImplausible: "camera", reasonPictureMissing: "picture",
		}),
	}
})

// Info implements [Family].
func (*redlight) Info() *Info { return redLightInfo() }

// Compile implements [Family].
func (r *redlight) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

func (r *redlight) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(redLightPurpose)
}

// light is what the family decides on.
type light struct {
	on     *schemas.Measurement
	cam    *schemas.Camera
	aspect string
	time   schemas.Measure
	limits *datedValue[lightLimits]
}

// findLight returns the measurement at an authorised camera; ok is false when the family does not apply.
func (r *redlight) findLight(s *Subject) (l light, ok bool) {
	at := s.findMeasurement(redLightInfo())
	if at < 0 {
		return l, false
	}
	l.on, l.cam, l.aspect = &s.Passage.Measurements[at], s.cameraOf(at), aspectRed
	if l.time, ok = l.on.Measure(schemas.RedTime); !ok {
		l.aspect = aspectAmber
		l.time, _ = l.on.Measure(schemas.AmberTime)
	}
	l.limits = r.limits[l.aspect].inForceAt(l.on.On.CapturedAt)
	return l, r.isAuthorised(l.cam) && !s.Passage.Parked
}

// countedTime returns the time that counts against the driver, in milliseconds, at least 0.
func (l *light) countedTime() int64 {
	return max(0, l.time.Value-l.time.Uncertainty-l.limits.v.tolerance)
}

// Precheck implements [Evaluator].
func (r *redlight) Precheck(s *Subject, _ Reference) Precheck {
	l, ok := r.findLight(s)
	switch {
	case !ok || l.limits == nil:
		return NotApplicable
	case l.countedTime() == 0:
		return Clear
	default:
		return Evaluate
	}
}

// Evaluate implements [Evaluator].
func (r *redlight) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	l, ok := r.findLight(s)
	id, captured := "", ""
	if l.cam != nil {
		id = l.cam.ID
	}
	if l.on != nil {
		captured = l.on.On.CapturedAt.String()
	}
	b.addClause(stepRedLightCamera, r.isAuthorised(l.cam), id)
	b.addClause(stepRedLightStated, l.on != nil && !s.Passage.Parked, l.aspect, captured)
	if !ok {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if s.Straggler {
		b.addClause(stepRedLightLate, true)
	}
	if l.limits == nil {
		b.addClause(stepRedLightInForce, false, b.d.On.CapturedAt.Day().String(), l.aspect)
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	counted := l.countedTime()
	measured, left := schemas.RedTime, schemas.RedTimeLeft
	if l.aspect == aspectAmber {
		measured, left = schemas.AmberTime, schemas.AmberTimeLeft
	}
	b.addStatedMeasure(l.time)
	b.addMeasure(left, counted)
	b.d.LegalBasis = l.limits.cite
	b.addDecidingClause(&l.limits.provenance, stepRedLightCounted, counted > 0, l.aspect, formatWhole(b.d.Measure(measured)), formatWhole(l.time.Uncertainty), formatWhole(l.limits.v.tolerance), formatWhole(counted))
	if counted == 0 {
		b.setOutcome(schemas.OutcomeClear, reasonLightKept)
		return
	}
	if r.mayDecide(b, s, ref, &l) {
		r.proposeOffence(b, &l)
	}
}

// mayDecide adds the clauses that can stop or hold a finding; false = another outcome is already set.
func (r *redlight) mayDecide(b *decisionBuilder, s *Subject, ref Reference, l *light) bool {
	on := &b.d.On
	day := on.CapturedAt.Day()
	if !b.clockIsTrusted() { // the light was as measured, only the time is doubtful: an officer may still find the time
		b.addHold(reasonClock, 0)
	}
	cert := l.cam.CertificateAt(on.CapturedAt)
	if cert == nil {
		b.addClause(stepRedLightNoCert, false, day.String())
		b.setOutcome(schemas.OutcomeWithheld, reasonNoCertificate)
		return false
	}
	b.addClause(stepRedLightCertificate, true, cert.Serial, cert.Approval, cert.ValidFrom.String(), cert.ValidTo.String())
	if b.applyExemption(r.general, ref, on.Plate, on.Country, day) {
		return false
	}
	if best := &s.Passage.Best; best.Plate != on.Plate && b.applyExemption(r.general, ref, best.Plate, best.Country, day) {
		return false
	}
	b.checkPlateReading(r.general)
	b.checkRegister(r.general)
	plausible := l.time.Value <= l.limits.v.implausible
	b.addDecidingClause(&l.limits.provenance, stepRedLightPlausible, plausible, l.aspect, formatWhole(l.limits.v.implausible))
	if !plausible {
		b.addHold(reasonLightImplausible, 0)
	}
	one := l.aspect == aspectAmber || s.Passage.Measurement(schemas.AmberTime) < 0
	b.addClause(stepRedLightOne, one)
	if !one {
		b.addHold(reasonLightContradicts, 0)
	}
	both := l.on.Pictures.Has(schemas.PictureScene) && l.on.Pictures.Has(schemas.PictureSecond)
	b.addClause(stepRedLightPictures, both)
	if !both {
		b.addHold(reasonPictureMissing, 0)
	}
	if l.aspect == aspectAmber {
		b.addClause(stepRedLightStop, false)
		b.addHold(reasonAmberStop, 0)
	}
	return true
}

// proposeOffence adds amount and routing and sets the outcome.
func (r *redlight) proposeOffence(b *decisionBuilder, l *light) {
	at := b.d.On.CapturedAt
	abroad := !b.d.On.Country.IsZero() && b.d.On.Country != schemas.Belgium
	tariff := r.tariff[l.aspect].inForceAt(at)
	route := r.routes.routeAt(abroad, at)
	if tariff == nil || route == nil {
		b.addClause(stepRedLightNoTariff, false, l.aspect)
		b.setOutcome(schemas.OutcomeWithheld, reasonNoTariff)
		return
	}
	b.d.AmountCents, b.d.LegalBasis = tariff.v, tariff.cite
	b.addDecidingClause(&tariff.provenance, stepRedLightTariff, true, l.aspect, formatWhole(tariff.v))
	reason := reasonRedPassed
	if l.aspect == aspectAmber {
		reason = reasonAmberPassed
	}
	within := tariff.v <= route.v.maxTotal
	b.addDecidingClause(&route.provenance, stepRedLightTotal, within, formatWhole(tariff.v), formatWhole(route.v.maxTotal))
	if !within { // no immediate collection, so no amount to propose
		reason = reasonProsecutor
		b.d.AmountCents, b.d.LegalBasis = 0, route.cite
	}
	span := r.spanAt(at)
	seen := b.identifyOffence(b.d.On.Read.ID[:], l.cam.Site, span)
	if one := r.routes.oneOffence.inForceAt(at); one != nil {
		b.addDecidingClause(&one.provenance, stepRedLightOffence, !seen, l.cam.Site, formatWhole(int64(span/schemas.Second)))
	} else {
		b.addClause(stepNotSeen, !seen, at.Day().String())
	}
	b.setCandidateOutcome(reason, seen)
}

// spanAt implements spanner: as for speed.
func (r *redlight) spanAt(at schemas.Micros) schemas.Micros {
	if e := r.routes.oneOffence.inForceAt(at); e != nil {
		return e.v
	}
	return 0
}

func formatWhole(n int64) string { return strconv.FormatInt(n, 10) }
