package rules

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// lez is the family of the low emission zone of the Brussels-Capital Region (decree of the Government of 25/01/2018, in
// force since 01/01/2018). A vehicle must reach the norm of its fuel and category on the day it is seen; one registered
// abroad must also be registered for the zone. The candidate's period is the Brussels calendar day.
type lez struct {
	cat     *lezRules
	general *general
}

// applies reports whether the camera may find LEZ infringements and saw a vehicle drive in the zone while it is in force.
func (r lez) applies(s *Subject) bool {
	return s.Camera != nil && s.Camera.InsideLEZ && s.Camera.Purposes.Has(schemas.PurposeLEZ) && !s.Passage.Parked &&
		s.Passage.Best.CapturedAt >= r.cat.from
}

// quick answers without a trace. It says quickFull whenever it is not sure.
func (r lez) quick(s *Subject, ref Reference) quick {
	if !r.applies(s) {
		return quickNone
	}
	b := &s.Passage.Best
	at := b.CapturedAt
	veh, found := ref.Vehicle(b.Plate, b.Country, at)
	var a assessment
	if found {
		a = r.assess(&veh, at)
	}
	country := b.Country
	if country.IsZero() {
		country = veh.Country
	}
	if f := r.foreign(country, at); f != nil {
		return r.quickForeign(f, s, ref, found, &a)
	}
	switch a.state {
	case stateOutOfScope:
		return quickNone
	case stateNotConcerned, stateAdmitted:
		return quickClear
	default:
		return quickFull
	}
}

// quickForeign is quick for a vehicle that has to register.
func (r lez) quickForeign(f *entry[foreign], s *Subject, ref Reference, found bool, a *assessment) quick {
	b := &s.Passage.Best
	if b.Country.IsZero() || a.state == stateBelow {
		return quickFull
	}
	reg, registered := r.registered(f, b, b.Country, ref)
	switch {
	case registered && !found:
		declared := declaredVehicle(&reg)
		if d := r.assessDeclared(&declared, b.CapturedAt); d.state == stateBelow {
			return quickFull
		}
		return quickClear
	case !f.v.concerns(found, a.category, b.Kind):
		return quickNone
	case registered:
		return quickClear
	default:
		return quickFull
	}
}

// declaredVehicle is what the owner of a vehicle registered abroad declared of it.
func declaredVehicle(reg *schemas.Registration) schemas.Vehicle {
	return schemas.Vehicle{Country: reg.Country, Category: reg.Category, Class: reg.Class, Fuel: reg.Fuel, Euro: reg.Euro}
}

// concerns reports whether a vehicle must register: by its category when a register gave it, else by what the camera saw.
func (f *foreign) concerns(found bool, c schemas.Category, k schemas.VehicleKind) bool {
	if found && c != schemas.CategoryUnknown && int(c) < len(f.categories) {
		return f.categories[c]
	}
	return int(k) < len(f.kinds) && f.kinds[k]
}

// foreign returns the duty to register of a country's vehicles, or nil: Belgium, an unknown country, a country whose
// register is read directly, or a time without the duty.
func (r lez) foreign(c schemas.Country, at schemas.Micros) *entry[foreign] {
	if c.IsZero() || c == schemas.Belgium {
		return nil
	}
	f := r.cat.foreign.at(at)
	if f == nil {
		return nil
	}
	if slices.Contains(f.v.notNeeded, c) {
		return nil
	}
	return f
}

// registered returns the registration of the vehicle on the day of the passage or within the days of grace after.
func (r lez) registered(f *entry[foreign], b *schemas.Sighting, c schemas.Country, ref Reference) (schemas.Registration, bool) {
	day := b.CapturedAt.Day()
	for i := range schemas.Day(f.v.grace + 1) {
		if reg, ok := ref.Registration(b.Plate, c, day+i); ok {
			return reg, true
		}
	}
	return schemas.Registration{}, false
}

// assume finds the norm that goes with the first registration, or nil.
func (r lez) assume(v *schemas.Vehicle, at schemas.Micros) *entry[euroByDate] {
	if v.FirstRegistration == 0 {
		return nil
	}
	rows := r.cat.euroByDate[v.Category]
	for i := range rows {
		if x := &rows[i]; x.covers(at) && v.FirstRegistration >= x.v.from && v.FirstRegistration < x.v.to {
			return x
		}
	}
	return nil
}

func (n *norm) phaseAt(at schemas.Micros) phase {
	switch {
	case n.suspendedAt(at) != nil:
		return phaseSuspended
	case n.fine != nil && !n.fine.announced && n.fine.covers(at):
		return phaseFine
	case n.warn != nil && !n.warn.announced && n.warn.covers(at):
		return phaseWarning
	default:
		return phaseTolerated
	}
}

func (n *norm) suspendedAt(at schemas.Micros) *suspension {
	for _, s := range n.suspensions {
		if s.covers(at) {
			return s
		}
	}
	return nil
}

// excluded reports whether lane and direction of a sighting are excluded from the zone; maybe is true when the sighting does
// not say enough to exclude that they are.
func excluded(cam *schemas.Camera, b *schemas.Sighting) (yes, maybe bool) {
	if l := cam.Lane(b.Lane, b.Direction); l != nil && l.LEZExcluded {
		return true, false
	}
	for i := range cam.Lanes {
		l := &cam.Lanes[i]
		lane := l.Number == 0 || b.Lane == 0 || l.Number == b.Lane
		direction := l.Direction == schemas.DirectionUnknown || b.Direction == schemas.DirectionUnknown || l.Direction == b.Direction
		vague := b.Lane == 0 && l.Number != 0 || b.Direction == schemas.DirectionUnknown && l.Direction != schemas.DirectionUnknown
		if l.LEZExcluded && lane && direction && vague {
			return false, true
		}
	}
	return false, false
}
