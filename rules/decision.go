package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// traceSize and argsSize hold the longest usual trace and arguments without growing, measuresSize any family's
// measures.
const (
	traceSize    = 24
	argsSize     = 36
	measuresSize = 6
)

// decisionBuilder builds a decision.
type decisionBuilder struct {
	d      schemas.Decision
	force  Force
	args   []string // arguments so far, step by step
	s      *Subject
	ref    Reference
	holds  string         // first hold that time does not cure
	wait   string         // first hold that time cures
	until  schemas.Micros // end of the wait
	found  string         // reason of the candidate, before holds; see [Explained]
	travel datedSeries[travelRule]
	all    *[]HeldFor // gathers every hold for [Engine.ExplainRule]; nil = nobody asks
}

// DecisionBuilder names the builder for families outside this package: the simulation has a family that pairs two
// sites.
type DecisionBuilder = decisionBuilder

// Decision returns the decision being built.
func (b *decisionBuilder) Decision() *schemas.Decision { return &b.d }

// builderMemory is a builder with memory for trace and measures.
type builderMemory struct {
	b     decisionBuilder
	steps [traceSize]schemas.Step
	args  [argsSize]string

	measures [measuresSize]schemas.Measure
}

// newDecision begins a family's decision in m.
func (e *Engine) newDecision(m *builderMemory, info *Info, s *Subject, ref Reference) *decisionBuilder {
	b := &m.b
	*b = decisionBuilder{force: info.Force, s: s, ref: ref, args: m.args[:0], travel: e.cat.general.travel}
	on, _ := s.decidedOn(info)
	d := &b.d
	d.Rule, d.Family, d.Passage, d.On, d.Verified = info.Rule, info.Family, s.Passage.ID, *on, true
	d.CatalogueVersion, d.ReferenceVersion = e.cat.version, ref.Version()
	d.Trace, d.Measures = m.steps[:0], m.measures[:0]
	return b
}

// copyArgs copies a step's arguments behind the earlier steps, so callers need no memory.
func (b *decisionBuilder) copyArgs(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	n := len(b.args)
	b.args = append(b.args, args...)
	return b.args[n:len(b.args):len(b.args)]
}

// addClause adds a clause without a catalogue value.
func (b *decisionBuilder) addClause(c Clause, holds bool, args ...string) {
	b.d.Trace = append(b.d.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: b.copyArgs(args), Verified: true})
}

// addDecidingClause adds a clause resting on a catalogue value. The decision's version is the latest valid_from used;
// a value not yet in force does not count.
func (b *decisionBuilder) addDecidingClause(m *provenance, c Clause, holds bool, args ...string) {
	b.addInformation(m, c, holds, args...)
	b.d.Verified = b.d.Verified && m.verified
	if m.isInForce(b.d.On.CapturedAt) {
		b.d.RuleVersion = max(b.d.RuleVersion, m.day)
	}
}

// addInformation adds a clause with a catalogue value that did not decide: the officer or the file applies the value.
func (b *decisionBuilder) addInformation(m *provenance, c Clause, holds bool, args ...string) {
	b.d.Trace = append(b.d.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: b.copyArgs(args), Basis: m.cite, Verified: m.verified})
}

// addMeasure adds a number behind the decision. A family adds measures in the order declared in Info.
func (b *decisionBuilder) addMeasure(name schemas.MeasureName, value int64) {
	b.d.Measures = append(b.d.Measures, schemas.Measure{Name: name, Value: value})
}

// addStatedMeasure adds a measure as the read stated it.
func (b *decisionBuilder) addStatedMeasure(m schemas.Measure) {
	b.d.Measures = append(b.d.Measures, m)
}

func (b *decisionBuilder) setOutcome(o schemas.Outcome, reason string) {
	b.d.Outcome, b.d.Reason = o, reason
}

// addHold notes a reason to hold. until 0 = until something changes. A doubt that a person has settled holds no more.
func (b *decisionBuilder) addHold(reason string, until schemas.Micros) {
	if slices.Contains(b.s.Settled, reason) {
		b.addClause(stepHoldSettled, true, reason)
		return
	}
	if b.all != nil {
		*b.all = append(*b.all, HeldFor{reason, until})
	}
	switch {
	case until == 0 && b.holds == "":
		b.holds = reason
	case until != 0 && b.wait == "":
		b.wait = reason
	}
	b.until = max(b.until, until)
}

// holdReason returns the reason to show: a hold that time does not cure comes first.
func (b *decisionBuilder) holdReason() string {
	if b.holds != "" {
		return b.holds
	}
	return b.wait
}

// identifyOffence names the offence by rule, vehicle and the rule's natural period, and compares it with offences
// under the same key closer than within. It reports whether the offence is there already. Another reading of a vehicle
// with an offence is held: a vehicle never has two candidates.
func (b *decisionBuilder) identifyOffence(period []byte, site string, within schemas.Micros) (seen bool) {
	return b.identifyVehicleOffence(b.d.On.Country, period, site, within)
}

// identifyVehicleOffence is identifyOffence for a vehicle whose country another passage may have told.
func (b *decisionBuilder) identifyVehicleOffence(country schemas.Country, period []byte, site string, within schemas.Micros) (seen bool) {
	d := &b.d
	d.Offence = schemas.NewOffenceID(d.Rule, d.On.Plate, country, period)
	d.ExclusionKey, d.ExclusionSpan = ExclusionKeyOf(d.Rule, d.Family, d.On.Plate, site, d.On.CapturedAt), within
	e := d.PriorOffence()
	switch same, a := b.s.Prior.Compare(&e, within); a {
	case PriorNone:
	case PriorSame:
		d.Offence = same.ID
		return true
	case PriorDoubt:
		b.addClause(stepOtherReading, false)
		b.addHold(reasonDuplicatePossible, 0)
	}
	return false
}

// setCandidateOutcome sets the outcome candidate, held or duplicate, within the family's force. Without the force of a
// sanction, a candidate is held for the officer. Statistics and checks make no offence.
func (b *decisionBuilder) setCandidateOutcome(reason string, seen bool) {
	if b.force == ForceStatistics || b.force == ForceCheck {
		b.d.Offence, b.d.ExclusionKey, b.d.ExclusionSpan, b.d.AmountCents = schemas.OffenceID{}, schemas.ExclusionKey{}, 0, 0
		b.setOutcome(schemas.OutcomeWithheld, reason)
		return
	}
	b.checkTravel()
	b.found = reason
	o := schemas.OutcomeOffence
	if b.force != ForceSanction {
		o = schemas.OutcomeHeld
	}
	if held := b.holdReason(); held != "" {
		o, reason = schemas.OutcomeHeld, held
	}
	if seen {
		o = schemas.OutcomeDuplicate
	}
	if o == schemas.OutcomeHeld && b.holds != reasonCountryDoubtful { // no day of grace cures a doubtful country
		b.d.HoldUntil = b.until
	}
	b.setOutcome(o, reason)
}
