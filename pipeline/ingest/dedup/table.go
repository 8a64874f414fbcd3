package dedup

import (
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

// table finds the first slot with a key. It is an open-addressing hash table with linear probing, at most half full.
// An entry has eight bytes, so a look-up loads one cache line. An entry holds only the key's tag; the slot holds the
// key. The tag's high bits give the home place, so the table can grow without reading the slots.
type table struct {
	entries []entry
	shift   uint
	n       int
}

type entry struct {
	tag  uint32
	head int32 // slot + 1; 0 = free
}

func newTable(keys int) table {
	n := 16
	for n < 2*keys {
		n <<= 1
	}
	t := table{entries: make([]entry, n), shift: uint(32 - bits.TrailingZeros(uint(n)))}
	adviseHugePages(t.entries)
	return t
}

// tagOf hashes a key.
func tagOf(c schemas.Class, site uint64) uint32 {
	lo, hi := c.Words()
	h, l := bits.Mul64(lo^site^0x9e3779b97f4a7c15, hi^bits.RotateLeft64(site, 32)^0xbf58476d1ce4e5b9)
	return uint32((h ^ l) * 0x94d049bb133111eb >> 32)
}

func (t *table) homePlace(tag uint32) int { return int(tag >> t.shift) }

func (t *table) placeAfter(i int) int { return (i + 1) & (len(t.entries) - 1) }

// firstOfClass returns the place of the key's entry, or the free place for a new entry.
func (ps *Passages) firstOfClass(tag uint32, c schemas.Class, site uint64) int {
	t := &ps.table
	for i := t.homePlace(tag); ; i = t.placeAfter(i) {
		e := t.entries[i]
		if e.head == 0 {
			return i
		}
		if e.tag == tag {
			if s := &ps.slots.items[e.head-1]; s.class == c && s.site == site {
				return i
			}
		}
	}
}

// insertKey fills a free place from firstOfClass. If the table grows, all places become invalid.
func (t *table) insertKey(i int, tag uint32, slot int32) {
	t.entries[i] = entry{tag, slot + 1}
	if t.n++; 2*t.n <= len(t.entries) {
		return
	}
	grown := newTable(t.n)
	for _, e := range t.entries {
		if e.head != 0 {
			k := grown.homePlace(e.tag)
			for grown.entries[k].head != 0 {
				k = grown.placeAfter(k)
			}
			grown.entries[k] = e
		}
	}
	t.entries, t.shift = grown.entries, grown.shift
}

// removeKey removes the entry and moves displaced entries back.
func (t *table) removeKey(i int) {
	t.n--
	mask := len(t.entries) - 1
	for j := t.placeAfter(i); t.entries[j].head != 0; j = t.placeAfter(j) {
		if (j-t.homePlace(t.entries[j].tag))&mask >= (j-i)&mask {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = entry{}
}
