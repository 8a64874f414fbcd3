package dedup

import "github.com/gvc-brussels/anpr/schemas"

// openParked starts a slot for a parked vehicle and retires the previous slot i.
func (ps *Passages) openParked(i int32, r *schemas.Read, from Origin, place int, offset int64) Added {
	ps.retireParked(i)
	s := &ps.slots.items[i]
	// The new slot inherits the hits. The old slot gives them up first, because createPassage may drop the old slot to
	// make room.
	told := s.reported
	s.reported, s.more = 0, s.far != 0
	j := ps.createPassage(r, key{s.class, from, s.tag, place}, offset, r.CapturedAt-r.CapturedAt%ps.cfg.ParkedSlot)
	s = &ps.slots.items[j]
	s.parked, s.reported, s.more = true, told, told != 0
	return Added{Joined: JoinedParked, Passage: s.id, slot: j}
}

// addParked counts a repeat on the current slot, or starts the next slot. A late read from an earlier slot also counts
// on the current slot.
func (ps *Passages) addParked(i int32, r *schemas.Read, from Origin, place int, offset int64) Added {
	s := &ps.slots.items[i]
	if r.CapturedAt >= s.lo+ps.cfg.ParkedSlot {
		if !s.closed {
			ps.closePassage(s)
		}
		return ps.openParked(i, r, from, place, offset)
	}
	s.last = ps.clock
	s.hi = max(s.hi, r.CapturedAt)
	if s.closed {
		ps.Stragglers++
	} else {
		b := &ps.bodies.items[s.body]
		b.merged++
		b.last = max(b.last, r.CapturedAt)
	}
	return Added{Joined: JoinedMerged, Passage: s.id, slot: i}
}

// retireParked hides a closed slot from findPassage with an impossible time range. Advance drops the slot when due.
func (ps *Passages) retireParked(i int32) {
	s := &ps.slots.items[i]
	s.lo, s.hi = never, -never
}

const never = schemas.Micros(1) << 62
