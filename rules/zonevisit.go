package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// zoneState says what the hours and the camera tell about a passage at an access zone. Higher goes before lower.
type zoneState uint8

const (
	zoneNone   zoneState = iota // the passage enters no such zone
	zoneOpen                    // the zone is not barred then
	zoneEdge                    // so near an edge of the slot that the camera's clock may be wrong
	zoneNoDay                   // the calendar does not say whether it is a school day
	zoneNoLane                  // lane or direction do not say whether the vehicle enters
	zoneBarred                  // the vehicle enters a zone that is barred
)

// zoneVisit is a passage at an access zone.
type zoneVisit struct {
	zone  *schemas.AccessZone
	state zoneState
}

// zoneKinds is a set of kinds of zones.
type zoneKinds uint8

func (s zoneKinds) has(k schemas.ZoneKind) bool { return s&(1<<k) != 0 }

// concernsCamera reports whether the camera sees vehicles enter a zone of the kinds.
func (s zoneKinds) concernsCamera(cam *schemas.Camera) bool {
	for i := range cam.AccessZones {
		if s.has(cam.AccessZones[i].Zone.Kind) {
			return true
		}
	}
	return false
}

// visitAt finds the zone of the kinds that the sighting enters. Of several the barred one counts, then the first in the
// order of the registry. edge is the uncertainty of a camera's clock: a zone is barred when it is so at the capture, and
// by edge before and after it.
func (s zoneKinds) visitAt(cam *schemas.Camera, on *schemas.Sighting, edge schemas.Micros) (best zoneVisit) {
	for i := range cam.AccessZones {
		e := &cam.AccessZones[i]
		if !s.has(e.Zone.Kind) {
			continue
		}
		yes, maybe := e.Covers(on.Lane, on.Direction)
		if !yes && !maybe {
			continue
		}
		state := zoneStateAt(e.Zone, on.CapturedAt, edge)
		if state >= zoneNoDay && maybe {
			state = zoneNoLane
		}
		if state > best.state {
			best = zoneVisit{e.Zone, state}
		}
	}
	return best
}

func zoneStateAt(z *schemas.AccessZone, at, edge schemas.Micros) zoneState {
	barred, known := z.BarredAt(at)
	if !barred && known {
		return zoneOpen
	}
	before, knownBefore := z.BarredAt(at - edge)
	after, knownAfter := z.BarredAt(at + edge)
	switch {
	case knownBefore && !before || knownAfter && !after:
		return zoneEdge
	case !known || !knownBefore || !knownAfter:
		return zoneNoDay
	default:
		return zoneBarred
	}
}

// permitFor returns the vehicle's permit for the zone at the capture, or within edge of it: the clock may be wrong.
func permitFor(ref Reference, on *schemas.Sighting, zone string, edge schemas.Micros) (schemas.Permit, bool) {
	for _, at := range [...]schemas.Micros{on.CapturedAt, on.CapturedAt - edge, on.CapturedAt + edge} {
		if p, ok := ref.Permit(on.Plate, on.Country, zone, at); ok {
			return p, true
		}
		if edge == 0 {
			break
		}
	}
	return schemas.Permit{}, false
}

// zoneClauses lists the clauses of families that decide at access zones.
var zoneClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepZoneHours    = zoneClauses.addClause("zone.hours", 3)
	stepZoneEdge     = zoneClauses.addClause("zone.edge", 1)
	stepZoneDay      = zoneClauses.addClause("zone.day", 2)
	stepZoneLane     = zoneClauses.addClause("zone.lane", 2)
	stepZoneNoPermit = zoneClauses.addClause("zone.no_permit", 3)
	stepZonePermits  = zoneClauses.addClause("zone.permits_complete", 2)
)

// The reasons that these families share.
const (
	reasonZoneOpen   = "zone_open"
	reasonZoneEdge   = "zone_edge"
	reasonPermit     = "permit"
	reasonPermitsOld = "permits_incomplete"
	reasonSchoolDay  = "school_day_unknown"
)

// zoneReasons lists them for [Info].
var zoneReasons = []string{reasonZoneOpen, reasonZoneEdge, reasonPermit, reasonPermitsOld, reasonSchoolDay, reasonLaneUnknown}

// zoneTodo says who clears the holds.
var zoneTodo = map[string]string{
	reasonPermitsOld:  "permits",
	reasonSchoolDay:   "calendar",
	reasonLaneUnknown: "camera",
}

// addZoneClauses adds the clauses on zone, hours and permits; false = the outcome is set.
func (b *decisionBuilder) addZoneClauses(visit zoneVisit, edge *datedValue[schemas.Micros], ref Reference) bool {
	z, on := visit.zone, &b.d.On
	b.addZoneClause(z, stepZoneHours, visit.state != zoneOpen, z.ID, z.Kind.String(), on.CapturedAt.String())
	b.d.LegalBasis = z.LegalBasis
	if visit.state == zoneOpen {
		b.setOutcome(schemas.OutcomeClear, reasonZoneOpen)
		return false
	}
	var margin schemas.Micros
	if edge != nil {
		margin = edge.v
		b.addDecidingClause(&edge.provenance, stepZoneEdge, visit.state != zoneEdge, strconv.FormatInt(int64(margin/schemas.Second), 10))
	}
	if visit.state == zoneEdge {
		b.setOutcome(schemas.OutcomeClear, reasonZoneEdge)
		return false
	}
	if z.Calendar != nil {
		b.addClause(stepZoneDay, visit.state != zoneNoDay, on.CapturedAt.Day().String(), z.Calendar.ID)
	}
	if visit.state == zoneNoDay {
		b.addHold(reasonSchoolDay, 0)
	}
	b.addClause(stepZoneLane, visit.state != zoneNoLane, strconv.Itoa(int(on.Lane)), on.Direction.String())
	if visit.state == zoneNoLane {
		b.addHold(reasonLaneUnknown, 0)
	}
	permit, has := permitFor(ref, on, z.ID, margin)
	b.addClause(stepZoneNoPermit, !has, z.ID, permit.Reason, permit.Version)
	if has && !on.Country.IsZero() {
		b.setOutcome(schemas.OutcomeClear, reasonPermit)
		return false
	}
	b.checkPermits(z, margin)
	return true
}

// checkPermits holds while the copy of the permits ends before the capture, and a German plate that has a permit without
// its boundary.
func (b *decisionBuilder) checkPermits(z *schemas.AccessZone, margin schemas.Micros) {
	on := &b.d.On
	asOf, stated := b.ref.CopyAsOf(CopyPermits)
	text := ""
	if stated {
		text = asOf.String()
	}
	complete := stated && asOf >= on.CapturedAt
	b.addClause(stepZonePermits, complete, text, on.CapturedAt.String())
	if !complete {
		b.addHold(reasonPermitsOld, 0)
	}
	if bare := on.Plate.Unbounded(); bare != on.Plate || on.Plate.Ambiguous() {
		short := *on
		short.Plate, short.Country = bare, schemas.Germany
		raw := b.ref
		if c, ok := raw.(careful); ok {
			raw = c.Reference
		}
		if _, has := permitFor(raw, &short, z.ID, margin); has {
			b.addHold(reasonPlateAmbiguous, 0)
		}
	}
}

// addZoneClause adds a clause that rests on the zone's regulation.
func (b *decisionBuilder) addZoneClause(z *schemas.AccessZone, c Clause, holds bool, args ...string) {
	b.d.Trace = append(b.d.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: b.copyArgs(args), Basis: z.LegalBasis, Verified: z.Verified})
	b.d.Verified = b.d.Verified && z.Verified
}
