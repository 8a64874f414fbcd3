package dedup

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// left keeps the best read of a decided passage, for hits published just after the vehicle left. No pointers.
type left struct {
	read       schemas.ReadID
	capturedAt schemas.Micros
	receivedAt schemas.Micros
	camera     uint32
	speed      schemas.Speed
	small      packedFacts
	stated     schemas.MeasureSet // measures that reads of the passage stated
	country    schemas.Country
	flags      schemas.Flags
	unmeasured bool // no read has had a speed yet
	doubted    bool // counts two plates, whatever the reads name
	image      schemas.Sum
}

// keepLeft replaces a decided passage's body by a left.
func (ps *Passages) keepLeft(s *keptPassage, b *openPassage, p *schemas.Passage) {
	at := ps.lefts.alloc()
	ps.lefts.items[at] = left{
		read: b.best.read, capturedAt: b.best.capturedAt, receivedAt: b.best.receivedAt, camera: b.best.camera, speed: b.best.speed,
		small: b.best.small, country: b.best.country, flags: b.best.flags, unmeasured: b.measuredIn == measuredNone, doubted: b.variants > 1, image: p.Best.Image,
	}
	ps.lefts.items[at].stated = ps.giveStatements(b)
	ps.giveExtra(b)
	b.make, b.colour = 0, 0
	ps.bodies.release(s.body)
	s.body = at
}

// Recalled is a vehicle in view, or gone within KeepClosed: the passage's best read with one plate named by the reads.
type Recalled struct {
	Read    schemas.Read // without camera, raw plate, make, colour, event and alternatives
	Camera  uint32       // number
	Decided bool
	Added   Added
}

// Recall visits passages in the order of opening, once for each plate. wanted selects passages by class and the best
// read's capture time. visit may call MarkHit. Recall scans the whole memory, so it is meant for rare changes such as
// a new hotlist.
func (ps *Passages) Recall(wanted func(c schemas.Class, at schemas.Micros) bool, visit func(*Recalled)) {
	ps.recall = ps.recall[:0]
	for _, e := range ps.table.entries {
		for i := e.head - 1; i >= 0; i = ps.slots.items[i].next {
			s := &ps.slots.items[i]
			if s.lo == never { // retired: a later slot represents the vehicle
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

// Remembered returns the number of passages that are open or were decided within KeepClosed.
func (ps *Passages) Remembered() int { return ps.slots.liveCount() }

// Room returns the limit on remembered passages.
func (ps *Passages) Room() int { return ps.cfg.MaxPassages }
