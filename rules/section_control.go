package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleSectionControl is the rule for an average speed over a section of road.
const RuleSectionControl schemas.RuleID = "bru.speed.section"

const (
	familySectionControl  schemas.Family        = "section_control"
	sectionControlPurpose schemas.CameraPurpose = 1 << 4
)

// sectionHistory is the log time for which passages are kept: the longest time in a section, and five minutes for the
// lateness of a fixed camera. A partner that closes later than that is not met, and nobody is fined.
const sectionHistory = 15 * schemas.Minute

// sectionControl is the family for the average speed between an entry and an exit of a section of road, measured by
// two devices that read the plate. Art. 62 of the law of 16/03/1968 lets the devices establish offences; RD 12/10/2010
// gives the correction and requires a valid certificate. Limits, classes, correction, tariff and routing are those of a
// speed measured at one place; length, clocks and certificate of a section are reference data, see [schemas.Section].
//
// The speed is a lower bound: the shortest certified length for the lanes, over the time between the two captures and
// the uncertainties of both clocks. A pair is decided once, when the later of its passages closes, whichever that is.
// Between several entries before the exit, the one that gives the lowest speed counts.
type sectionControl struct {
	*speedRules
	bounds datedSeries[sectionBounds]
}

var (
	_ Family    = (*sectionControl)(nil)
	_ Evaluator = (*sectionControl)(nil)
)

var sectionClauses clauseList

// The clauses. The placeholders in the messages describe the arguments.
var (
	stepSectionCamera   = sectionClauses.addClause("section_control.camera", 1)
	stepSectionPaired   = sectionClauses.addClause("section_control.paired", 1)
	stepSectionEntry    = sectionClauses.addClause("section_control.entry", 4)
	stepSectionExit     = sectionClauses.addClause("section_control.exit", 4)
	stepSectionOrder    = sectionClauses.addClause("section_control.order", 2)
	stepSectionEntries  = sectionClauses.addClause("section_control.one_entry", 1)
	stepSectionJudged   = sectionClauses.addClause("section_control.first_time", 0)
	stepSectionTime     = sectionClauses.addClause("section_control.time", 2)
	stepSectionSpeed    = sectionClauses.addClause("section_control.speed", 2)
	stepSectionNoLimit  = sectionClauses.addClause("section_control.limit_known", 1)
	stepSectionCert     = sectionClauses.addClause("section_control.certificate", 4)
	stepSectionClock    = sectionClauses.addClause("section_control.other_clock", 1)
	stepSectionReading  = sectionClauses.addClause("section_control.other_reading", 2)
	stepSectionTwin     = sectionClauses.addClause("section_control.no_twin", 2)
	stepSectionCountry  = sectionClauses.addClause("section_control.same_country", 2)
	stepSectionPossible = sectionClauses.addClause("section_control.possible", 2)
)

// Reasons specific to the family.
const (
	reasonSectionClock  = "section_clock"
	reasonSectionJudged = "section_judged"
)

var sectionControlInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familySectionControl, Rule: RuleSectionControl, Purpose: sectionControlPurpose, DecidedOn: BestSighting, Period: PeriodPair,
		Force: ForceSanction, History: sectionHistory, Shares: []schemas.Family{familySpeed},
		Measures: []schemas.MeasureName{schemas.SectionLength, schemas.SectionTime, schemas.MeasuredSpeed, schemas.CorrectedSpeed, schemas.AllowedSpeed},
		Reasons:  slices.Concat(sharedReasons, speedReasons, []string{reasonSectionClock, reasonSectionJudged}),
		Clauses:  slices.Concat(sharedClauses, speedClauses, sectionClauses),
		Todo:     withShared(speedTodo, map[string]string{reasonSectionClock: "camera"}),
	}
})

// Info implements [Family].
func (*sectionControl) Info() *Info { return sectionControlInfo() }

// MeasuresSections reports whether a camera may be an entry or exit of a section.
func MeasuresSections(cam *schemas.Camera) bool { return cam.Purposes.Has(sectionControlPurpose) }

// Compile implements [Family].
func (r *sectionControl) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: cam == nil || !MeasuresSections(cam) || len(cam.Sections) == 0}
}

// sectionBounds says which times in a section are believed.
type sectionBounds struct {
	longest schemas.Micros // between entry and exit
	absurd  schemas.Speed  // above this average, a clock is wrong
}

type rawSectionBounds struct {
	Meta    rawProvenance `yaml:",inline"`
	Longest string        `yaml:"longest_seconds"`
	Absurd  string        `yaml:"absurd_above_kmh"`
}

var (
	bandInSection = band{60, 600, "seconds"}
	bandAbsurd    = band{200, 400, "km/h"}
)

