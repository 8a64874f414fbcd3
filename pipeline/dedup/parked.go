package dedup

import "github.com/gvc-brussels/anpr/schemas"

// openParked starts a slot of a vehicle that stands in view, in place of the chain's previous slot i.
func (ps *Passages) openParked(i int32, r *schemas.Read, offset int64) Added {
	ps.retire(i)
	lo := r.CapturedAt - r.CapturedAt%ps.cfg.ParkedSlot
	j := ps.create(r, offset, lo)
	s := &ps.slots[j]
	s.p.Parked = true
	return Added{JoinedParked, s.p.ID, j}
}

// addParked counts a repeat on its slot, or starts the next slot when the read belongs to a later one. A read of an
// earlier slot is counted on the current one.
func (ps *Passages) addParked(i int32, r *schemas.Read, offset int64) Added {
	s := &ps.slots[i]
	if r.CapturedAt >= s.lo+ps.cfg.ParkedSlot {
		if !s.closed {
			ps.close(s)
		}
		return ps.openParked(i, r, offset)
	}
	if s.closed {
		ps.Stragglers++
	}
	s.last = ps.clock
	s.hi = max(s.hi, r.CapturedAt)
	s.p.Merged++
	s.p.Last = max(s.p.Last, r.CapturedAt)
	return Added{JoinedMerged, s.p.ID, i}
}

// retire takes a closed slot out of the chain that find searches by giving it an empty reach; Advance drops it when due.
func (ps *Passages) retire(i int32) {
	s := &ps.slots[i]
	s.lo, s.hi = never, -never
}

const never = schemas.Micros(1) << 62
