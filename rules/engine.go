package rules

import (
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// The rules. An id names a rule for ever.
const (
	RuleLEZ   schemas.RuleID = "bru.lez.access"
	RuleSpeed schemas.RuleID = "bru.speed.fixed"
)

// Engine evaluates one version of the catalogue. It holds no state and is safe for concurrent use.
type Engine struct {
	cat *Catalogue
	lez lez
	spd speed
}

// New makes an engine for a catalogue.
func New(cat *Catalogue) *Engine {
	return &Engine{cat: cat, lez: lez{&cat.lez, &cat.general}, spd: speed{&cat.speed, &cat.general}}
}

// Catalogue returns the catalogue the engine was made for.
func (e *Engine) Catalogue() *Catalogue { return e.cat }

// Clears counts the rules that applied to a passage and found nothing.
type Clears struct {
	LEZ, Speed uint8
}

// Of returns the count of a family.
func (c Clears) Of(f schemas.Family) uint8 {
	switch f {
	case schemas.FamilyLEZ:
		return c.LEZ
	case schemas.FamilySpeed:
		return c.Speed
	default:
		return 0
	}
}

// quick is what the allocation-free look says.
type quick uint8

const (
	quickNone  quick = iota // the rule does not apply
	quickClear              // it applies, nothing found
	quickFull               // evaluate it in full
)

// Decide evaluates every rule on a closed passage and appends its decisions, except those of [schemas.OutcomeClear], in a
// fixed order: LEZ, speed. A passage that is clean under every rule costs no allocation.
func (e *Engine) Decide(dst []schemas.Decision, s *Subject, ref Reference) ([]schemas.Decision, Clears) {
	return e.decide(nil, dst, s, ref)
}

// Scratch is memory for the traces of decisions, for whoever decides often and keeps none. It is used by one goroutine.
type Scratch struct {
	lez, speed room
}

func (sc *Scratch) roomLEZ() *room {
	if sc == nil {
		return &room{}
	}
	return &sc.lez
}

func (sc *Scratch) roomSpeed() *room {
	if sc == nil {
		return &room{}
	}
	return &sc.speed
}

// DecideIn is Decide with the traces in sc: they are valid until it is used again. It allocates the texts of the traces only.
func (e *Engine) DecideIn(sc *Scratch, dst []schemas.Decision, s *Subject, ref Reference) ([]schemas.Decision, Clears) {
	return e.decide(sc, dst, s, ref)
}

// decide makes its own scratch, when it is given none, only for a passage that needs one.
func (e *Engine) decide(sc *Scratch, dst []schemas.Decision, s *Subject, ref Reference) ([]schemas.Decision, Clears) {
	var clears Clears
	ref = withBoundaries(ref, s)
	q := e.lez.quick(s, ref)
	if q == quickFull {
		d := e.lezFull(sc.roomLEZ(), s, ref)
		if s.Late && d.Outcome != schemas.OutcomeOffence && d.Outcome != schemas.OutcomeHeld {
			q = quickNone // its passage had this verdict already, or a better one
		} else {
			dst, q = keep(dst, d)
		}
	}
	if q == quickClear {
		clears.LEZ++
	}
	q = e.spd.quick(s, ref)
	if q == quickFull {
		dst, q = keep(dst, e.speedFull(sc.roomSpeed(), s, ref))
	}
	if q == quickClear {
		clears.Speed++
	}
	return dst, clears
}

func keep(dst []schemas.Decision, d *schemas.Decision) ([]schemas.Decision, quick) {
	switch {
	case d.Outcome != schemas.OutcomeClear:
		return append(dst, *d), quickNone
	case d.Reason == reasonNotApplicable:
		return dst, quickNone
	default:
		return dst, quickClear
	}
}

// Explain evaluates every rule in full and returns all decisions with their traces, also those that are clear and, with the
// reason not_applicable, those of rules that do not apply. Decide gives the same outcomes.
func (e *Engine) Explain(s *Subject, ref Reference) []schemas.Decision {
	ref = withBoundaries(ref, s)
	return []schemas.Decision{*e.lezFull(&room{}, s, ref), *e.speedFull(&room{}, s, ref)}
}

func (e *Engine) lezFull(r *room, s *Subject, ref Reference) *schemas.Decision {
	v := e.verdict(r, RuleLEZ, schemas.FamilyLEZ, s, &s.Passage.Best, ref)
	e.lez.full(v, s, ref)
	return &v.d
}

func (e *Engine) speedFull(r *room, s *Subject, ref Reference) *schemas.Decision {
	v := e.verdict(r, RuleSpeed, schemas.FamilySpeed, s, &s.Passage.Measured, ref)
	e.spd.full(v, s, ref)
	return &v.d
}

// Reasons lists the reasons a decision of the family may carry, for filters and pre-bound metrics.
func (c *Catalogue) Reasons(f schemas.Family) []string {
	var out []string
	switch f {
	case schemas.FamilyLEZ:
		out = slices.Clone(reasons[0])
	case schemas.FamilySpeed:
		out = slices.Clone(reasons[1])
	case schemas.FamilyHotlist: // hits have no reasons of their own
	}
	for k, s := range c.general.exemptions {
		if k.family == f {
			out = append(out, s.reason)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// traceSize and argsSize hold the longest usual trace and its arguments without growing.
const (
	traceSize = 24
	argsSize  = 36
)

// verdict builds one decision.
type verdict struct {
	d     schemas.Decision
	args  []string // of the steps so far, one after another
	s     *Subject
	ref   Reference
	holds string         // first reason to hold that time does not cure
	wait  string         // first reason to hold that time cures
	until schemas.Micros // when it does
}

// room is a verdict with the memory for its trace.
type room struct {
	v     verdict
	steps [traceSize]schemas.Step
	args  [argsSize]string
}

func (e *Engine) verdict(r *room, rule schemas.RuleID, f schemas.Family, s *Subject, on *schemas.Sighting, ref Reference) *verdict {
	v := &r.v
	*v = verdict{s: s, ref: ref, args: r.args[:0]}
	d := &v.d
	d.Rule, d.Family, d.Passage, d.On, d.Verified = rule, f, s.Passage.ID, *on, true
	d.CatalogueVersion, d.ReferenceVersion = e.cat.version, ref.Version()
	d.Trace = r.steps[:0]
	return v
}

// keep copies the arguments of a step to where those of all steps are, so that the caller's need no memory of their own.
func (v *verdict) keep(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	n := len(v.args)
	v.args = append(v.args, args...)
	return v.args[n:len(v.args):len(v.args)]
}

// note adds a clause that rests on no value of the catalogue.
func (v *verdict) note(c code, holds bool, args ...string) {
	v.d.Trace = append(v.d.Trace, schemas.Step{Code: c.key, Holds: holds, Args: v.keep(args), Verified: true})
}

// cite adds a clause that rests on a value of the catalogue. The version of the decision is the latest
// valid_from used; a value that was looked at because it does not hold yet does not count for that.
func (v *verdict) cite(m *meta, c code, holds bool, args ...string) {
	v.tell(m, c, holds, args...)
	v.d.Verified = v.d.Verified && m.verified
	if m.covers(v.d.On.CapturedAt) {
		v.d.RuleVersion = max(v.d.RuleVersion, m.day)
	}
}

// tell adds a clause that rests on a value of the catalogue which did not decide: the officer or the file applies it.
func (v *verdict) tell(m *meta, c code, holds bool, args ...string) {
	v.d.Trace = append(v.d.Trace, schemas.Step{Code: c.key, Holds: holds, Args: v.keep(args), Basis: m.cite, Verified: m.verified})
}

func (v *verdict) end(o schemas.Outcome, reason string) {
	v.d.Outcome, v.d.Reason = o, reason
}

// hold notes a reason to hold. until 0 = until something changes.
func (v *verdict) hold(reason string, until schemas.Micros) {
	switch {
	case until == 0 && v.holds == "":
		v.holds = reason
	case until != 0 && v.wait == "":
		v.wait = reason
	}
	v.until = max(v.until, until)
}

// held returns the reason that stands: what time does not cure comes first.
func (v *verdict) held() string {
	if v.holds != "" {
		return v.holds
	}
	return v.wait
}

// plate adds the clauses on the reading of the plate. Low confidence is told to the officer, who confirms every candidate by
// eye in any case; readings that disagree hold it, because the passage itself names more than one vehicle.
func (v *verdict) plate(g *general) {
	on := &v.d.On
	sure := true
	if m := g.confidence.at(on.CapturedAt); m != nil {
		sure = on.Confidence >= m.v
		v.tell(&m.meta, stepConfidence, sure, strconv.Itoa(int(on.Confidence)), strconv.Itoa(int(m.v)))
	}
	one := v.s.Passage.Variants <= 1
	v.note(stepUnanimous, one, strconv.Itoa(int(v.s.Passage.Variants)))
	if !one {
		v.hold(reasonPlateAmbiguous, 0)
	}
	v.country(g)
	alone := v.boundary()
	v.d.Certain = sure && one && alone && !on.Country.IsZero() && !g.doubtsCountry(on)
	v.note(stepCertain, v.d.Certain)
}

// exempt looks for an exemption of the vehicle from the family; true = decided. When the country is not known, an exemption of
// whichever country holds the passage: it may be this vehicle's.
func (v *verdict) exempt(g *general, ref Reference, p schemas.Plate, country schemas.Country, day schemas.Day) bool {
	e, ok := ref.Exemption(p, country, v.d.Family, day)
	if !ok {
		v.note(stepNoExemption, true)
		return false
	}
	kind := g.exemptions[exemptionKey{v.d.Family, e.Kind}]
	var rule *entry[exemptionRule]
	if kind != nil && !country.IsZero() {
		rule = kind.series.at(v.d.On.CapturedAt)
	}
	if rule == nil {
		v.note(stepExemption, false, e.Kind, e.Ref)
		v.hold(reasonExemptionUnclear, 0)
		return false
	}
	v.cite(&rule.meta, stepExemption, true, e.Kind, e.Ref)
	if rule.v.months > 0 {
		kept := e.ValidTo != 0 && e.ValidTo <= e.ValidFrom.AddMonths(rule.v.months)
		v.cite(&rule.meta, stepExemptionMax, kept, strconv.Itoa(rule.v.months))
	}
	v.d.LegalBasis = rule.cite
	v.end(schemas.OutcomeExempt, kind.reason)
	return true
}

// identify names the offence after rule, vehicle and the rule's natural period, and compares it with those of its spot less than within
// away. It reports whether it is there already. One that may be another reading of a
// vehicle that has one is held: of one vehicle there are never two candidates.
func (v *verdict) identify(period []byte, site string, within schemas.Micros) (seen bool) {
	d := &v.d
	d.Offence = schemas.NewOffenceID(d.Rule, d.On.Plate, d.On.Country, period)
	d.Spot, d.Within = SpotOf(d.Rule, d.Family, d.On.Plate, site, d.On.CapturedAt), within
	e := d.Earlier()
	switch same, a := v.s.Standing.Compare(&e, within); a {
	case StandingNone:
	case StandingSame:
		d.Offence = same.ID
		return true
	case StandingDoubt:
		v.note(stepOtherReading, false)
		v.hold(reasonDuplicatePossible, 0)
	}
	return false
}

// conclude ends as candidate, held or duplicate.
func (v *verdict) conclude(reason string, seen bool) {
	o := schemas.OutcomeOffence
	if held := v.held(); held != "" {
		o, reason = schemas.OutcomeHeld, held
	}
	if seen {
		o = schemas.OutcomeDuplicate
	}
	if o == schemas.OutcomeHeld && v.holds != reasonCountryDoubtful { // which no day of grace cures
		v.d.HoldUntil = v.until
	}
	v.end(o, reason)
}

// clockTrusted adds the clause on the camera's clock.
func (v *verdict) clockTrusted() bool {
	ok := v.d.On.Flags&schemas.FlagClockSuspect == 0
	v.note(stepClock, ok, v.d.On.CapturedAt.String(), v.d.On.ReceivedAt.String())
	return ok
}
