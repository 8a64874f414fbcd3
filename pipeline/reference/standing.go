package reference

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// standingTable holds the dates of papers by plate, and within a plate by country. Only vehicles of which some paper had
// ended when the copy was made are kept: of the others this copy can never say anything to the police.
type standingTable struct {
	rows []standingRow
	at   index
}

type standingRow struct {
	key plateKey
	s   schemas.Standing
}

var standingColumns = csvColumns{
	names: []string{"plate", "country", "insured_until", "inspected_until", "registered_until", "plate_cancelled_from"},
}

// loadStanding reads standing.csv, a copy complete up to asOf. known holds the countries with a register; nil permits all.
func loadStanding(f *csvFile, known map[schemas.Country]bool, asOf schemas.Micros) *standingTable {
	t := &standingTable{}
	var met []uint64 // hash of each row's plate and country
	for f.nextRow() {
		r := standingRow{key: keyOf(csvValue(f, 0, readPlate)), s: schemas.Standing{
			Country: csvValue(f, 1, readCountry), InsuredUntil: csvOptional(f, 2, readDay), InspectedUntil: csvOptional(f, 3, readDay),
			RegisteredUntil: csvOptional(f, 4, readDay), CancelledFrom: csvOptional(f, 5, readDay),
		}}
		if known != nil && !f.rowIsBad() && !known[r.s.Country] {
			f.addProblem(1, fmt.Errorf("%s has no entry in %s; say there up to when its register is complete", r.s.Country, fileRegisters))
		}
		if f.rowIsBad() {
			continue
		}
		met = append(met, bits.RotateLeft64(r.key.hashKey(), 1)^uint64(countryCode(r.s.Country)))
		if hasEnded(&r.s, asOf) {
			t.rows = append(t.rows, r)
		}
	}
	slices.Sort(met)
	if n := len(met); n != len(slices.Compact(met)) {
		f.p.addProblem(0, "", "has a vehicle twice, and one line may end what the other prolongs; write each plate and country once, with the latest dates")
	}
	slices.SortStableFunc(t.rows, func(a, b standingRow) int {
		return cmp.Or(comparePlates(a.key, b.key), compareCountries(a.s.Country, b.s.Country))
	})
	t.at = newIndex(len(t.rows), func(i int) plateKey { return t.rows[i].key })
	return t
}

// hasEnded reports whether some paper had ended when the copy was made.
func hasEnded(s *schemas.Standing, asOf schemas.Micros) bool {
	for _, until := range [...]schemas.Day{s.InsuredUntil, s.InspectedUntil, s.RegisteredUntil} {
		if until != 0 && (until+1).Start() <= asOf {
			return true
		}
	}
	return s.CancelledFrom != 0 && s.CancelledFrom.Start() <= asOf
}

// findStanding returns the vehicle's dates; country zero finds none.
func (t *standingTable) findStanding(k plateKey, country schemas.Country) (schemas.Standing, bool) {
	start, end := t.at.findRows(k)
	for i := start; i < end; i++ {
		if s := &t.rows[i].s; s.Country == country {
			return *s, true
		}
	}
	return schemas.Standing{}, false
}

// loadStanding depends on registers.yaml too: its countries, and the time up to which the copy is complete.
func (l *snapshotLoader) loadStanding(s *Snapshot) error {
	if l.isUnchanged(fileStanding, fileRegisters) {
		s.standing = l.prev.standing
		return nil
	}
	asOf, stated := s.copies[rules.CopyStanding]
	var known map[schemas.Country]bool
	if !l.bad.namesFile(fileRegisters) {
		if l.files.hasFile(fileStanding) && !stated {
			p := &problems{file: fileRegisters}
			p.addProblemf(0, "copies", "do not say up to when %s is complete; add {name: %s, as_of: ...}", fileStanding, rules.CopyStanding)
			l.bad.collectProblems(p)
		}
		known = make(map[schemas.Country]bool, len(s.registers))
		for _, r := range s.registers {
			known[r.country] = true
		}
	}
	return l.readCSV(fileStanding, standingColumns, func(f *csvFile) error { s.standing = loadStanding(f, known, asOf); return nil })
}
