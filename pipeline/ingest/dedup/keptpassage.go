package dedup

import (
	"slices"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxPlates bounds the distinct plates remembered per passage; further ones only count as variants.
const maxPlates = 4

// nearPlates of them lie in the slot itself: hardly a passage has more.
const nearPlates = 2

// keptPassage is what is remembered of a passage as long as a straggler may join it: two cache lines, no pointer. What is only
// needed until it is decided lies apart, in bodies, so that the many that are merely kept stay small.
type keptPassage struct {
	class    schemas.Class // with site, the key
	site     uint64
	lo, hi   schemas.Micros // capture times of the chain; of a parked vehicle lo is the slot's start
	last     schemas.Micros // log clock at the latest read
	next     int32          // of the same key, -1 at the end
	body     int32          // in bodies, until it closes; then in lefts
	tag      uint32         // of the key
	closed   bool
	parked   bool
	more     bool // far or reported is set
	nplates  uint8
	id       schemas.PassageID // here begins the second line, which closing and forgetting do without
	opened   int64             // offset of the record that opened it: unique in the partition
	plates   [nearPlates]schemas.Plate
	far      int32 // more plates: place in fars + 1
	reported int32 // hits told: first place in reports + 1
}

const slotSize = 128

var _ [slotSize]byte = [unsafe.Sizeof(keptPassage{})]byte{}

// pool holds values that come and go; a place that was given back is the next to be taken, while it is in the cache. It
// allocates only while it grows.
type pool[T any] struct {
	items []T
	free  []int32
}

func (p *pool[T]) alloc() int32 {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	var zero T
	p.items = append(p.items, zero)
	return int32(len(p.items) - 1)
}

func (p *pool[T]) release(i int32) { p.free = append(p.free, i) }

// liveCount returns how many places are taken.
func (p *pool[T]) liveCount() int { return len(p.items) - len(p.free) }

// report is a passage's hit.
type report struct {
	id   schemas.HitID // the caller's name for the hit
	next int32         // place + 1
}

// farPlates are a passage's plates beyond the slot's room.
type farPlates [maxPlates - nearPlates]schemas.Plate

// addPlate remembers a plate and reports whether the passage had it not yet.
func (ps *Passages) addPlate(s *keptPassage, p schemas.Plate) bool {
	n := int(s.nplates)
	if slices.Contains(s.plates[:min(n, nearPlates)], p) {
		return false
	}
	if n > nearPlates && slices.Contains(ps.fars.items[s.far-1][:n-nearPlates], p) {
		return false
	}
	switch {
	case n < nearPlates:
		s.plates[n] = p
	case n < maxPlates:
		if s.far == 0 {
			s.far, s.more = ps.fars.alloc()+1, true
		}
		ps.fars.items[s.far-1][n-nearPlates] = p
	default:
		return true
	}
	s.nplates++
	return true
}

// MarkHit remembers a published hit by the caller's name and says whether the hit is new to the passage. A vehicle
// standing in view keeps hits from slot to slot, so names must not depend on the passage.
func (ps *Passages) MarkHit(a Added, id schemas.HitID) bool {
	s := &ps.slots.items[a.slot]
	for at := s.reported; at != 0; {
		r := &ps.reports.items[at-1]
		if r.id == id {
			return false
		}
		at = r.next
	}
	i := ps.reports.alloc()
	ps.reports.items[i] = report{id, s.reported}
	s.reported, s.more = i+1, true
	return true
}

// releaseOutside gives back a slot's memory outside the slot.
func (ps *Passages) releaseOutside(s *keptPassage) {
	if !s.more {
		return
	}
	if s.far != 0 {
		ps.fars.release(s.far - 1)
	}
	for at := s.reported; at != 0; {
		next := ps.reports.items[at-1].next
		ps.reports.release(at - 1)
		at = next
	}
}
