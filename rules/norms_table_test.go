package rules

import (
	"fmt"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// law is the admission table written a second time, from the sources and not from the catalogue. law returns the norm
// required from a kind of vehicle on a day. was is the norm below which vehicles are fined since 2022; 0 = none.
func law(kind string, fuel schemas.Fuel, day string) (least, was schemas.Euro, disputed bool) {
	diesel := fuel == schemas.Diesel
	year := day[:4]
	switch kind {
	case "M1", "N1 1", "M3", "N1 2", "N1 3", "M2":
		switch {
		case diesel && year < "2019":
			return schemas.Euro2, 0, false
		case diesel && year < "2020":
			return schemas.Euro3, 0, false
		case diesel && year < "2022":
			return schemas.Euro4, 0, false
		case diesel && (year < "2025" || kind == "M2" || kind == "N1 2" || kind == "N1 3"):
			return schemas.Euro5, 0, false
		case diesel:
			return schemas.Euro6, schemas.Euro5, false
		case year < "2019":
			return schemas.EuroUnknown, 0, false
		case year < "2025":
			return schemas.Euro2, 0, false
		default:
			return schemas.Euro3, schemas.Euro2, kind == "M2" || kind == "N1 2" || kind == "N1 3"
		}
	case "N3", "N2 2611", "N2 2610", "N1 BC":
		switch {
		case year < "2025":
			return schemas.EuroUnknown, 0, false
		case diesel:
			return schemas.Euro6, 0, kind == "N2 2610"
		default:
			return schemas.Euro3, 0, true
		}
	case "L1":
		if diesel && year >= "2025" {
			return banned, 0, false
		}
		return schemas.EuroUnknown, 0, false
	default: // L3
		switch {
		case year < "2025":
			return schemas.EuroUnknown, 0, false
		case diesel:
			return banned, 0, false
		default:
			return schemas.Euro3, 0, false
		}
	}
}

var kinds = map[string]schemas.Vehicle{
	"M1": {Category: schemas.M1}, "M2": {Category: schemas.M2}, "M3": {Category: schemas.M3},
	"N1 1": {Category: schemas.N1, Class: schemas.N1Class1}, "N1 2": {Category: schemas.N1, ReferenceMass: 1760},
	"N1 3": {Category: schemas.N1, Class: schemas.N1Class3, ReferenceMass: 1761}, "N1 BC": {Category: schemas.N1, Body: schemas.BodyTractor},
	"N2 2610": {Category: schemas.N2, ReferenceMass: 2610}, "N2 2611": {Category: schemas.N2, ReferenceMass: 2611},
	"N3": {Category: schemas.N3}, "L1": {Category: schemas.L1}, "L3": {Category: schemas.L3},
}

// For every category, class, fuel, norm and period, admission follows the sources. Where the sources dispute, nobody
// is fined.
func TestAdmissionIsThatOfTheLawForEveryVehicleAndDay(t *testing.T) {
	r := familyOf[*lez](t)
	days := []string{"2018-01-01", "2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01", "2021-12-31", "2022-01-01", "2024-12-31", "2025-01-01", "2025-09-11", "2026-01-01", "2026-07-01", "2027-12-31"}
	for kind, v := range kinds {
		for _, fuel := range []schemas.Fuel{schemas.Diesel, schemas.Petrol, schemas.LPG, schemas.CNG} {
			for euro := schemas.EuroNone; euro <= schemas.Euro6d; euro++ {
				for _, day := range days {
					d, err := schemas.ParseDay(day)
					if err != nil {
						t.Fatal(err)
					}
					v.Country, v.Fuel, v.Euro = schemas.Belgium, fuel, euro
					least, was, disputed := law(kind, fuel, day)
					a := r.assessVehicle(&v, d.Start())
					what := fmt.Sprintf("%s %s Euro %s on %s", kind, fuel, euro, day)
					if below := euro < least; below != (a.state == stateBelow) {
						t.Errorf("%s: below is %t, want %t", what, a.state == stateBelow, below)
					}
					if a.state != stateBelow {
						continue
					}
					if want := disputed && euro >= was; want != a.isDisputed() {
						t.Errorf("%s: disputed is %t, want %t", what, a.isDisputed(), want)
					}
					if day < "2026-07-01" && day >= "2025-01-01" && euro >= was && was != 0 && a.phase == phaseFine {
						t.Errorf("%s: fined before the fines began", what)
					}
				}
			}
		}
	}
}

// A van without a class gets the common result of all classes, or is in doubt.
func TestVanWithoutClassIsInDoubtWhereClassesDiffer(t *testing.T) {
	r := familyOf[*lez](t)
	for fuel := schemas.Diesel; fuel <= schemas.CNG; fuel++ {
		for euro := schemas.EuroNone; euro <= schemas.Euro6d; euro++ {
			for year := 2018; year < 2028; year++ {
				at := schemas.DayOf(year, 8, 1).Start()
				v := schemas.Vehicle{Category: schemas.N1, Fuel: fuel, Euro: euro}
				got := r.assessVehicle(&v, at)
				same := true
				var first assessment
				for class := schemas.N1Class1; class <= schemas.N1Class3; class++ {
					v.Class = class
					a := r.assessVehicle(&v, at)
					if class == schemas.N1Class1 {
						first = a
					}
					same = same && a.agreesWith(&first)
				}
				if got.doubt == same {
					t.Errorf("%s Euro %s in %d: doubt %t, classes agree %t", fuel, euro, year, got.doubt, same)
				}
			}
		}
	}
}

// familyOf returns the family with the given type from the built-in catalogue.
func familyOf[F Family](t *testing.T) F {
	for _, f := range mustLoad(t, Brussels()).families {
		if f, ok := f.(F); ok {
			return f
		}
	}
	panic("no such family")
}
