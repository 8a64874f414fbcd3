package refdata

import (
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

var vehicleColumns = []string{"plate", "country", "category", "fuel", "euro", "oldtimer", "first_registration", "valid_from", "valid_to"}

// shortestVehicle is the length of "A,BE,O,lpg,0,,,2020-01-01,", with its newline.
const shortestVehicle = 27

// loadVehicles streams vehicles.csv into a table of at most rows records. known says which countries may occur; nil is
// any.
func loadVehicles(f *csvFile, rows int, known map[schemas.Country]bool) (*vehicleTable, error) {
	t := newVehicleTable(rows)
	for f.next() {
		p := csvValue(f, 0, plate)
		v := schemas.Vehicle{
			Country:           csvValue(f, 1, country),
			Category:          csvValue(f, 2, readCategory),
			Fuel:              csvValue(f, 3, readFuel),
			Euro:              csvValue(f, 4, readEuro),
			Oldtimer:          f.bool(5),
			FirstRegistration: csvOptional(f, 6, day),
		}
		v.ValidFrom, v.ValidTo = f.days(7)
		if f.bad() {
			continue
		}
		if known != nil && !known[v.Country] {
			f.problem(1, fmt.Errorf("%s has no entry in %s; say there up to when its register is complete", v.Country, fileRegisters))
			continue
		}
		switch t.put(p, &v) {
		case putDone:
		case putOverlap:
			f.problem(7, fmt.Errorf("the period from %s shares days with an earlier line of the same plate and country; end that one with valid_to", v.ValidFrom))
		case putTooMany:
			f.problem(0, fmt.Errorf("has more than %d periods in one register; the file repeats itself", maxPeriods))
		case putFull:
			return nil, errChanged
		}
	}
	return t, nil
}

func readCategory(s string) (schemas.Category, error) {
	c, ok := schemas.ParseCategory(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is no vehicle category; write the code of field J, as in M1, or unknown", s)
	}
	return c, nil
}

func readFuel(s string) (schemas.Fuel, error) {
	f, ok := schemas.ParseFuel(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is none of diesel, petrol, lpg, cng, electric, hydrogen, unknown", s)
	}
	return f, nil
}

func readEuro(s string) (schemas.Euro, error) {
	e, ok := schemas.ParseEuro(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is no Euro norm; write 0 to 6, 6d-temp, 6d or unknown", s)
	}
	return e, nil
}
