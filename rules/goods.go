package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// RuleGoods is the rule for a goods vehicle behind a sign C23.
const RuleGoods schemas.RuleID = "bru.goods.zone"

const (
	familyGoods  schemas.Family        = "goods"
	goodsPurpose schemas.CameraPurpose = 1 << 8
)

// goodsKinds are the zones of the family.
const goodsKinds zoneKinds = 1 << schemas.ZoneGoods

// goods is the family for streets that are barred to goods vehicles (sign C23, art. 68.3 of RD 1/12/1975), perhaps only
// above a maximum mass. The Act of 30/07/2022 lets a device without an agent find it. No source for the degree was found,
// so a case carries no amount and goes to the prosecutor. The mass follows from the register's category, never from what
// the camera saw. The candidate's period is the Brussels calendar day.
type goods struct {
	edge    datedSeries[schemas.Micros]
	vehicle datedSeries[categorySet]
	track   datedSeries[struct{}]
	general *general
}

var (
	_ Family    = (*goods)(nil)
	_ Evaluator = (*goods)(nil)
)

var goodsClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepGoodsCamera  = goodsClauses.addClause("goods.camera", 1)
	stepGoodsMoving  = goodsClauses.addClause("goods.moving", 0)
	stepGoodsEnters  = goodsClauses.addClause("goods.enters", 2)
	stepGoodsInForce = goodsClauses.addClause("goods.in_force", 1)
	stepGoodsVehicle = goodsClauses.addClause("goods.vehicle", 1)
	stepGoodsMass    = goodsClauses.addClause("goods.mass", 2)
	stepGoodsLocal   = goodsClauses.addClause("goods.no_local_traffic", 0)
	stepGoodsTrack   = goodsClauses.addClause("goods.prosecutor", 0)
)

// Reasons specific to the family.
const (
	reasonGoods        = "goods_barred"
	reasonGoodsLight   = "goods_light"
	reasonGoodsNot     = "goods_other_vehicle"
	reasonGoodsMass    = "goods_mass_unknown"
	reasonLocalTraffic = "local_traffic_possible"
)

var goodsInfo = sync.OnceValue(func() *Info {
	return &Info{
		Family: familyGoods, Rule: RuleGoods, Purpose: goodsPurpose, DecidedOn: BestSighting, Period: PeriodDay, Stragglers: true, Force: ForceSanction,
		Reasons: slices.Concat(sharedReasons, registerReasons, zoneReasons, []string{reasonGoods, reasonGoodsLight, reasonGoodsNot, reasonGoodsMass, reasonLocalTraffic}),
		Clauses: slices.Concat(sharedClauses, registerClauses, zoneClauses, goodsClauses),
		Todo:    withShared(joinTodo(joinTodo(registerTodo, zoneTodo), map[string]string{reasonGoodsMass: "vehicle", reasonLocalTraffic: "picture"})),
	}
})

// Info implements [Family].
func (*goods) Info() *Info { return goodsInfo() }

// Compile implements [Family].
func (r *goods) Compile(cam *schemas.Camera) Compiled {
	return Compiled{Passage: r, Never: !r.isAuthorised(cam)}
}

// isAuthorised reports whether the camera may find infringements, and sees vehicles enter a zone.
func (r *goods) isAuthorised(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(goodsPurpose) && goodsKinds.concernsCamera(cam)
}

type rawGoodsTrack struct {
	Meta rawProvenance `yaml:",inline"`
}

// Load implements [Family].
func (r *goods) Load(s *Sections) {
	r.general = s.general
	declareSeries(s, "goods_edge", (*checker).convertEdge, &r.edge)
	declareSeries(s, "goods_vehicles", func(c *checker, path string, x *rawLaneAdmitted) datedValue[categorySet] {
		return datedValue[categorySet]{c.checkProvenance(path, &x.Meta), c.parseCategories(path+".categories", x.Categories)}
	}, &r.vehicle)
	declareSeries(s, "goods_prosecutor", func(c *checker, path string, x *rawGoodsTrack) datedValue[struct{}] {
		return datedValue[struct{}]{provenance: c.checkProvenance(path, &x.Meta)}
	}, &r.track)
}

// massRange returns the maximum masses, in kg, that a category of goods vehicles can have: above least, up to most
// (Regulation (EU) 2018/858, annex I). ok is false for other categories.
func massRange(c schemas.Category) (least, most uint32, ok bool) {
	switch c {
	case schemas.N1:
		return 0, 3500, true
	case schemas.N2:
		return 3500, 12_000, true
	case schemas.N3:
		return 12_000, 1 << 31, true
	default:
		return 0, 0, false
	}
}

// goodsAnswer says what the register tells about a vehicle at a sign C23.
type goodsAnswer uint8

const (
	goodsUnknown goodsAnswer = iota // no register knows the vehicle, or its category
	goodsOther                      // no goods vehicle
	goodsLight                      // not above the mass
	goodsUnsure                     // the category does not say whether it is
	goodsBarred
)

