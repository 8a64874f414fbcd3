package rules

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleAccess is the rule for a vehicle in a pedestrian zone, behind a sign C3 or in a school street.
const RuleAccess schemas.RuleID = "bru.access.zone"

const (
	familyAccess  schemas.Family        = "access"
	accessPurpose schemas.CameraPurpose = 1 << 6
)

// accessKinds are the zones of the family.
const accessKinds zoneKinds = 1<<schemas.ZonePedestrian | 1<<schemas.ZoneRestricted | 1<<schemas.ZoneSchool

// access is the family for zones that vehicles may not enter without a permit: pedestrian zones (F103, art. 22sexies of
// RD 1/12/1975), streets behind a sign C3 (art. 68.3 of that decree) and school streets (art. 2.68 and 22undecies of it).
// The Act of 24/06/2013, art. 3, 3°, lets a municipality fine what cameras find at signs C3 and F103. Zones, their hours
// and the permits are reference data. The candidate's period is the Brussels calendar day.
type access struct {
	accessRules
	general *general
}

var (
	_ Family    = (*access)(nil)
	_ Evaluator = (*access)(nil)
)

var accessClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepAccessCamera  = accessClauses.addClause("access.camera", 1)
	stepAccessMoving  = accessClauses.addClause("access.moving", 0)
	stepAccessEnters  = accessClauses.addClause("access.enters", 2)
	stepAccessInForce = accessClauses.addClause("access.in_force", 2)
	stepAccessAmount  = accessClauses.addClause("access.amount", 1)
)

// reasonAccess is the family's own reason.
const reasonAccess = "access_barred"

var accessInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyAccess, Rule: RuleAccess, Purpose: accessPurpose, DecidedOn: BestSighting, Period: PeriodDay, Stragglers: true, Force: ForceSanction,
		Reasons: slices.Concat(sharedReasons, registerReasons, zoneReasons, []string{reasonAccess}),
		Clauses: slices.Concat(sharedClauses, registerClauses, zoneClauses, accessClauses),
		Todo:    withShared(joinTodo(registerTodo, zoneTodo)),
	}
})

// joinTodo joins two parts of a family's actions.
func joinTodo(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// Info implements [Family].
func (*access) Info() *Info { return accessInfo() }

// Compile implements [Family].
func (r *access) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// isAuthorised reports whether the camera may find infringements, and sees vehicles enter a zone.
func (r *access) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(accessPurpose) && accessKinds.concernsCamera(cam)
}

// accessRules are the catalogue values of the family.
type accessRules struct {
	edge   datedSeries[schemas.Micros]
	amount map[schemas.ZoneKind]datedSeries[int64]
}

type rawEdge struct {
	Meta    rawProvenance `yaml:",inline"`
	Seconds string        `yaml:"seconds"`
}

type rawAccessAmount struct {
	Meta  rawProvenance `yaml:",inline"`
	Kind  string        `yaml:"kind" subject:"yes" words:"zonekind"`
	Cents string        `yaml:"cents"`
}

var (
	bandEdge      = band{1, 600, "seconds"}
	bandMunicipal = band{2500, 35_000, "cents: EUR 58 is written 5800"}
)

// Load implements [Family].
func (r *access) Load(s *Sections) {
	r.general = s.general
	declareSeries(s, "access_edge", (*checker).convertEdge, &r.edge)
	declareKeyed(s, "access_amounts", (*checker).accessAmount, &r.amount)
}

func (c *checker) convertEdge(path string, r *rawEdge) datedValue[schemas.Micros] {
	return datedValue[schemas.Micros]{c.checkProvenance(path, &r.Meta), schemas.Micros(c.parsePlausible(path+".seconds", r.Seconds, bandEdge)) * schemas.Second}
}

