package reference

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

var listColumns = csvColumns{names: []string{
	"id", "plate", "country", "reason", "case_ref", "priority", "valid_from", "valid_to", "audience", "confusable",
}}

// shortestEntry is the length of "1,A,,,,0,2026-01-01,,,", with its newline.
const shortestEntry = 23

// maxListText bounds the texts in all lists, so 32 bits address them.
const maxListText = math.MaxUint32 - 1<<20

// listLoader gathers the entries from the list files.
type listLoader struct {
	rows      []listRow
	text      []byte
	names     []string
	audiences [][]string
	counts    map[string]int
	words     map[string]uint32 // positions of reasons and case references, which repeat
	zones     map[string]uint32 // audience numbers by spelling
}

func newListLoader(rows int) *listLoader {
	return &listLoader{
		rows: make([]listRow, 0, rows), text: []byte{0}, audiences: [][]string{nil}, counts: make(map[string]int),
		words: map[string]uint32{"": 0}, zones: map[string]uint32{"": 0},
	}
}

// loadFile reads a file with at most rows entries.
func (l *listLoader) loadFile(f *csvFile, list string, rows int) {
	l.counts[list] = 0
	l.names = append(l.names, list)
	if len(l.names) > math.MaxUint16 {
		f.p.addProblemf(0, "", "is more than the %d lists that can be held; merge some", math.MaxUint16)
		return
	}
	ids := newIDSet(rows)
	for f.nextRow() {
		if len(l.text) > maxListText {
			f.p.addProblem(f.lineAt(0), "", "the texts of all lists together are longer than 4 GB; shorten reasons and references")
			return
		}
		id, p := csvValue(f, 0, readText), csvValue(f, 1, readPlate)
		r := listRow{
			list: uint16(len(l.names) - 1), plate: p, country: csvOptional(f, 2, readCountry),
			reason: l.internText(f.textAt(3)), caseRef: l.internText(f.textAt(4)), priority: csvValue(f, 5, readPriority),
			from: csvValue(f, 6, readInstant), to: csvOptional(f, 7, readInstant), audience: csvValue(f, 8, l.internAudience), confusable: f.boolAt(9),
		}
		if !f.rowIsBad() {
			if err := checkOrder(r.from, r.to); err != nil {
				f.addProblem(7, err)
			}
		}
		if first, twice := ids.lineOf(l, id); twice && id != "" {
			f.addProblem(0, fmt.Errorf("is also that of line %d; ids are unique in a list", first))
		}
		if f.rowIsBad() {
			continue
		}
		r.id = l.addText(id)
		ids.addID(l, r.id, f.lineAt(0))
		l.rows = append(l.rows, r)
		l.counts[list]++
	}
}

func readPriority(s string) (uint8, error) {
	n, err := readInteger(s, 0, 100)
	return uint8(n), err
}

// addText keeps a text and returns its position.
func (l *listLoader) addText(s string) uint32 {
	at := uint32(len(l.text))
	l.text = append(binary.AppendUvarint(l.text, uint64(len(s))), s...)
	return at
}

// internText is addText for a text that may repeat.
func (l *listLoader) internText(s string) uint32 {
	if at, ok := l.words[s]; ok {
		return at
	}
	if len(s) > maxText { // refused already
		return 0
	}
	at := l.addText(s)
	if len(l.words) < internMax {
		l.words[strings.Clone(s)] = at
	}
	return at
}

// internAudience splits zones at | and keeps a single copy of each set.
func (l *listLoader) internAudience(s string) (uint32, error) {
	if at, ok := l.zones[s]; ok {
		return at, nil
	}
	s = strings.Clone(s)
	a := strings.Split(s, "|")
	for i, zone := range a {
		if err := checkIdent(zone); err != nil {
			return 0, fmt.Errorf("zone %d %w", i+1, err)
		}
		if slices.Contains(a[:i], zone) {
			return 0, errors.New("names a zone twice; keep one")
		}
	}
	at := uint32(len(l.audiences))
	l.audiences = append(l.audiences, a)
	if len(l.zones) < internMax {
		l.zones[s] = at
	}
	return at, nil
}

