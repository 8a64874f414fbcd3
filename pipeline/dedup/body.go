package dedup

import (
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// body is what is only needed until a passage is decided, in whole cache lines. Most passages have one measured read, and
// it is the best one: then, or when there is none, Measured is not filled, and the last lines are never loaded.
type body struct {
	schemas.Passage
	_ [(lineSize - unsafe.Sizeof(schemas.Passage{})%lineSize) % lineSize]byte
}

// measured says where the measured read of a body is.
type measured uint8

const (
	measuredNone measured = iota // no read had a speed
	measuredBest                 // it is the best read
	measuredOwn                  // in Measured
)

const (
	lineSize  = 64
	bodyLines = unsafe.Sizeof(body{}) / lineSize
	bestLines = (unsafe.Offsetof(body{}.Measured) + lineSize - 1) / lineSize // up to the end of Best
)

// lines shows a body as what the processor loads.
func (b *body) lines() *[bodyLines][lineSize / 8]uint64 {
	return (*[bodyLines][lineSize / 8]uint64)(unsafe.Pointer(b))
}

// begin fills the body with its first read and says where the measured one is.
func (b *body) begin(r *schemas.Read, s *slot) measured {
	b.ID, b.Class, b.SiteHash = s.id, s.class, s.site
	b.First, b.Last = r.CapturedAt, r.CapturedAt
	b.Reads, b.Merged, b.Variants, b.Parked = 1, 0, 1, false
	sight(&b.Best, r)
	if r.Speed > 0 {
		return measuredBest
	}
	return measuredNone
}

// observe takes a further read into the best read and the measured one, and says where the latter is then. The best read
// is the most confident one, the earliest captured among equals, then the smaller id: an order without regard to arrival.
// The measured read is the slowest with a speed, in the driver's favour.
func (b *body) observe(r *schemas.Read, at measured) measured {
	best := better(r, &b.Best)
	switch at {
	case measuredNone:
		switch {
		case r.Speed > 0 && best:
			at = measuredBest
		case r.Speed > 0:
			sight(&b.Measured, r)
			at = measuredOwn
		}
	case measuredBest:
		slow := r.Speed > 0 && slower(r, &b.Best)
		switch {
		case best && !slow:
			b.Measured, at = b.Best, measuredOwn
		case slow && !best:
			sight(&b.Measured, r)
			at = measuredOwn
		}
	case measuredOwn:
		if r.Speed > 0 && slower(r, &b.Measured) {
			sight(&b.Measured, r)
		}
	}
	if best {
		sight(&b.Best, r)
	}
	return at
}

// whole returns the passage with its measured read filled, in the body or in room.
func (b *body) whole(at measured, room *schemas.Passage) *schemas.Passage {
	if at == measuredOwn {
		return &b.Passage
	}
	p := &b.Passage
	room.ID, room.Class, room.SiteHash, room.First, room.Last = p.ID, p.Class, p.SiteHash, p.First, p.Last
	room.Reads, room.Merged, room.Variants, room.Parked = p.Reads, p.Merged, p.Variants, p.Parked
	room.Best = p.Best
	if at == measuredBest {
		room.Measured = p.Best
	} else {
		room.Measured = schemas.Sighting{}
	}
	return room
}