// Load implements [Family]. The family speed has loaded before.
func (r *sectionControl) Load(s *Sections) {
	r.speedRules = s.speed
	declareSeries(s, "section_bounds", func(c *checker, path string, raw *rawSectionBounds) datedValue[sectionBounds] {
		return datedValue[sectionBounds]{c.checkProvenance(path, &raw.Meta), sectionBounds{
			longest: schemas.Micros(c.parsePlausible(path+".longest_seconds", raw.Longest, bandInSection)) * schemas.Second,
			absurd:  schemas.Speed(10 * c.parsePlausible(path+".absurd_above_kmh", raw.Absurd, bandAbsurd)),
		}}
	}, &r.bounds)
}

// Precheck implements [Evaluator].
func (r *sectionControl) Precheck(s *Subject, ref Reference) Precheck {
	section, atEntry := ownSection(s)
	bounds := r.bounds.inForceAt(s.Passage.Best.CapturedAt)
	if section == nil || bounds == nil {
		return NotApplicable
	}
	var p sectionPair
	if !findPair(&p, s, section, atEntry, &bounds.v) {
		return NotApplicable
	}
	c := r.correction.inForceAt(p.exit.CapturedAt)
	switch {
	case c == nil:
		return NotApplicable
	case p.reversed:
		return Evaluate
	case p.judged:
		return Clear
	}
	limit, _ := highestLimit(section.Limits, p.entry.CapturedAt-p.clocks, p.exit.CapturedAt+p.clocks)
	if limit == nil {
		return Evaluate
	}
	corrected, _ := r.correctSpeed(&c.v, p.speed, p.exit.CapturedAt)
	if corrected > limit.Limit {
		return Evaluate
	}
	if l, ok := r.lowest[limit.Surround]; !ok || corrected <= l {
		return Clear
	}
	veh, _ := ref.Vehicle(p.exit.Plate, p.country(), p.exit.CapturedAt)
	if e, _ := r.classAt(veh.Category, p.kind(), limit.Surround, p.exit.CapturedAt); e != nil && corrected > e.v.lowestLimit() {
		return Evaluate
	}
	return Clear
}