func (r *goods) assess(z *schemas.AccessZone, veh *schemas.Vehicle, found bool, at schemas.Micros) goodsAnswer {
	of := r.vehicle.inForceAt(at)
	least, most, ok := massRange(veh.Category)
	switch {
	case !found || veh.Category == schemas.CategoryUnknown:
		return goodsUnknown
	case of == nil || !of.v.has(veh.Category) || !ok:
		return goodsOther
	case least >= z.AboveKG:
		return goodsBarred
	case most <= z.AboveKG:
		return goodsLight
	default:
		return goodsUnsure
	}
}

// Precheck implements [Evaluator].
func (r *goods) Precheck(s *Subject, ref Reference) Precheck {
	on := &s.Passage.Best
	if s.Passage.Parked || !r.isAuthorised(s.Camera) || r.track.inForceAt(on.CapturedAt) == nil {
		return NotApplicable
	}
	margin := schemas.Micros(0)
	if e := r.edge.inForceAt(on.CapturedAt); e != nil {
		margin = e.v
	}
	visit := goodsKinds.visitAt(s.Camera, on, margin)
	switch visit.state {
	case zoneNone:
		return NotApplicable
	case zoneOpen, zoneEdge:
		return Clear
	case zoneNoDay, zoneNoLane, zoneBarred:
	}
	veh, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt)
	switch r.assess(visit.zone, &veh, found, on.CapturedAt) {
	case goodsOther, goodsLight:
		return Clear
	case goodsUnknown:
		if on.Kind != schemas.KindTruck {
			return Clear
		}
	case goodsUnsure, goodsBarred:
	}
	if !on.Country.IsZero() {
		if _, has := permitFor(ref, on, visit.zone.ID, margin); has {
			return Clear
		}
	}
	return Evaluate
}

// Evaluate implements [Evaluator].
func (r *goods) Evaluate(b *decisionBuilder, s *Subject, ref Reference) {
	id := ""
	if s.Camera != nil {
		id = s.Camera.ID
	}
	on := &s.Passage.Best
	inForce := r.track.inForceAt(on.CapturedAt) != nil
	b.addClause(stepGoodsCamera, r.isAuthorised(s.Camera), id)
	b.addClause(stepGoodsMoving, !s.Passage.Parked)
	b.addClause(stepGoodsInForce, inForce, on.CapturedAt.Day().String())
	if s.Passage.Parked || !r.isAuthorised(s.Camera) || !inForce {
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	edge, margin := r.edge.inForceAt(on.CapturedAt), schemas.Micros(0)
	if edge != nil {
		margin = edge.v
	}
	visit := goodsKinds.visitAt(s.Camera, on, margin)
	if visit.zone == nil {
		b.addClause(stepGoodsEnters, false, strconv.Itoa(int(on.Lane)), on.Direction.String())
		b.setOutcome(schemas.OutcomeClear, reasonNotApplicable)
		return
	}
	if visit.state > zoneEdge && !r.concernsVehicle(b, visit.zone, ref) {
		return
	}
	if b.addZoneClauses(visit, edge, ref) {
		r.proposeOffence(b, ref, visit.zone)
	}
}

// concernsVehicle adds the clauses on the vehicle; false = the outcome is set.
func (r *goods) concernsVehicle(b *decisionBuilder, z *schemas.AccessZone, ref Reference) bool {
	on := &b.d.On
	veh, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt)
	answer := r.assess(z, &veh, found, on.CapturedAt)
	concerned := answer > goodsOther || answer == goodsUnknown && on.Kind == schemas.KindTruck
	if of := r.vehicle.inForceAt(on.CapturedAt); of != nil {
		b.addDecidingClause(&of.provenance, stepGoodsVehicle, concerned, veh.Category.String())
	}
	if !concerned {
		b.setOutcome(schemas.OutcomeClear, reasonGoodsNot)
		return false
	}
	if answer != goodsUnknown {
		b.addZoneClause(z, stepGoodsMass, answer == goodsBarred, veh.Category.String(), strconv.Itoa(int(z.AboveKG)))
	}
	if answer == goodsLight {
		b.setOutcome(schemas.OutcomeClear, reasonGoodsLight)
		return false
	}
	if answer == goodsUnsure {
		b.addHold(reasonGoodsMass, 0)
	}
	return true
}

// proposeOffence adds the doubts and sets the outcome.
func (r *goods) proposeOffence(b *decisionBuilder, ref Reference, z *schemas.AccessZone) {
	on := &b.d.On
	if !b.clockIsTrusted() {
		b.addHold(reasonClock, 0)
	}
	if b.applyExemption(r.general, ref, on.Plate, on.Country, on.CapturedAt.Day()) {
		return
	}
	b.addClause(stepGoodsLocal, !z.LocalTraffic)
	if z.LocalTraffic {
		b.addHold(reasonLocalTraffic, 0)
	}
	b.checkPlateReading(r.general)
	veh, found := b.checkRegister(r.general)
	if found && veh.Category == schemas.CategoryUnknown {
		b.addHold(reasonGoodsMass, 0)
	}
	track := r.track.inForceAt(on.CapturedAt)
	b.d.LegalBasis = track.cite
	b.addDecidingClause(&track.provenance, stepGoodsTrack, true)
	b.proposeOnceADay(reasonGoods)
}
