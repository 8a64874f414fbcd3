package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleADR is the rule for dangerous goods in a tunnel whose category forbids them.
const RuleADR schemas.RuleID = "bru.adr.tunnel"

const (
	familyADR  schemas.Family        = "adr"
	adrPurpose schemas.CameraPurpose = 1 << 10
)

// adr is the family for dangerous goods in tunnels. ADR 1.9.5.2 gives a tunnel a category from A (no restriction) to E, and
// 8.6.4 says by the code of a substance through which categories it may not be carried; signs C24 with a letter (art. 68.3 of
// RD 1/12/1975) announce it. The family decides on the read that stated the numbers of an orange plate. No camera sees an
// exempt quantity, an escort or a derogation, so nothing is proposed: a person looks first, and the case goes to the
// prosecutor without an amount. A vehicle without a plate is never a finding: absent means unknown. The candidate's period is
// the Brussels calendar day.
type adr struct {
	codes   map[uint16]datedSeries[tunnelCode]
	track   datedSeries[struct{}]
	general *general
}

var (
	_ Family    = (*adr)(nil)
	_ Evaluator = (*adr)(nil)
)

var adrClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepADRCamera    = adrClauses.addClause("adr.camera", 1)
	stepADRMoving    = adrClauses.addClause("adr.moving", 0)
	stepADRInForce   = adrClauses.addClause("adr.in_force", 1)
	stepADRTunnel    = adrClauses.addClause("adr.tunnel", 3)
	stepADRLane      = adrClauses.addClause("adr.lane", 2)
	stepADRNumbers   = adrClauses.addClause("adr.numbers", 2)
	stepADRSubstance = adrClauses.addClause("adr.substance", 1)
	stepADRBarred    = adrClauses.addClause("adr.barred", 3)
	stepADRCarriage  = adrClauses.addClause("adr.carriage", 1)
	stepADRExempt    = adrClauses.addClause("adr.not_exempt", 0)
	stepADRTrack     = adrClauses.addClause("adr.prosecutor", 0)
)

// Reasons specific to the family.
const (
	reasonADR          = "adr_barred"
	reasonADRFree      = "adr_free"
	reasonADRNumbers   = "adr_numbers_unknown"
	reasonADRSubstance = "adr_substance_unknown"
	reasonADRCarriage  = "adr_carriage_unknown"
	reasonADRExempt    = "adr_exempt_possible"
)

var adrInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyADR, Rule: RuleADR, Purpose: adrPurpose, DecidedOn: StatedSighting, Period: PeriodDay, Stragglers: true, Force: ForceAssistedReview,
		Stated:   []schemas.MeasureName{schemas.OrangePlate},
		Measures: []schemas.MeasureName{schemas.OrangePlate},
		Reasons:  slices.Concat(sharedReasons, registerReasons, []string{reasonADR, reasonADRFree, reasonADRNumbers, reasonADRSubstance, reasonADRCarriage, reasonADRExempt, reasonLaneUnknown}),
		Clauses:  slices.Concat(sharedClauses, registerClauses, adrClauses),
		Todo: withShared(joinTodo(registerTodo, map[string]string{
			reasonADRNumbers: "picture", reasonADRSubstance: "jurist", reasonADRCarriage: "picture", reasonADRExempt: "adr", reasonLaneUnknown: "camera",
		})),
	}
})

// Info implements [Family].
func (*adr) Info() *Info { return adrInfo() }

// Compile implements [Family].
func (r *adr) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// isAuthorised reports whether the camera may find dangerous goods, and stands in a tunnel.
func (r *adr) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(adrPurpose) && len(cam.Tunnels) > 0
}

// tunnelCode says from which category of tunnel on a substance may not be carried: in tanks, and otherwise; 0 = through any.
type tunnelCode struct{ tank, other byte }

// bars reports whether the substance is barred from a tunnel of the category, and whether that is so however it is carried.
func (c tunnelCode) bars(category byte) (barred, surely bool) {
	tank, other := c.tank != 0 && category >= c.tank, c.other != 0 && category >= c.other
	return tank || other, tank && other
}

// orangePlate is what a read stated of an orange plate.
type orangePlate struct {
	on     *schemas.Measurement
	cam    *schemas.Camera
	stated schemas.Measure
	hazard string
	un     uint16 // 0 = no numbers, or none that can be
}

// findPlate returns the measurement at an authorised camera; ok is false when the family does not apply.
func (r *adr) findPlate(s *Subject) (p orangePlate, ok bool) {
	at := s.findMeasurement(adrInfo())
	if at < 0 {
		return p, false
	}
	p.on, p.cam = &s.Passage.Measurements[at], s.cameraOf(at)
	p.stated, _ = p.on.Measure(schemas.OrangePlate)
	p.hazard, p.un = schemas.OrangePlateNumbers(p.stated.Value)
	return p, r.isAuthorised(p.cam) && !s.Passage.Parked && r.track.inForceAt(p.on.On.CapturedAt) != nil
}

// tunnelVisit is a passage in a tunnel.
type tunnelVisit struct {
	tunnel *schemas.Tunnel
	maybe  bool // lane or direction do not say whether it is that one
}

