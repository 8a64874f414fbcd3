package reference

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// comparePlates orders equal plates side by side.
func comparePlates(a, b plateKey) int {
	return cmp.Or(cmp.Compare(a.lo, b.lo), cmp.Compare(a.hi, b.hi))
}

// exemptions holds exemptions by plate, and within a plate by country, family, valid_from, kind and ref.
type exemptions struct {
	rows []exemptionRow
	at   index
}

type exemptionRow struct {
	key plateKey
	e   schemas.Exemption
}

var exemptionColumns = csvColumns{names: []string{"plate", "family", "kind", "ref", "valid_from", "valid_to", "country"}, optional: 1}

// plateCountry reads a plate's country; a file without the column, or an empty field, means BE.
func plateCountry(f *csvFile, i int) schemas.Country {
	if f.fieldAt(i) == "" {
		return schemas.Belgium
	}
	return csvValue(f, i, readCountry)
}

func compareCountries(a, b schemas.Country) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
}

// loadExemptions reads exemptions.csv. A plate's exemptions may overlap: a disabled card and an old-timer are two.
func loadExemptions(f *csvFile) *exemptions {
	t := &exemptions{}
	words := make(interner)
	for f.nextRow() {
		p := csvValue(f, 0, readPlate)
		e := schemas.Exemption{
			Family: words.intern(csvValue(f, 1, readFamily)),
			Kind:   words.intern(csvValue(f, 2, readIdent)),
			Ref:    strings.Clone(f.textAt(3)),
		}
		e.ValidFrom, e.ValidTo = f.periodAt(4)
		e.Country = plateCountry(f, 6)
		if !f.rowIsBad() {
			t.rows = append(t.rows, exemptionRow{key: keyOf(p), e: e})
		}
	}
	slices.SortFunc(t.rows, func(a, b exemptionRow) int {
		return cmp.Or(comparePlates(a.key, b.key), compareCountries(a.e.Country, b.e.Country), strings.Compare(a.e.Family, b.e.Family),
			cmp.Compare(a.e.ValidFrom, b.e.ValidFrom), strings.Compare(a.e.Kind, b.e.Kind),
			strings.Compare(a.e.Ref, b.e.Ref), cmp.Compare(a.e.ValidTo, b.e.ValidTo))
	})
	t.at = newIndex(len(t.rows), func(i int) plateKey { return t.rows[i].key })
	return t
}

// findExemption returns the plate's first exemption from the family on the day; country zero is any.
func (t *exemptions) findExemption(k plateKey, country schemas.Country, family schemas.Family, day schemas.Day) (schemas.Exemption, bool) {
	start, end := t.at.findRows(k)
	for i := start; i < end; i++ {
		e := &t.rows[i].e
		if (country.IsZero() || e.Country == country) && e.Family == string(family) && coversDay(e.ValidFrom, e.ValidTo, day) {
			return *e, true
		}
	}
	return schemas.Exemption{}, false
}

// readFamily reads a family with exemptions.
func readFamily(s string) (string, error) {
	names := rules.FamilyNames((*rules.Info).Decides)
	if slices.Contains(names, s) {
		return s, nil
	}
	return "", fmt.Errorf("%.40q is neither %s", s, strings.Join(names, " nor "))
}

// passes holds LEZ day passes by plate, and within a plate by country, day and moment of issue.
type passes struct {
	rows []passRow
	at   index
}

type passRow struct {
	key plateKey
	p   schemas.DayPass
}

var passColumns = csvColumns{names: []string{"plate", "day", "country", "issued"}, optional: 2}

// loadPasses reads passes.csv. A repeated pass counts once; of two passes for a day the first issued counts.
func loadPasses(f *csvFile) *passes {
	t := &passes{}
	for f.nextRow() {
		r := passRow{key: keyOf(csvValue(f, 0, readPlate)), p: schemas.DayPass{Day: csvValue(f, 1, readDay)}}
		r.p.Country, r.p.Issued = plateCountry(f, 2), csvOptional(f, 3, readInstant)
		if !f.rowIsBad() {
			t.rows = append(t.rows, r)
		}
	}
	slices.SortFunc(t.rows, func(a, b passRow) int {
		return cmp.Or(comparePlates(a.key, b.key), compareCountries(a.p.Country, b.p.Country), cmp.Compare(a.p.Day, b.p.Day),
			cmp.Compare(a.p.Issued, b.p.Issued))
	})
	t.rows = slices.CompactFunc(t.rows, func(a, b passRow) bool {
		return a.key == b.key && a.p.Country == b.p.Country && a.p.Day == b.p.Day
	})
	t.at = newIndex(len(t.rows), func(i int) plateKey { return t.rows[i].key })
	return t
}

