package reference

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// permits holds the permits for access zones by plate, and within a plate by country, zone and valid_from.
type permits struct {
	rows   []permitRow
	at     index
	counts map[string]int // by zone
}

type permitRow struct {
	key plateKey
	p   schemas.Permit
}

var permitColumns = csvColumns{
	names:    []string{"plate", "zone", "reason", "valid_from", "valid_to", "country", "days", "from_time", "to_time", "version"},
	optional: 5,
}

// loadPermits reads permits.csv. A plate's permits may overlap: a resident's who is a carer too. known are the access
// zones; nil = they are not known, because their file is broken.
func loadPermits(f *csvFile, known []string) *permits {
	t := &permits{}
	words := make(interner)
	for f.nextRow() {
		r := permitRow{key: keyOf(csvValue(f, 0, readPlate)), p: schemas.Permit{
			Zone: words.intern(csvValue(f, 1, readIdent)), Reason: words.intern(f.textAt(2)), Country: plateCountry(f, 5), Hours: permitHours(f), Version: words.intern(f.textAt(9)),
		}}
		r.p.ValidFrom, r.p.ValidTo = f.periodAt(3)
		if known != nil && !f.rowIsBad() && !slices.Contains(known, r.p.Zone) {
			f.addProblem(1, fmt.Errorf("%s is no zone of %s; correct the name, or remove the permits of a zone that is gone", r.p.Zone, fileZones))
		}
		if !f.rowIsBad() {
			t.rows = append(t.rows, r)
			if t.counts == nil {
				t.counts = map[string]int{}
			}
			t.counts[r.p.Zone]++
		}
	}
	slices.SortFunc(t.rows, func(a, b permitRow) int {
		return cmp.Or(comparePlates(a.key, b.key), compareCountries(a.p.Country, b.p.Country), strings.Compare(a.p.Zone, b.p.Zone),
			cmp.Compare(a.p.ValidFrom, b.p.ValidFrom), cmp.Compare(a.p.ValidTo, b.p.ValidTo), cmp.Compare(a.p.Hours.From, b.p.Hours.From),
			cmp.Compare(a.p.Hours.To, b.p.Hours.To), cmp.Compare(a.p.Hours.Days, b.p.Hours.Days), strings.Compare(a.p.Reason, b.p.Reason), strings.Compare(a.p.Version, b.p.Version))
	})
	t.at = newIndex(len(t.rows), func(i int) plateKey { return t.rows[i].key })
	return t
}

// permitHours reads the columns days (monday|tuesday), from_time and to_time; all empty = always.
func permitHours(f *csvFile) (h schemas.Hours) {
	if days := f.fieldAt(6); days != "" {
		for name := range strings.SplitSeq(days, "|") {
			day := slices.Index(weekdays, name)
			if day < 0 || h.Days&(1<<day) != 0 {
				f.addProblem(6, fmt.Errorf("%.40q is none of %s, or there twice; join them by |", name, strings.Join(weekdays, ", ")))
				continue
			}
			h.Days |= 1 << day
		}
	}
	before := len(f.p.list)
	from, to := csvOptional(f, 7, readMinute), csvOptional(f, 8, readMinute)
	given := f.fieldAt(7) != "" || f.fieldAt(8) != ""
	switch {
	case !given || len(f.p.list) > before:
	case f.fieldAt(7) == "" || f.fieldAt(8) == "" || from == to:
		f.addProblem(7, errors.New("stands without to_time, or is to_time; write both, or leave both out for the whole day"))
	default:
		h.From, h.To = from, to
	}
	return h
}

// findPermit returns the plate's first permit for the zone at the instant; country zero is any.
func (t *permits) findPermit(k plateKey, country schemas.Country, zone string, at schemas.Micros) (schemas.Permit, bool) {
	start, end := t.at.findRows(k)
	for i := start; i < end; i++ {
		if p := &t.rows[i].p; (country.IsZero() || p.Country == country) && p.Zone == zone && p.CoversAt(at) {
			return *p, true
		}
	}
	return schemas.Permit{}, false
}