// tunnelAt finds the tunnel of the sighting; of several the strictest that is sure, then the strictest that may be.
func tunnelAt(cam *schemas.Camera, on *schemas.Sighting) (best tunnelVisit) {
	for i := range cam.Tunnels {
		t := &cam.Tunnels[i]
		yes, maybe := t.Place.Covers(on.Lane, on.Direction)
		if !yes && !maybe || !t.HoldsAt(on.CapturedAt) {
			continue
		}
		if best.tunnel == nil || best.maybe && yes || best.maybe == maybe && t.Category > best.tunnel.Category {
			best = tunnelVisit{t, maybe}
		}
	}
	return best
}

// isFree reports whether the tunnel admits the substance, whatever else is in doubt.
func (r *adr) isFree(v tunnelVisit, p *orangePlate) bool {
	if v.tunnel.Category == schemas.TunnelUnrestricted {
		return true
	}
	code := r.codes[p.un].inForceAt(p.on.On.CapturedAt)
	if p.un == 0 || code == nil {
		return false
	}
	barred, _ := code.v.bars(v.tunnel.Category)
	return !barred
}

// Precheck implements [Evaluator].
func (r *adr) Precheck(s *Subject, _ Reference) Precheck {
	p, ok := r.findPlate(s)
	if !ok {
		return NotApplicable
	}
	switch v := tunnelAt(p.cam, &p.on.On); {
	case v.tunnel == nil:
		return NotApplicable
	case r.isFree(v, &p):
		return Clear
	default:
		return Evaluate
	}
}

// Evaluate implements [Evaluator].
func (r *adr) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	p, ok := r.findPlate(s)
	id := ""
	if p.cam != nil {
		id = p.cam.ID
	}
	b.addClause(stepADRCamera, r.isAuthorised(p.cam), id)
	b.addClause(stepADRMoving, p.on != nil && !s.Passage.Parked)
	if !ok {
		if p.on != nil {
			b.addClause(stepADRInForce, r.track.inForceAt(p.on.On.CapturedAt) != nil, p.on.On.CapturedAt.Day().String())
		}
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	on := &b.d.On
	v := tunnelAt(p.cam, on)
	if v.tunnel == nil {
		b.addClause(stepADRLane, false, strconv.Itoa(int(on.Lane)), on.Direction.String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	b.addStatedMeasure(p.stated)
	b.addTunnelClause(v.tunnel, stepADRTunnel, v.tunnel.Category != schemas.TunnelUnrestricted, v.tunnel.ID, string(v.tunnel.Category), on.CapturedAt.String())
	b.d.LegalBasis = v.tunnel.LegalBasis
	b.addClause(stepADRLane, !v.maybe, strconv.Itoa(int(on.Lane)), on.Direction.String())
	if r.addSubstance(b, v, &p) {
		if v.maybe {
			b.addHold(reasonLaneUnknown, 0)
		}
		r.proposeOffence(b, ref)
	}
}

// addSubstance adds the clauses on what is carried; false = the outcome is set.
func (r *adr) addSubstance(b *decisionBuilder, v tunnelVisit, p *orangePlate) bool {
	un := ""
	if p.un != 0 {
		un = schemas.FormatUN(p.un)
	}
	category := string(v.tunnel.Category)
	if v.tunnel.Category == schemas.TunnelUnrestricted {
		b.setOutcome(schemas.OutcomeClear, reasonADRFree)
		return false
	}
	b.addClause(stepADRNumbers, p.un != 0, p.hazard, un)
	code := r.codes[p.un].inForceAt(b.d.On.CapturedAt)
	switch {
	case p.un == 0:
		b.addHold(reasonADRNumbers, 0)
		return true
	case code == nil:
		b.addClause(stepADRSubstance, false, un)
		b.addHold(reasonADRSubstance, 0)
		return true
	}
	barred, surely := code.v.bars(v.tunnel.Category)
	b.addDecidingClause(&code.provenance, stepADRBarred, barred, un, code.v.String(), category)
	if !barred {
		b.setOutcome(schemas.OutcomeClear, reasonADRFree)
		return false
	}
	b.addDecidingClause(&code.provenance, stepADRCarriage, surely, code.v.String())
	if !surely {
		b.addHold(reasonADRCarriage, 0)
	}
	return true
}

// proposeOffence adds the doubts and sets the outcome.
func (r *adr) proposeOffence(b *decisionBuilder, ref Reference) {
	on := &b.d.On
	if !b.clockIsTrusted() {
		b.addHold(reasonClock, 0)
	}
	if b.applyExemption(r.general, ref, on.Plate, on.Country, on.CapturedAt.Day()) {
		return
	}
	b.addClause(stepADRExempt, false)
	b.addHold(reasonADRExempt, 0)
	b.checkPlateReading(r.general)
	b.checkRegister(r.general)
	track := r.track.inForceAt(on.CapturedAt)
	b.addDecidingClause(&track.provenance, stepADRTrack, true)
	b.proposeOnceADay(reasonADR)
}

// addTunnelClause adds a clause that rests on the category of a tunnel.
func (b *decisionBuilder) addTunnelClause(t *schemas.Tunnel, c Clause, holds bool, args ...string) {
	b.d.Trace = append(b.d.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: b.copyArgs(args), Basis: t.LegalBasis, Verified: t.Verified})
	b.d.Verified = b.d.Verified && t.Verified
}
