package rules

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// ripeClauses lists the clauses about a hold that has ended or lasts.
var ripeClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepHoldPassed = ripeClauses.addClause("hold.passed", 2)
	stepCopyFresh  = ripeClauses.addClause("hold.copy_fresh", 3)
)

// Outcomes of [Catalogue.RipenDecision].
const (
	RipeOpen      = "open"      // a person decides
	RipeHeld      = "held"      // something must be known or must pass first
	RipeWithdrawn = "withdrawn" // the case is taken back
)

// Reasons to withdraw, as the rules find them.
const (
	withdrawnRegistered  = "registered"
	withdrawnPass        = "pass_found"
	withdrawnExempt      = "exemption_found"
	withdrawnNormKept    = "norm_kept"
	withdrawnClock       = "clock_wrong"
	withdrawnLimit       = "limit_wrong"
	withdrawnDevice      = "device_wrong"
	withdrawnValue       = "value_wrong"
	withdrawnCamera      = "camera_wrong"
	withdrawnNotProvable = "not_provable"
	withdrawnDuplicate   = "duplicate_case"
)

// CopyAges says how recent the copies of data from elsewhere are. pipeline/reference implements it.
type CopyAges interface {
	// RegisterAsOf returns the time up to which the copy of a country's register is complete; ok is false without a
	// copy.
	RegisterAsOf(country schemas.Country) (asOf schemas.Micros, ok bool)
	// CopyAsOf returns the time up to which another copy is complete; ok is false when nobody said.
	CopyAsOf(c Copy) (asOf schemas.Micros, ok bool)
}

// HeldFor is a reason to hold. Until 0 means that time does not cure the hold.
type HeldFor struct {
	Reason string
	Until  schemas.Micros
}

// Explained is a decision with all reasons to hold; the decision names one.
type Explained struct {
	schemas.Decision
	Finding string // reason of the candidate that the holds hold; "" = there is none
	Holds   []HeldFor
}

// ExplainRule evaluates the family of a rule, as [Engine.Explain] does for every family. ok is false when the engine
// has no family with the rule.
func (e *Engine) ExplainRule(s *Subject, ref Reference, rule schemas.RuleID) (out Explained, ok bool) {
	ref = withBoundaries(ref, s)
	for i, f := range e.families {
		if e.infos[i].Rule != rule || rule == "" {
			continue
		}
		_, cam := s.decidedOn(e.infos[i])
		c := f.Compile(cam)
		if c.Passage == nil {
			return out, false
		}
		m := &builderMemory{}
		b := e.newDecision(m, e.infos[i], s, ref)
		b.all = &out.Holds
		c.Passage.Evaluate(b, s, ref)
		b.applySuspension(cam)
		out.Decision, out.Finding = b.d, b.found
		return out, true
	}
	return out, false
}

// Ripe is what becomes of a case after its passage was decided again.
type Ripe struct {
	Outcome string         // RipeOpen, RipeHeld or RipeWithdrawn
	Reason  string         // open: reason of the candidate; held: reason of the hold; withdrawn: reason of the closed list
	Until   schemas.Micros // held: when to look again; 0 = when something changes
	Trace   []schemas.Step // trace of the decision, and the clauses about the hold
}

// RipenDecision says what becomes of a case whose passage was decided again at now. The rules know no present, so a
// hold that time cures stands in d for ever. Such a hold ends when its time has passed and every copy that could cure
// the hold is as of the end of that time or later: a registration in time may be missing in an older copy, and the
// case is then held as register_stale.
func (c *Catalogue) RipenDecision(d *Explained, ages CopyAges, now schemas.Micros) Ripe {
	out := Ripe{Outcome: RipeOpen, Reason: d.Reason, Trace: slices.Clone(d.Trace)}
	switch d.Outcome {
	case schemas.OutcomeOffence:
		return out
	case schemas.OutcomeHeld:
		return c.ripenHolds(&out, d, ages, now)
	default:
		out.Outcome, out.Reason = RipeWithdrawn, withdrawReasonOf(&d.Decision)
		return out
	}
}

// ripenHolds is RipenDecision for a held decision. A hold that lasts is named before a hold that has ended.
func (c *Catalogue) ripenHolds(out *Ripe, d *Explained, ages CopyAges, now schemas.Micros) Ripe {
	last := HeldFor{}
	for _, h := range d.Holds {
		if h.Until == 0 || h.Until > now {
			out.Outcome = RipeHeld
		}
		if h.Until > last.Until {
			last = h
		}
	}
	switch {
	case len(d.Holds) == 0: // a family without the force of a sanction: a person decides
		out.Reason = d.Finding
		return *out
	case out.Outcome == RipeHeld && last.Until > now:
		out.Until = d.HoldUntil
		out.addStep(Grounds{Verified: true}, stepHoldPassed, false, last.Reason, last.Until.String())
		return *out
	case out.Outcome == RipeHeld:
		return *out
	}
	out.Reason = d.Finding
	holds := c.CaseRulesAt(now).Holds
	for _, h := range d.Holds {
		rule, ok := holds[h.Reason]
		if !ok { // no value in force says what cures the hold, so nothing does
			out.Outcome, out.Reason = RipeHeld, h.Reason
			return *out
		}
		out.addStep(rule.Grounds, stepHoldPassed, true, h.Reason, h.Until.String())
		for _, copied := range rule.Copies {
			asOf, known := ages.CopyAsOf(copied)
			if copied == CopyVehicles {
				asOf, known = ages.RegisterAsOf(d.On.Country)
			}
			fresh, text := known && asOf >= h.Until, ""
			if known {
				text = asOf.String()
			}
			out.addStep(rule.Grounds, stepCopyFresh, fresh, string(copied), text, h.Until.String())
			if !fresh {
				out.Outcome, out.Reason = RipeHeld, reasonRegisterStale
			}
		}
	}
	return *out
}

// addStep adds a clause that rests on a value for cases.
func (r *Ripe) addStep(g Grounds, c Clause, holds bool, args ...string) {
	r.Trace = append(r.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: args, Basis: g.LegalBasis, Verified: g.Verified})
}

// withdrawReasonOf names why a case is taken back whose passage is no offence any more.
func withdrawReasonOf(d *schemas.Decision) string {
	switch d.Outcome {
	case schemas.OutcomeDuplicate:
		return withdrawnDuplicate
	case schemas.OutcomeExempt:
		switch d.Reason {
		case reasonDayPass:
			return withdrawnPass
		case reasonLaneExcluded:
			return withdrawnCamera
		default:
			return withdrawnExempt
		}
	case schemas.OutcomeClear:
		switch d.Reason {
		case reasonRegistered:
			return withdrawnRegistered
		case reasonPermit, reasonRuleSuspended:
			return withdrawnExempt
		}
		if d.Reason == reasonNotApplicable && len(d.Trace) > 0 && !d.Trace[0].Holds && strings.HasSuffix(d.Trace[0].Code, ".camera") {
			return withdrawnCamera
		}
		return withdrawnNormKept
	default: // withheld, or a warning only: the catalogue's values are others now
		if reason, ok := withheldReasons[d.Reason]; ok {
			return reason
		}
		return withdrawnValue
	}
}

// withheldReasons names why a case is taken back, for reasons with which the rules find something and propose nothing.
var withheldReasons = map[string]string{
	reasonClock:         withdrawnClock,
	reasonNoLimit:       withdrawnLimit,
	reasonNoCertificate: withdrawnDevice,
	reasonSectionActive: withdrawnDuplicate,
	reasonSectionClock:  withdrawnClock,
}
