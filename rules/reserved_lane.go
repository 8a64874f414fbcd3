package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleReservedLane is the rule for a vehicle in a lane that is reserved for buses.
const RuleReservedLane schemas.RuleID = "bru.lane.reserved"

const (
	familyReservedLane  schemas.Family        = "reserved_lane"
	reservedLanePurpose schemas.CameraPurpose = 1 << 7
)

// reservedLane is the family for bus lanes (F17, art. 72.5 of RD 1/12/1975) and tracks apart for public transport (F18,
// art. 72.6). RD 18/12/2002 lets a device without an agent find it. Which lanes are reserved, and when, is reference
// data. A driver who turns at the next junction may enter a lane F17 there, which no single camera can see: where that is
// allowed, the passage is held for a person and never a candidate by itself.
type reservedLane struct {
	edge       datedSeries[schemas.Micros]
	admitted   datedSeries[categorySet]
	amount     datedSeries[int64]
	oneOffence datedSeries[schemas.Micros]
	general    *general
}

var (
	_ Family    = (*reservedLane)(nil)
	_ Evaluator = (*reservedLane)(nil)
)

var reservedLaneClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepLaneCamera   = reservedLaneClauses.addClause("reserved_lane.camera", 1)
	stepLaneMoving   = reservedLaneClauses.addClause("reserved_lane.moving", 0)
	stepLaneInForce  = reservedLaneClauses.addClause("reserved_lane.in_force", 1)
	stepLaneNone     = reservedLaneClauses.addClause("reserved_lane.none", 2)
	stepLaneReserved = reservedLaneClauses.addClause("reserved_lane.reserved", 4)
	stepLaneEdge     = reservedLaneClauses.addClause("reserved_lane.edge", 1)
	stepLaneSure     = reservedLaneClauses.addClause("reserved_lane.sure", 2)
	stepLaneBarred   = reservedLaneClauses.addClause("reserved_lane.barred", 1)
	stepLaneTurn     = reservedLaneClauses.addClause("reserved_lane.no_turn", 0)
	stepLaneAmount   = reservedLaneClauses.addClause("reserved_lane.amount", 1)
	stepLaneOne      = reservedLaneClauses.addClause("reserved_lane.one_offence", 2)
)

// Reasons specific to the family.
const (
	reasonLaneFree     = "lane_not_reserved"
	reasonLaneEdge     = "lane_edge"
	reasonLaneAdmitted = "lane_admitted"
	reasonLaneUsed     = "reserved_lane_used"
	reasonTurnPossible = "turn_possible"
)

// exemptionTaxi is the kind of exemption of taxis, which counts in a lane for buses and taxis alone.
const exemptionTaxi = "taxi"

var reservedLaneInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyReservedLane, Rule: RuleReservedLane, Purpose: reservedLanePurpose, DecidedOn: BestSighting, Period: PeriodPassage, Force: ForceSanction,
		Reasons: slices.Concat(sharedReasons, registerReasons, []string{
			reasonLaneFree,
			reasonLaneEdge,
			reasonLaneAdmitted,
			reasonLaneUsed,
			reasonTurnPossible,
			reasonLaneUnknown,
		}),
		Clauses: slices.Concat(sharedClauses, registerClauses, reservedLaneClauses),
		Todo:    withShared(joinTodo(registerTodo, map[string]string{reasonTurnPossible: "picture", reasonLaneUnknown: "camera"})),
	}
})

// Info implements [Family].
func (*reservedLane) Info() *Info { return reservedLaneInfo() }

// Compile implements [Family].
func (r *reservedLane) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// isAuthorised reports whether the camera may find infringements, and sees a reserved lane.
func (r *reservedLane) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(reservedLanePurpose) &&
		slices.ContainsFunc(cam.Lanes, func(l schemas.Lane) bool { return len(l.Reserved) > 0 })
}

type rawLaneAdmitted struct {
	Meta       rawProvenance `yaml:",inline"`
	Categories []string      `yaml:"categories"`
}

type rawLaneAmount struct {
	Meta  rawProvenance `yaml:",inline"`
	Cents string        `yaml:"cents"`
}

var bandFirstDegree = band{4000, 20_000, "cents: EUR 58 is written 5800"}

