package reference

import (
	"encoding/binary"
	"encoding/json"
	"runtime"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// lists holds the entries of all hotlists outside the garbage collector: by confusion class, and within a class by
// priority (highest first), list and id. A look-up without a result reads one cache line and allocates nothing; each
// entry found becomes a new schemas.ListEntry.
type lists struct {
	rows  []listRow // sorted; a class's rows are adjacent
	slots []uint64  // by class: part of the hash above, position of the first row + 1 below; 0 = free
	text  []byte    // each text follows its length

	names     []string
	audiences [][]string // the first is empty: all zones
	counts    map[string]int
	mem       *arena
}

// listRow is an entry without pointers.
type listRow struct {
	from, to   schemas.Micros
	plate      schemas.Plate
	id         uint32 // positions in the text
	reason     uint32
	caseRef    uint32
	audience   uint32
	list       uint16
	country    schemas.Country
	priority   uint8
	confusable bool
}

const listRowSize = int(unsafe.Sizeof(listRow{}))

// tagOf is the part of a hash kept in a slot. The slot's position comes from the upper half.
func tagOf(hash uint64) uint64 { return hash << 32 }

// findEntries appends the class's entries valid at a time, in their order.
func (t *lists) findEntries(dst []*schemas.ListEntry, class schemas.Class, at schemas.Micros) []*schemas.ListEntry {
	for i := t.firstRow(class); i < len(t.rows); i++ {
		r := &t.rows[i]
		if r.plate.Class() != class {
			break
		}
		if at >= r.from && (r.to == 0 || at < r.to) {
			dst = append(dst, t.makeEntry(r))
		}
	}
	runtime.KeepAlive(t) // the memory lives as long as the table
	return dst
}

// firstRow returns the position of the class's first row, or the number of rows.
func (t *lists) firstRow(class schemas.Class) int {
	if len(t.slots) == 0 {
		return len(t.rows)
	}
	hash := keyOf(class.Plate).hashKey()
	for i := homeOf(hash, len(t.slots)); ; {
		s := t.slots[i]
		if s == 0 {
			return len(t.rows)
		}
		if s&^(1<<32-1) == tagOf(hash) {
			if row := int(uint32(s)) - 1; t.rows[row].plate.Class() == class {
				return row
			}
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}

// prefetchSlot loads the first slot for the class.
func (t *lists) prefetchSlot(class schemas.Class) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	loaded := uint32(t.slots[keyOf(class.Plate).homeSlot(len(t.slots))])
	runtime.KeepAlive(t)
	return loaded
}

// makeEntry converts a row. The entry shares only names and audiences with the table.
func (t *lists) makeEntry(r *listRow) *schemas.ListEntry {
	id, reason, caseRef := t.textAt(r.id), t.textAt(r.reason), t.textAt(r.caseRef)
	all := make([]byte, 0, len(id)+len(reason)+len(caseRef))
	all = append(append(append(all, id...), reason...), caseRef...)
	s := viewText(all)
	return &schemas.ListEntry{
		List: t.names[r.list], ID: s[:len(id)], Plate: r.plate, Country: r.country,
		Reason: s[len(id) : len(id)+len(reason)], CaseRef: s[len(id)+len(reason):],
		Priority: r.priority, ValidFrom: r.from, ValidTo: r.to, Audience: t.audiences[r.audience], Confusable: r.confusable,
	}
}

// listsMeta is the lists' part beside the table in an index file.
type listsMeta struct {
	Names     []string       `json:"names"`
	Audiences [][]string     `json:"audiences"`
	Counts    map[string]int `json:"counts"`
}

// openLists takes the lists from their index file; nil when there is none.
func openLists(d indexDir, key schemas.Sum) *lists {
	x := d.openFile(indexLists, key)
	if x == nil {
		return nil
	}
	t, err := listsOf(x)
	if err != nil {
		x.mem.freeNow()
		d.refuseFile(indexLists, key, err)
		return nil
	}
	d.report(indexLists, indexUsed, nil)
	return t
}

func listsOf(x *indexFile) (*lists, error) {
	var m listsMeta
	if err := json.Unmarshal(x.meta, &m); err != nil {
		return nil, err
	}
	rows, slots, text := int(x.ints[0]), int(x.ints[1]), int(x.ints[2])
	if listSize(rows, slots, text) != len(x.data) {
		return nil, errIndex
	}
	t := &lists{names: m.Names, audiences: m.Audiences, counts: m.Counts, mem: x.mem}
	t.viewMemory(x.data, rows, slots, text)
	freeWith(t, t.mem)
	return t, nil
}

// saveIndex writes the lists to their index file and returns the lists to use from now on.
func (t *lists) saveIndex(d indexDir, key schemas.Sum) *lists {
	meta, err := json.Marshal(listsMeta{Names: t.names, Audiences: t.audiences, Counts: t.counts})
	if err != nil {
		panic("BUG: names and numbers must marshal: " + err.Error())
	}
	x := d.saveIndex(indexLists, key, &indexFile{
		ints: [4]uint64{uint64(len(t.rows)), uint64(len(t.slots)), uint64(len(t.text))}, data: t.mem.b, meta: meta,
	})
	if x == nil {
		return t
	}
	kept, err := listsOf(x)
	if err != nil {
		x.mem.freeNow()
		d.refuseFile(indexLists, key, err)
		return t
	}
	t.mem.freeNow()
	return kept
}

func (t *lists) textAt(at uint32) []byte { return textIn(t.text, at) }

// textIn returns the text at a position; it has at most maxText bytes.
func textIn(text []byte, at uint32) []byte {
	n, used := binary.Uvarint(text[at:])
	start := int(at) + used
	return text[start : start+int(n)]
}
