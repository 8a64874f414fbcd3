package refdata

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// lists holds the entries of all hotlists in one slice: by confusion class, those of a class by priority (highest
// first), list and id.
type lists struct {
	rows   []schemas.ListEntry
	at     index // by class
	counts map[string]int
}

var listColumns = []string{"id", "plate", "country", "reason", "case_ref", "priority", "valid_from", "valid_to", "audience", "confusable"}

// shortestEntry is the length of "1,A,,,,0,2026-01-01,,,", with its newline.
const shortestEntry = 23

// listLoader gathers the entries of the files.
type listLoader struct {
	rows      []schemas.ListEntry
	counts    map[string]int
	words     interner
	audiences map[string][]string
}

func newListLoader(rows int) *listLoader {
	return &listLoader{
		rows: make([]schemas.ListEntry, 0, rows), counts: make(map[string]int),
		words: make(interner), audiences: make(map[string][]string),
	}
}

// load reads one file.
func (l *listLoader) load(f *csvFile, list string, rows int) {
	l.counts[list] = 0
	seen := make(map[string]int32, rows)
	for f.next() {
		e := schemas.ListEntry{
			List:       list,
			ID:         strings.Clone(csvValue(f, 0, readText)),
			Plate:      csvValue(f, 1, plate),
			Country:    csvOptional(f, 2, country),
			Reason:     l.words.of(f.text(3)),
			CaseRef:    l.words.of(f.text(4)),
			Priority:   csvValue(f, 5, readPriority),
			ValidFrom:  csvValue(f, 6, instant),
			ValidTo:    csvOptional(f, 7, instant),
			Audience:   csvValue(f, 8, l.audience),
			Confusable: f.bool(9),
		}
		if !f.bad() {
			if err := ordered(e.ValidFrom, e.ValidTo); err != nil {
				f.problem(7, err)
			}
		}
		if first, twice := seen[e.ID]; twice && e.ID != "" {
			f.problem(0, fmt.Errorf("is also that of line %d; ids are unique in a list", first))
		}
		if f.bad() {
			continue
		}
		seen[e.ID] = int32(f.line(0))
		l.rows = append(l.rows, e)
		l.counts[list]++
	}
}

func readPriority(s string) (uint8, error) {
	n, err := integer(s, 0, 100)
	return uint8(n), err
}

// audience splits zones at | and keeps one copy of each set.
func (l *listLoader) audience(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if a, ok := l.audiences[s]; ok {
		return a, nil
	}
	a := strings.Split(strings.Clone(s), "|")
	for i, zone := range a {
		if err := ident(zone); err != nil {
			return nil, fmt.Errorf("zone %d %w", i+1, err)
		}
		if slices.Contains(a[:i], zone) {
			return nil, errors.New("names a zone twice; keep one")
		}
	}
	if len(l.audiences) < internMax {
		l.audiences[s] = a
	}
	return a, nil
}

// listOrder is what the entries are sorted by, with the place of the entry.
type listOrder struct {
	key plateKey
	i   uint32
}

// index sorts and indexes what was gathered. The order does not depend on that of files or lines.
func (l *listLoader) index() *lists {
	order := make([]listOrder, len(l.rows))
	for i := range l.rows {
		order[i] = listOrder{key: keyOf(l.rows[i].Plate.Class().Plate), i: uint32(i)}
	}
	slices.SortFunc(order, func(a, b listOrder) int {
		if c := comparePlates(a.key, b.key); c != 0 {
			return c
		}
		x, y := &l.rows[a.i], &l.rows[b.i]
		return cmp.Or(cmp.Compare(y.Priority, x.Priority), strings.Compare(x.List, y.List), strings.Compare(x.ID, y.ID))
	})
	t := &lists{rows: make([]schemas.ListEntry, len(l.rows)), counts: l.counts}
	for i, o := range order {
		t.rows[i] = l.rows[o.i]
	}
	t.at = newIndex(len(order), func(i int) plateKey { return order[i].key })
	return t
}

func (t *lists) find(dst []*schemas.ListEntry, class schemas.Class, at schemas.Micros) []*schemas.ListEntry {
	start, end := t.at.find(keyOf(class.Plate))
	for i := start; i < end; i++ {
		if e := &t.rows[i]; at >= e.ValidFrom && (e.ValidTo == 0 || at < e.ValidTo) {
			dst = append(dst, e)
		}
	}
	return dst
}