// Load implements [Family].
func (r *reservedLane) Load(s *Sections) {
	r.general = s.general
	declareSeries(s, "lane_edge", (*checker).convertEdge, &r.edge)
	declareSeries(s, "lane_admitted", func(c *checker, path string, x *rawLaneAdmitted) datedValue[categorySet] {
		return datedValue[categorySet]{c.checkProvenance(path, &x.Meta), c.parseCategories(path+".categories", x.Categories)}
	}, &r.admitted)
	declareSeries(s, "lane_amount", func(c *checker, path string, x *rawLaneAmount) datedValue[int64] {
		return datedValue[int64]{c.checkProvenance(path, &x.Meta), c.parsePlausible(path+".cents", x.Cents, bandFirstDegree)}
	}, &r.amount)
	declareSeries(s, "lane_one_offence", (*checker).convertEdge, &r.oneOffence)
}

// laneVisit is a passage at a reserved lane.
type laneVisit struct {
	lane  *schemas.ReservedLane
	holds bool // reserved at the capture
	edge  bool // but not by the uncertainty of the clock before or after it
	vague bool // lane or direction do not say whether the vehicle drove in it
}

// visitAt finds the reserved lane of a sighting; lane nil = it drove in none.
func (r *reservedLane) visitAt(cam *schemas.Camera, on *schemas.Sighting) (best laneVisit) {
	margin := schemas.Micros(0)
	if e := r.edge.inForceAt(on.CapturedAt); e != nil {
		margin = e.v
	}
	if l := cam.Lane(on.Lane, on.Direction); l != nil {
		if best = laneAt(l, on.CapturedAt, margin); best.lane != nil {
			return best
		}
	}
	for i := range cam.Lanes {
		l := &cam.Lanes[i]
		lane := l.Number == 0 || on.Lane == 0 || l.Number == on.Lane
		direction := l.Direction == schemas.DirectionUnknown || on.Direction == schemas.DirectionUnknown || l.Direction == on.Direction
		vague := on.Lane == 0 && l.Number != 0 || on.Direction == schemas.DirectionUnknown && l.Direction != schemas.DirectionUnknown
		if !lane || !direction || !vague {
			continue
		}
		v := laneAt(l, on.CapturedAt, margin)
		if v.vague = true; v.lane != nil && (best.lane == nil || v.holds && !best.holds) {
			best = v
		}
	}
	return best
}

// laneAt returns what reserves a lane at an instant, or will or did.
func laneAt(l *schemas.Lane, at, margin schemas.Micros) (out laneVisit) {
	for i := range l.Reserved {
		x := &l.Reserved[i]
		if x.HoldsAt(at) {
			return laneVisit{lane: x, holds: true, edge: !laneHolds(l, at-margin) || !laneHolds(l, at+margin)}
		}
		if out.lane == nil {
			out.lane = x
		}
	}
	return out
}

func laneHolds(l *schemas.Lane, at schemas.Micros) bool {
	return slices.ContainsFunc(l.Reserved, func(x schemas.ReservedLane) bool { return x.HoldsAt(at) })
}

// Precheck implements [Evaluator].
func (r *reservedLane) Precheck(s *Subject, ref Reference) Precheck {
	on := &s.Passage.Best
	if s.Passage.Parked || !r.isAuthorised(s.Camera) || r.amount.inForceAt(on.CapturedAt) == nil {
		return NotApplicable
	}
	visit := r.visitAt(s.Camera, on)
	switch {
	case visit.lane == nil:
		return NotApplicable
	case !visit.holds, visit.edge:
		return Clear
	}
	free := r.admitted.inForceAt(on.CapturedAt)
	if veh, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt); found && free != nil && free.v.has(veh.Category) {
		return Clear
	}
	return Evaluate
}