func (c *checker) accessAmount(path string, r *rawAccessAmount) datedValue[keyed[schemas.ZoneKind, int64]] {
	kind, ok := schemas.ParseZoneKind(r.Kind)
	if !ok || !accessKinds.has(kind) {
		c.errorf(path+".kind", "write pedestrian, restricted or school", "%q is no such zone", r.Kind)
	}
	return datedValue[keyed[schemas.ZoneKind, int64]]{
		c.checkProvenance(path, &r.Meta), keyed[schemas.ZoneKind, int64]{kind, c.parsePlausible(path+".cents", r.Cents, bandMunicipal)},
	}
}

// marginAt returns the uncertainty of a camera's clock at the edge of a slot; nil = no value is in force.
func (r *accessRules) marginAt(at schemas.Micros) (e *datedValue[schemas.Micros], margin schemas.Micros) {
	if e = r.edge.inForceAt(at); e != nil {
		margin = e.v
	}
	return e, margin
}

// Precheck implements [Evaluator].
func (r *access) Precheck(s *Subject, ref Reference) Precheck {
	if s.Passage.Parked || !r.isAuthorised(s.Camera) {
		return NotApplicable
	}
	on := &s.Passage.Best
	_, margin := r.marginAt(on.CapturedAt)
	visit := accessKinds.visitAt(s.Camera, on, margin)
	switch visit.state {
	case zoneNone:
		return NotApplicable
	case zoneOpen, zoneEdge:
		if r.amount[visit.zone.Kind].inForceAt(on.CapturedAt) == nil {
			return NotApplicable
		}
		return Clear
	case zoneNoDay, zoneNoLane, zoneBarred:
	}
	if r.amount[visit.zone.Kind].inForceAt(on.CapturedAt) == nil {
		return NotApplicable
	}
	if !on.Country.IsZero() {
		if _, has := permitFor(ref, on, visit.zone.ID, margin); has {
			return Clear
		}
	}
	return Evaluate
}

// Evaluate implements [Evaluator].
func (r *access) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	id := ""
	if s.Camera != nil {
		id = s.Camera.ID
	}
	b.addClause(stepAccessCamera, r.isAuthorised(s.Camera), id)
	b.addClause(stepAccessMoving, !s.Passage.Parked)
	if s.Passage.Parked || !r.isAuthorised(s.Camera) {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	on := &s.Passage.Best
	edge, margin := r.marginAt(on.CapturedAt)
	visit := accessKinds.visitAt(s.Camera, on, margin)
	if visit.zone == nil {
		b.addClause(stepAccessEnters, false, strconv.Itoa(int(on.Lane)), on.Direction.String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	amount := r.amount[visit.zone.Kind].inForceAt(on.CapturedAt)
	if amount == nil {
		b.addClause(stepAccessInForce, false, on.CapturedAt.Day().String(), visit.zone.Kind.String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if b.addZoneClauses(visit, edge, ref) {
		r.proposeOffence(b, s, ref, amount)
	}
}

// proposeOffence adds the doubts and the amount and sets the outcome.
func (r *access) proposeOffence(b *decisionBuilder, s *Subject, ref Reference, amount *datedValue[int64]) {
	on := &s.Passage.Best
	day := on.CapturedAt.Day()
	if !b.clockIsTrusted() { // the vehicle was there, only the time is doubtful: an officer may still find the time
		b.addHold(reasonClock, 0)
	}
	if b.applyExemption(r.general, ref, on.Plate, on.Country, day) {
		return
	}
	b.checkPlateReading(r.general)
	b.checkRegister(r.general)
	b.d.AmountCents = amount.v
	b.addDecidingClause(&amount.provenance, stepAccessAmount, true, strconv.FormatInt(amount.v, 10))
	b.proposeOnceADay(reasonAccess)
}

// proposeOnceADay sets the outcome of a family whose period is the Brussels calendar day.
func (b *decisionBuilder) proposeOnceADay(reason string) {
	day := b.d.On.CapturedAt.Day()
	var period [4]byte
	binary.BigEndian.PutUint32(period[:], uint32(day))
	seen := b.identifyOffence(period[:], "", schemas.UnlimitedSpan)
	b.addClause(stepNotSeen, !seen, day.String())
	b.setCandidateOutcome(reason, seen)
}
