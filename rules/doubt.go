package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// Evidence at hand that speaks against a reading. It never frees and never fines; it holds, until a person has looked at the picture.

// doubtsCountry reports whether the camera itself was not sure of the country. A camera that gives no confidence is not doubted.
func (g *general) doubtsCountry(on *schemas.Sighting) bool {
	least := g.country.at(on.CapturedAt)
	return least != nil && on.CountryConfidence != 0 && on.CountryConfidence < least.v
}

// country adds the clause on the confidence of the country and holds what rests on a guess: countries share forms of plates (AB123CD is
// French and Italian), so the plate itself does not say.
func (v *verdict) country(g *general) {
	on := &v.d.On
	m := g.country.at(on.CapturedAt)
	if m == nil || on.CountryConfidence == 0 || on.Country.IsZero() {
		return
	}
	sure := !g.doubtsCountry(on)
	v.cite(&m.meta, stepCountryConfidence, sure, strconv.Itoa(int(on.CountryConfidence)), strconv.Itoa(int(m.v)))
	if !sure {
		v.hold(reasonCountryDoubtful, 0)
	}
}

// elsewhere looks for the vehicle in the registers of all countries when that of the read one does not know the plate: the plate has no
// form of the read country, has one of another, and that one's register knows it. Then the country was misread, or the plate.
func (v *verdict) elsewhere(g *general, ref Reference) (veh schemas.Vehicle, misread bool) {
	on := &v.d.On
	if on.Country.IsZero() {
		return veh, false
	}
	if _, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt); found {
		return veh, false
	}
	own, fits := g.hasForm(on.Plate, on.Country, on.CapturedAt)
	if own == nil || fits {
		return veh, false
	}
	veh, found := ref.Vehicle(on.Plate, schemas.Country{}, on.CapturedAt)
	if !found {
		return veh, false
	}
	other, itFits := g.hasForm(on.Plate, veh.Country, on.CapturedAt)
	if other == nil || !itFits {
		return veh, false
	}
	v.cite(&own.meta, stepCountryForm, false, on.Country.String(), veh.Country.String())
	return veh, true
}

// seen compares what the camera saw with what the register says. A kind that cannot be the registered category holds: the plate was misread,
// copied, or is on another vehicle.
func (v *verdict) seen(g *general, category schemas.Category) {
	kind := v.d.On.Kind
	if kind == schemas.KindUnknown || category == schemas.CategoryUnknown {
		return
	}
	e := g.seen[kind].at(v.d.On.CapturedAt)
	if e == nil {
		return
	}
	agrees := !e.v.has(category)
	v.cite(&e.meta, stepSeen, agrees, kind.String(), category.String())
	if !agrees {
		v.hold(reasonKindContradicts, 0)
	}
}
