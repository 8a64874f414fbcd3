package reference

import (
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

var vehicleColumns = csvColumns{
	names: []string{
		"plate", "country", "category", "fuel", "euro", "oldtimer", "first_registration", "valid_from", "valid_to",
		"class", "reference_mass_kg", "body",
	},
	optional: 3,
}

// shortestVehicle is the length of "A,BE,O,lpg,0,,,2020-01-01,", with its newline.
const shortestVehicle = 27

// loadVehicles streams vehicles.csv into a table for at most rows records. known holds the permitted countries; nil
// permits all.
func loadVehicles(f *csvFile, rows int, known map[schemas.Country]bool) (*vehicleTable, error) {
	t, err := newVehicleTable(rows)
	if err != nil {
		return nil, err
	}
	l := vehicleLoader{f: f, t: t}
	for f.nextRow() {
		p := csvValue(f, 0, readPlate)
		v := schemas.Vehicle{
			Country:           csvValue(f, 1, readCountry),
			Category:          csvValue(f, 2, readCategory),
			Fuel:              csvValue(f, 3, readFuel),
			Euro:              csvValue(f, 4, readEuro),
			Oldtimer:          f.boolAt(5),
			FirstRegistration: csvOptional(f, 6, readDay),
		}
		v.ValidFrom, v.ValidTo = f.periodAt(7)
		v.Class = csvOptional(f, 9, readClass)
		v.ReferenceMass = csvOptional(f, 10, readMass)
		v.Body = csvOptional(f, 11, readBody)
		if v.Class != schemas.N1ClassUnknown && v.Category != schemas.N1 && !f.rowIsBad() {
			f.addProblem(9, fmt.Errorf("is %s for a vehicle of category %s; only N1 has classes", v.Class, v.Category))
		}
		if f.rowIsBad() {
			continue
		}
		if known != nil && !known[v.Country] {
			f.addProblem(1, fmt.Errorf("%s has no entry in %s; say there up to when its register is complete", v.Country, fileRegisters))
			continue
		}
		if err := l.addRow(vehicleRow{key: keyOf(p), v: v, line: f.lineAt(0)}); err != nil {
			return nil, err
		}
	}
	return t, l.flushRows()
}

// vehicleRow is a row for the table.
type vehicleRow struct {
	key  plateKey
	v    schemas.Vehicle
	line int
}

// vehicleLoader puts rows into the table in groups, after prefetching their buckets: the rows' cache misses overlap.
type vehicleLoader struct {
	f      *csvFile
	t      *vehicleTable
	rows   [64]vehicleRow
	n      int
	loaded uint32 // keeps the loads alive
}

func (l *vehicleLoader) addRow(r vehicleRow) error {
	l.rows[l.n] = r
	if l.n++; l.n == len(l.rows) {
		return l.flushRows()
	}
	return nil
}

func (l *vehicleLoader) flushRows() error {
	rows := l.rows[:l.n]
	l.n = 0
	if len(l.t.buckets) > 0 {
		for i := range rows {
			l.loaded += l.t.buckets[rows[i].key.homeSlot(len(l.t.buckets))].over
		}
	}
	for i := range rows {
		r := &rows[i]
		switch l.t.addVehicle(r.key, &r.v) {
		case putDone:
		case putOverlap:
			l.f.p.addProblemf(r.line, vehicleColumns.names[7], "the period from %s shares days with an earlier line of the same plate and country; end that one with valid_to", r.v.ValidFrom)
		case putTooMany:
			l.f.p.addProblemf(r.line, vehicleColumns.names[0], "has more than %d periods in one register; the file repeats itself", maxPeriods)
		case putFull:
			return errChanged
		}
	}
	return nil
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

func readClass(s string) (schemas.N1Class, error) {
	c, ok := schemas.ParseN1Class(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is no class of N1; write 1, 2 or 3, or leave it empty when the register has none", s)
	}
	return c, nil
}

// heaviest bounds a reference mass, in kg: a larger number is in another unit.
const heaviest = 60_000

// readMass reads a reference mass in kg; above schemas.MaxReferenceMass it returns the maximum.
func readMass(s string) (uint16, error) {
	n, err := readInteger(s, 50, heaviest)
	return uint16(min(n, schemas.MaxReferenceMass)), err
}

// readBody reads a bodywork code from the certificate: two capital letters, as in BC.
func readBody(s string) (schemas.Body, error) {
	if b, ok := schemas.ParseBody(s); ok {
		return b, nil
	}
	if len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' {
		return schemas.BodyOther, nil
	}
	return 0, fmt.Errorf("%.40q is no bodywork code; write two capital letters, as in BC, or leave it empty", s)
}