// findPass returns the vehicle's pass for the day; country zero finds none.
func (t *passes) findPass(k plateKey, country schemas.Country, day schemas.Day) (schemas.DayPass, bool) {
	start, end := t.at.findRows(k)
	for i := start; i < end; i++ {
		if p := &t.rows[i].p; p.Day == day && p.Country == country {
			return *p, true
		}
	}
	return schemas.DayPass{}, false
}

// countDays returns the number of days in [from, to) with a pass for the vehicle.
func (t *passes) countDays(k plateKey, country schemas.Country, from, to schemas.Day) (n int) {
	start, end := t.at.findRows(k)
	for i := start; i < end; i++ {
		if p := &t.rows[i].p; p.Day >= from && p.Day < to && p.Country == country {
			n++
		}
	}
	return n
}

// registrations holds foreign LEZ registrations by plate, and within a plate by country and valid_from.
type registrations struct {
	rows []registrationRow
	at   index
}

type registrationRow struct {
	key plateKey
	r   schemas.Registration
}

var registrationColumns = csvColumns{
	names:    []string{"plate", "country", "valid_from", "valid_to", "category", "class", "fuel", "euro"},
	optional: 4,
}

// loadRegistrations reads registrations.csv. Registrations may overlap: renewed before the old one ends.
func loadRegistrations(f *csvFile) *registrations {
	t := &registrations{}
	for f.nextRow() {
		row := registrationRow{key: keyOf(csvValue(f, 0, readPlate)), r: schemas.Registration{
			Country: csvValue(f, 1, readForeign), Category: csvOptional(f, 4, readCategory), Class: csvOptional(f, 5, readClass),
			Fuel: csvOptional(f, 6, readFuel), Euro: csvOptional(f, 7, readEuro),
		}}
		row.r.ValidFrom, row.r.ValidTo = f.periodAt(2)
		if !f.rowIsBad() {
			t.rows = append(t.rows, row)
		}
	}
	slices.SortFunc(t.rows, func(a, b registrationRow) int {
		return cmp.Or(comparePlates(a.key, b.key), compareCountries(a.r.Country, b.r.Country),
			cmp.Compare(a.r.ValidFrom, b.r.ValidFrom), cmp.Compare(a.r.ValidTo, b.r.ValidTo))
	})
	t.at = newIndex(len(t.rows), func(i int) plateKey { return t.rows[i].key })
	return t
}

func readForeign(s string) (schemas.Country, error) {
	c, err := readCountry(s)
	if err == nil && c == schemas.Belgium {
		err = errors.New("is BE; only vehicles registered abroad register for the LEZ")
	}
	return c, err
}

// findRegistration returns the first registration covering the day. With the country unknown it answers only when all
// such registrations are from a single country.
func (t *registrations) findRegistration(k plateKey, country schemas.Country, day schemas.Day) (out schemas.Registration, ok bool) {
	start, end := t.at.findRows(k)
	var of schemas.Country
	for i := start; i < end; i++ {
		row := &t.rows[i]
		if !coversDay(row.r.ValidFrom, row.r.ValidTo, day) {
			continue
		}
		switch {
		case row.r.Country == country:
			return row.r, true
		case !country.IsZero():
		case !ok:
			out, of, ok = row.r, row.r.Country, true
		case row.r.Country != of:
			return schemas.Registration{}, false
		}
	}
	return out, ok
}

func coversDay(from, to, day schemas.Day) bool { return day >= from && (to == 0 || day < to) }

// interner keeps a single copy of each word, independent of the source line.
type interner map[string]string

// internMax bounds an interner: beyond it words are only copied.
const internMax = 1 << 16

func (in interner) intern(s string) string {
	if w, ok := in[s]; ok {
		return w
	}
	w := strings.Clone(s)
	if len(in) < internMax {
		in[w] = w
	}
	return w
}
