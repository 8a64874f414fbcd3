package dedup

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// left remembers a decided passage's best read, for hits told just after the vehicle left. No pointer.
type left struct {
	read       schemas.ReadID
	capturedAt schemas.Micros
	receivedAt schemas.Micros
	camera     uint32
	speed      schemas.Speed
	small      packedFacts
	country    schemas.Country
	flags      schemas.Flags
	unmeasured bool // a read with a speed would be the passage's first one
	doubted    bool // two plates, whatever its reads name
	image      schemas.Sum
}

// keepLeft turns a decided passage's body into the kept remainder.
func (ps *Passages) keepLeft(s *keptPassage, b *openPassage, p *schemas.Passage) {
	at := ps.lefts.alloc()
	ps.lefts.items[at] = left{
		read: b.best.read, capturedAt: b.best.capturedAt, receivedAt: b.best.receivedAt, camera: b.best.camera, speed: b.best.speed,
		small: b.best.small, country: b.best.country, flags: b.best.flags, unmeasured: b.measuredIn == measuredNone, doubted: b.variants > 1, image: p.Best.Image,
	}
	ps.giveExtra(b)
	b.make, b.colour = 0, 0
	ps.bodies.release(s.body)
	s.body = at
}

// Recalled is a vehicle in view, or gone within KeepClosed: the passage's best read, with a plate named by the reads.
type Recalled struct {
	Read    schemas.Read // without camera, raw plate, make, colour, event and alternatives
	Camera  uint32       // number
	Decided bool
	Added   Added
}

// Recall shows every passage that wanted says yes to, given its class and the capture time of its best read, in the order in which they
// opened, once for each plate. visit may call MarkHit. It looks at everything that is remembered: call it when something changed for all.
func (ps *Passages) Recall(wanted func(c schemas.Class, at schemas.Micros) bool, visit func(*Recalled)) {
	ps.recall = ps.recall[:0]
	for _, e := range ps.table.entries {
		for i := e.head - 1; i >= 0; i = ps.slots.items[i].next {
			s := &ps.slots.items[i]
			if s.lo == never { // a later slot of the vehicle stands for it
				continue
			}
			at := ps.bestTime(s)
			if wanted(s.class, at) {
				ps.recall = append(ps.recall, i)
			}
		}
	}
	slices.SortFunc(ps.recall, func(a, b int32) int { return cmp.Compare(ps.slots.items[a].opened, ps.slots.items[b].opened) })
	var v Recalled
	for _, i := range ps.recall {
		s := &ps.slots.items[i]
		v = Recalled{Decided: s.closed, Added: Added{Joined: JoinedSame, Passage: s.id, slot: i}}
		ps.bestRead(s, &v)
		v.Read.Class = s.class
		for k := range int(s.nplates) {
			v.Read.Plate = ps.plateAt(s, k)
			visit(&v)
		}
	}
}

func (ps *Passages) bestTime(s *keptPassage) schemas.Micros {
	if s.closed {
		return ps.lefts.items[s.body].capturedAt
	}
	return ps.bodies.items[s.body].best.capturedAt
}

func (ps *Passages) bestRead(s *keptPassage, v *Recalled) {
	var l left
	if s.closed {
		l = ps.lefts.items[s.body]
	} else {
		b := &ps.bodies.items[s.body]
		l = left{
			read: b.best.read, capturedAt: b.best.capturedAt, receivedAt: b.best.receivedAt, camera: b.best.camera, speed: b.best.speed,
			small: b.best.small, country: b.best.country, flags: b.best.flags, image: b.best.image,
		}
		if b.lent&factImage != 0 {
			l.image = ps.extras.items[b.extra].image
		}
	}
	v.Camera = l.camera
	v.Read = schemas.Read{
		ID: l.read, CapturedAt: l.capturedAt, ReceivedAt: l.receivedAt, Country: l.country, CountryConfidence: l.small.countryConfidence(),
		Confidence: l.small.confidence(), Lane: l.small.lane(), Direction: l.small.direction(), Kind: l.small.kind(), Speed: l.speed,
		Flags: l.flags, Image: l.image,
	}
}

// plateAt returns the passage's k-th plate.
func (ps *Passages) plateAt(s *keptPassage, k int) schemas.Plate {
	if k < nearPlates {
		return s.plates[k]
	}
	return ps.fars.items[s.far-1][k-nearPlates]
}

// Remembered returns how many passages are open or decided within KeepClosed.
func (ps *Passages) Remembered() int { return ps.slots.liveCount() }

// Room returns how many passages may be remembered.
func (ps *Passages) Room() int { return ps.cfg.MaxPassages }