// Evaluate implements [Evaluator].
func (r *reservedLane) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	id := ""
	if s.Camera != nil {
		id = s.Camera.ID
	}
	on := &s.Passage.Best
	amount := r.amount.inForceAt(on.CapturedAt)
	b.addClause(stepLaneCamera, r.isAuthorised(s.Camera), id)
	b.addClause(stepLaneMoving, !s.Passage.Parked)
	b.addClause(stepLaneInForce, amount != nil, on.CapturedAt.Day().String())
	if s.Passage.Parked || !r.isAuthorised(s.Camera) || amount == nil {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	visit := r.visitAt(s.Camera, on)
	if visit.lane == nil {
		b.addClause(stepLaneNone, false, strconv.Itoa(int(on.Lane)), on.Direction.String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if r.addLaneClauses(b, &visit) && r.isBarred(b, ref) {
		r.proposeOffence(b, s, ref, &visit, amount)
	}
}

// addLaneClauses adds the clauses on sign, hours and lane; false = the outcome is set.
func (r *reservedLane) addLaneClauses(b *decisionBuilder, visit *laneVisit) bool {
	lane, on := visit.lane, &b.d.On
	b.d.Trace = append(b.d.Trace, schemas.Step{
		Code: stepLaneReserved.Key, Holds: visit.holds, Basis: lane.LegalBasis, Verified: lane.Verified,
		Args: b.copyArgs([]string{strconv.Itoa(int(on.Lane)), lane.Sign.String(), lane.Use.String(), on.CapturedAt.String()}),
	})
	b.d.Verified, b.d.LegalBasis = b.d.Verified && lane.Verified, lane.LegalBasis
	if !visit.holds {
		b.setOutcome(schemas.OutcomeClear, reasonLaneFree)
		return false
	}
	if e := r.edge.inForceAt(on.CapturedAt); e != nil {
		b.addDecidingClause(&e.provenance, stepLaneEdge, !visit.edge, strconv.FormatInt(int64(e.v/schemas.Second), 10))
	}
	if visit.edge {
		b.setOutcome(schemas.OutcomeClear, reasonLaneEdge)
		return false
	}
	b.addClause(stepLaneSure, !visit.vague, strconv.Itoa(int(on.Lane)), on.Direction.String())
	if visit.vague {
		b.addHold(reasonLaneUnknown, 0)
	}
	return true
}

// isBarred adds the clauses on the vehicle; false = the outcome is set.
func (r *reservedLane) isBarred(b *decisionBuilder, ref Reference) bool {
	on := &b.d.On
	veh, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt)
	free := r.admitted.inForceAt(on.CapturedAt)
	if free == nil {
		return true
	}
	barred := !found || !free.v.has(veh.Category)
	b.addDecidingClause(&free.provenance, stepLaneBarred, barred, veh.Category.String())
	if !barred {
		b.setOutcome(schemas.OutcomeClear, reasonLaneAdmitted)
	}
	return barred
}

// proposeOffence adds the doubts and the amount and sets the outcome.
func (r *reservedLane) proposeOffence(b *decisionBuilder, s *Subject, ref Reference, visit *laneVisit, amount *datedValue[int64]) {
	on := &s.Passage.Best
	day := on.CapturedAt.Day()
	if !b.clockIsTrusted() {
		b.addHold(reasonClock, 0)
	}
	taxi, has := ref.Exemption(on.Plate, on.Country, familyReservedLane, day)
	if has && taxi.Kind == exemptionTaxi && visit.lane.Use == schemas.LaneBus {
		b.addClause(stepExemption, false, taxi.Kind, taxi.Ref)
		b.addHold(reasonExemptionUnclear, 0)
	} else if b.applyExemption(r.general, ref, on.Plate, on.Country, day) {
		return
	}
	b.addClause(stepLaneTurn, !visit.lane.TurnAllowed)
	if visit.lane.TurnAllowed {
		b.addHold(reasonTurnPossible, 0)
	}
	b.checkPlateReading(r.general)
	b.checkRegister(r.general)
	b.d.AmountCents, b.d.LegalBasis = amount.v, amount.cite
	b.addDecidingClause(&amount.provenance, stepLaneAmount, true, strconv.FormatInt(amount.v, 10))
	span := r.spanAt(on.CapturedAt)
	seen := b.identifyOffence(on.Read.ID[:], s.Camera.Site, span)
	if e := r.oneOffence.inForceAt(on.CapturedAt); e != nil {
		b.addDecidingClause(&e.provenance, stepLaneOne, !seen, s.Camera.Site, strconv.FormatInt(int64(span/schemas.Second), 10))
	}
	b.setCandidateOutcome(reasonLaneUsed, seen)
}

// spanAt implements spanner.
func (r *reservedLane) spanAt(at schemas.Micros) schemas.Micros {
	if e := r.oneOffence.inForceAt(at); e != nil {
		return e.v
	}
	return 0
}