// idSet finds a list's id by its position in the text.
type idSet struct {
	slots []struct{ id, line uint32 } // id 0 = free: the empty text has position 0
	n     int
}

func newIDSet(rows int) *idSet {
	return &idSet{slots: make([]struct{ id, line uint32 }, slotsFor(max(rows, 16)))}
}

func (x *idSet) slotOf(l *listLoader, id string) int {
	for i := homeOf(xxhash.Sum64String(id), len(x.slots)); ; {
		if s := x.slots[i].id; s == 0 || string(textIn(l.text, s)) == id {
			return i
		}
		if i++; i == len(x.slots) {
			i = 0
		}
	}
}

// lineOf returns the line of an added id.
func (x *idSet) lineOf(l *listLoader, id string) (uint32, bool) {
	s := x.slots[x.slotOf(l, id)]
	return s.line, s.id != 0
}

func (x *idSet) addID(l *listLoader, id uint32, line int) {
	if 4*(x.n+1) > 3*len(x.slots) { // more rows than announced
		old := x.slots
		x.slots = make([]struct{ id, line uint32 }, 2*len(old))
		for _, s := range old {
			if s.id != 0 {
				x.slots[x.slotOf(l, string(textIn(l.text, s.id)))] = s
			}
		}
	}
	i := x.slotOf(l, string(textIn(l.text, id)))
	x.slots[i].id, x.slots[i].line = id, uint32(line)
	x.n++
}

// listOrder is an entry's sort key and position.
type listOrder struct {
	key plateKey
	i   uint32
}

// buildIndex sorts and indexes the gathered entries. The order does not depend on the order of files or lines.
func (l *listLoader) buildIndex() (*lists, error) {
	order := make([]listOrder, len(l.rows))
	for i := range l.rows {
		order[i] = listOrder{key: keyOf(l.rows[i].plate.Class().Plate), i: uint32(i)}
	}
	slices.SortFunc(order, func(a, b listOrder) int {
		if c := comparePlates(a.key, b.key); c != 0 {
			return c
		}
		x, y := &l.rows[a.i], &l.rows[b.i]
		return cmp.Or(cmp.Compare(y.priority, x.priority), strings.Compare(l.names[x.list], l.names[y.list]),
			strings.Compare(viewText(textIn(l.text, x.id)), viewText(textIn(l.text, y.id))))
	})
	distinct := 0
	for i := range order {
		if i == 0 || order[i].key != order[i-1].key {
			distinct++
		}
	}
	t := &lists{names: l.names, audiences: l.audiences, counts: l.counts}
	var err error
	if t.mem, err = newArena(listSize(len(order), slotsFor(distinct), len(l.text))); err != nil {
		return nil, err
	}
	t.viewMemory(t.mem.b, len(order), slotsFor(distinct), len(l.text))
	freeWith(t, t.mem)
	copy(t.text, l.text)
	for i, o := range order {
		t.rows[i] = l.rows[o.i]
		if i == 0 || o.key != order[i-1].key {
			t.putRow(o.key.hashKey(), i)
		}
	}
	return t, nil
}

func (t *lists) putRow(hash uint64, row int) {
	i := homeOf(hash, len(t.slots))
	for t.slots[i] != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = tagOf(hash) | uint64(row+1)
}

// listSize is the memory in bytes for rows, slots and text.
func listSize(rows, slots, text int) int { return rows*listRowSize + 8*slots + text }

// viewMemory views memory as rows, slots and text, in this order.
func (t *lists) viewMemory(b []byte, rows, slots, text int) {
	if rows == 0 {
		t.text = b[:text:text]
		return
	}
	t.rows = unsafe.Slice((*listRow)(unsafe.Pointer(unsafe.SliceData(b))), rows)
	b = b[rows*listRowSize:]
	t.slots = unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), slots)
	t.text = b[8*slots:][:text:text]
}