// Evaluate implements [Evaluator].
func (r *sectionControl) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	id := ""
	if s.Camera != nil {
		id = s.Camera.ID
	}
	section, atEntry := ownSection(s)
	b.addClause(stepSectionCamera, section != nil, id)
	if section == nil {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	bounds := r.bounds.inForceAt(s.Passage.Best.CapturedAt)
	var p sectionPair
	paired := bounds != nil && findPair(&p, s, section, atEntry, &bounds.v)
	b.addClause(stepSectionPaired, paired, section.ID)
	if !paired {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	c := r.correction.inForceAt(p.exit.CapturedAt)
	if c == nil {
		b.addClause(stepSpeedInForce, false, p.exit.CapturedAt.Day().String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	b.d.LegalBasis = c.cite
	if r.addPair(b, &p) {
		r.judgeSpeed(b, s, ref, c, bounds, &p)
	}
	b.applySuspensionAt(p.entryEnd.Camera, p.entry.CapturedAt) // at either end, whichever passage closed later
	b.applySuspensionAt(p.exitEnd.Camera, p.exit.CapturedAt)
}

// addPair adds the clauses on the two passages and their times; false = the outcome is set.
func (r *sectionControl) addPair(b *decisionBuilder, p *sectionPair) bool {
	addPassage := func(c Clause, end *schemas.SectionEnd, at *schemas.PastPassage) {
		b.addClause(c, true, end.Camera.ID, at.CapturedAt.String(), at.ID.String(), at.Read.String())
	}
	addPassage(stepSectionEntry, p.entryEnd, &p.entry)
	addPassage(stepSectionExit, p.exitEnd, &p.exit)
	switch {
	case p.reversed:
		b.addClause(stepSectionOrder, false, p.entry.CapturedAt.String(), p.exit.CapturedAt.String())
		b.setOutcome(schemas.OutcomeWithheld, reasonSectionClock)
		return false
	case p.judged:
		b.addClause(stepSectionJudged, false)
		b.setOutcome(schemas.OutcomeClear, reasonSectionJudged)
		return false
	}
	b.addClause(stepSectionEntries, p.entries == 1, strconv.Itoa(p.entries))
	ms, clocks := int64(p.elapsed/schemas.Millisecond), int64((p.clocks+schemas.Millisecond-1)/schemas.Millisecond)
	b.addClause(stepSectionTime, true, strconv.FormatInt(ms, 10), strconv.FormatInt(clocks, 10))
	b.addClause(stepSectionSpeed, true, strconv.FormatInt(p.length, 10), formatSpeed(p.speed))
	b.addMeasure(schemas.SectionLength, p.length)
	b.d.Measures = append(b.d.Measures, schemas.Measure{Name: schemas.SectionTime, Value: ms, Uncertainty: clocks, Device: p.section.ID})
	b.addMeasure(schemas.MeasuredSpeed, int64(p.speed))
	return true
}

// judgeSpeed compares the corrected speed with the limit and proposes the offence.
func (r *sectionControl) judgeSpeed(b *decisionBuilder, s *Subject, ref Reference, c *datedValue[correction], bounds *datedValue[sectionBounds], p *sectionPair) {
	at := p.exit.CapturedAt
	limit, variable := highestLimit(p.section.Limits, p.entry.CapturedAt-p.clocks, at+p.clocks)
	if limit == nil {
		b.addClause(stepSectionNoLimit, false, p.section.ID)
		b.setOutcome(schemas.OutcomeWithheld, reasonNoLimit)
		return
	}
	vehicle, _ := ref.Vehicle(p.exit.Plate, p.country(), at)
	allowed := r.findAllowedSpeed(b, c, limit, measuredSpeed{p.speed, at, p.kind(), vehicle.Category})
	if !r.isOverLimit(b, allowed) {
		b.setOutcome(schemas.OutcomeClear, reasonLimitKept)
		return
	}
	if !r.mayDecide(b, ref, p, vehicle.Category) {
		return
	}
	possible := p.speed <= bounds.v.absurd
	b.addDecidingClause(&bounds.provenance, stepSectionPossible, possible, formatSpeed(p.speed), formatSpeed(bounds.v.absurd))
	if !possible {
		b.addHold(reasonSectionClock, 0)
	}
	if variable {
		b.addClause(stepSpeedSign, false)
		b.addHold(reasonSignUnknown, 0)
	}
	reason, ok := r.addTariff(b, limit, allowed, p.country(), at)
	if !ok {
		return
	}
	seen := b.identifyVehicleOffence(p.country(), slices.Concat(p.entry.ID.ID[:], p.exit.ID.ID[:]), s.Camera.Site, 0)
	if _, stands := s.Prior.ByID(b.d.Offence); stands {
		seen = true
	}
	b.addClause(stepNotSeen, !seen, at.Day().String())
	b.setCandidateOutcome(reason, seen)
}

// mayDecide adds the clauses that can stop or hold an excess; false = another outcome is already set.
func (r *sectionControl) mayDecide(b *decisionBuilder, ref Reference, p *sectionPair, category schemas.Category) bool {
	other, at := p.other(), p.exit.CapturedAt
	if !b.clockIsTrusted() {
		b.addHold(reasonClock, 0)
	}
	trusted := other.Flags&schemas.FlagClockSuspect == 0
	b.addClause(stepSectionClock, trusted, other.CapturedAt.String())
	if !trusted {
		b.addHold(reasonClock, 0)
	}
	for _, end := range [...]*schemas.PastPassage{&p.entry, &p.exit} {
		cert := p.section.CertificateAt(end.CapturedAt)
		if cert == nil {
			b.addClause(stepSpeedNoCert, false, end.CapturedAt.Day().String())
			b.setOutcome(schemas.OutcomeWithheld, reasonNoCertificate)
			return false
		}
		if end == &p.exit {
			b.addClause(stepSectionCert, true, cert.Serial, cert.Approval, cert.ValidFrom.String(), cert.ValidTo.String())
		}
	}
	exempt := familySectionControl // who is exempt from a speed at one place is exempt here
	if _, ok := ref.Exemption(b.d.On.Plate, p.country(), familySpeed, at.Day()); ok {
		exempt = familySpeed
	}
	if b.applyExemptionFrom(r.general, ref, exempt, b.d.On.Plate, p.country(), at.Day()) {
		return false
	}
	r.checkReadings(b, ref, p, category)
	r.checkPlausible(b, category, at)
	return true
}

// checkReadings holds a pair whose two readings may be of two vehicles.
func (r *sectionControl) checkReadings(b *decisionBuilder, ref Reference, p *sectionPair, category schemas.Category) {
	other := p.other()
	sure := other.Variants <= 1
	b.addClause(stepSectionReading, sure, strconv.Itoa(int(other.Confidence)), strconv.Itoa(int(other.Variants)))
	if !sure {
		b.addHold(reasonPlateAmbiguous, 0)
	}
	if p.hasTwin {
		b.addClause(stepSectionTwin, false, p.twin.CapturedAt.String(), p.twin.Read.String())
		b.addHold(reasonPlateAmbiguous, 0)
	}
	if least := r.general.confidence.inForceAt(other.CapturedAt); least != nil {
		sure = sure && other.Confidence >= least.v
	}
	doubted := r.general.doubtsCountry(&schemas.Sighting{CapturedAt: other.CapturedAt, CountryConfidence: other.CountryConfidence})
	agree := p.entry.Country == p.exit.Country && !doubted
	if !agree {
		b.addClause(stepSectionCountry, false, p.entry.Country.String(), p.exit.Country.String())
		b.addHold(reasonCountryDoubtful, 0)
	}
	b.checkReadingBeside(r.general, sure && agree && !p.hasTwin)
	if _, misread := b.findInOtherRegister(r.general, ref); misread {
		b.addHold(reasonCountryDoubtful, 0)
	}
	b.checkKind(r.general, b.d.On.Kind, category)
	b.checkKind(r.general, other.Kind, category)
}
