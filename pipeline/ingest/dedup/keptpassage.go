package dedup

import (
	"slices"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxPlates bounds the distinct plates kept for a passage. Further plates only count as variants.
const maxPlates = 4

// nearPlates is the number of plates inside the slot. Hardly any passage has more.
const nearPlates = 2

// keptPassage is the part of a passage that stays as long as a straggler may join: two cache lines without pointers.
// The part needed only until the decision is an [openPassage] in bodies, so kept passages stay small.
type keptPassage struct {
	class    schemas.Class // with site, the key
	site     uint64
	lo, hi   schemas.Micros // capture times of the chain; for a parked vehicle, lo is the slot's start
	last     schemas.Micros // log clock at the latest read
	next     int32          // next slot with the same key; -1 = the last
	body     int32          // index in bodies until the passage closes, then in lefts
	tag      uint32         // hash of the key
	closed   bool
	parked   bool
	more     bool // far or reported is set
	nplates  uint8
	id       schemas.PassageID // begins the second cache line, which closing and dropping do not load
	opened   int64             // offset of the opening record: unique in the partition
	plates   [nearPlates]schemas.Plate
	far      int32 // further plates: index in fars + 1
	reported int32 // published hits: first index in reports + 1
}

const slotSize = 128

var _ [slotSize]byte = [unsafe.Sizeof(keptPassage{})]byte{}

// pool allocates values by index. A released index is reused first, while the memory is still in the cache. A pool
// allocates memory only while growing.
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

// liveCount returns the number of values in use.
func (p *pool[T]) liveCount() int { return len(p.items) - len(p.free) }

// report is a published hit of a passage.
type report struct {
	id   schemas.HitID // the caller's name for the hit
	next int32         // index + 1; 0 = the last
}

// farPlates are a passage's plates beyond the room in the slot.
type farPlates [maxPlates - nearPlates]schemas.Plate

// addPlate adds a plate and reports whether the plate is new to the passage.
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

// MarkHit remembers a published hit under the caller's id and reports whether the hit is new to the passage. A parked
// vehicle keeps hits from slot to slot, so ids must not depend on the passage.
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

// releaseOutside releases a slot's memory outside the slot.
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
