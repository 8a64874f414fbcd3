package dedup

import (
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// compactSighting is a [schemas.Sighting] with a camera number, without make and colour. No pointers.
type compactSighting struct {
	read       schemas.ReadID
	plate      schemas.Plate
	capturedAt schemas.Micros
	receivedAt schemas.Micros
	camera     uint32
	speed      schemas.Speed
	small      packedFacts
	country    schemas.Country
	flags      schemas.Flags
	stated     bool // only in a passage's best: some read of the passage stated measures, see openPassage.statements
	image      schemas.Sum
}

// packedFacts packs the small values in a sighting: confidence and country confidence (10 bits each), lane (6),
// direction (2), kind (4).
type packedFacts uint32

func smallOf(r *schemas.Read) packedFacts {
	return packedFacts(r.Confidence)&1023 | packedFacts(r.CountryConfidence)&1023<<10 | packedFacts(r.Lane)&63<<20 | packedFacts(r.Direction)&3<<26 | packedFacts(r.Kind)&15<<28
}

func (m packedFacts) confidence() schemas.PerMille        { return schemas.PerMille(m & 1023) }
func (m packedFacts) countryConfidence() schemas.PerMille { return schemas.PerMille(m >> 10 & 1023) }
func (m packedFacts) lane() uint8                         { return uint8(m >> 20 & 63) }
func (m packedFacts) direction() schemas.Direction        { return schemas.Direction(m >> 26 & 3) }
func (m packedFacts) kind() schemas.VehicleKind           { return schemas.VehicleKind(m >> 28) }

// openPassage is the part of a passage that is needed only until the decision, in whole cache lines. In most passages
// the best read is also the measured read, or no read has a speed. In these cases the field measured stays empty, and
// the processor never loads the last two lines.
type openPassage struct {
	first      schemas.Micros // capture time of the first read in log order
	last       schemas.Micros // latest capture time
	reads      uint32
	merged     uint32
	variants   uint8
	measuredIn measured // where the measured read is kept
	says       facts    // facts in the best read
	lent       facts    // facts taken from other reads, in extra
	make       uint16   // of the best read, like colour: numbers in ps.words
	colour     uint16
	best       compactSighting
	measured   compactSighting
	extra      int32 // index in ps.extras if lent is not empty
	statements int32 // index in ps.statements if best.stated
	_          [24]byte
}

// measured says where an open passage keeps the measured read.
type measured uint8

const (
	measuredNone measured = iota // no read had a speed
	measuredBest                 // in best
	measuredOwn                  // in the field measured
)

const (
	lineSize  = 64
	bodySize  = 4 * lineSize
	bodyLines = bodySize / lineSize
	bestLines = 2 // lines up to the end of best
)

var (
	_ [bodySize]byte             = [unsafe.Sizeof(openPassage{})]byte{}
	_ [bestLines * lineSize]byte = [unsafe.Offsetof(openPassage{}.measured)]byte{}
)

// cacheLines returns the memory of b as cache lines.
func (b *openPassage) cacheLines() *[bodyLines][lineSize / 8]uint64 {
	return (*[bodyLines][lineSize / 8]uint64)(unsafe.Pointer(b))
}

// beginBody fills b from the first read.
func (ps *Passages) beginBody(b *openPassage, r *schemas.Read, camera uint32) {
	b.first, b.last, b.reads, b.merged, b.variants = r.CapturedAt, r.CapturedAt, 1, 0, 1
	b.lent = 0
	ps.takeBest(b, r, camera)
	b.measuredIn = measuredNone
	if r.Speed > 0 {
		b.measuredIn = measuredBest
	}
	b.best.stated = false
	if len(r.Measures) > 0 {
		ps.state(b, r, camera)
	}
}

// state adds the measures of the read to the passage.
func (ps *Passages) state(b *openPassage, r *schemas.Read, camera uint32) {
	if StatedBy(r) == 0 {
		return
	}
	if !b.best.stated {
		b.best.stated, b.statements = true, ps.statements.alloc()
	}
	list := &ps.statements.items[b.statements]
	*list = addStatement(*list, r, camera)
}

// giveStatements releases the passage's statements and returns the names of their measures.
func (ps *Passages) giveStatements(b *openPassage) (names schemas.MeasureSet) {
	if !b.best.stated {
		return 0
	}
	list := ps.statements.items[b.statements]
	for i := range list {
		names |= list[i].names
	}
	clear(list)
	ps.statements.items[b.statements] = list[:0]
	ps.statements.release(b.statements)
	b.best.stated = false
	return names
}

// takeBest makes the read the best read.
func (ps *Passages) takeBest(b *openPassage, r *schemas.Read, camera uint32) {
	b.best.copyFrom(r, camera)
	b.says = factsOf(r)
	b.make, b.colour = ps.wordsOf(r)
}

func (s *compactSighting) copyFrom(r *schemas.Read, camera uint32) {
	s.read, s.plate, s.capturedAt, s.receivedAt = r.ID, r.Plate, r.CapturedAt, r.ReceivedAt
	s.camera, s.speed, s.small, s.country, s.flags, s.image = camera, r.Speed, smallOf(r), r.Country, r.Flags, r.Image
}

// updateSightings updates the best and the measured read with a further read. The best read has the highest
// confidence, then the earliest capture, then the smallest id, so the order of arrival does not matter. The measured
// read is the slowest read with a speed, in the driver's favour.
func (ps *Passages) updateSightings(b *openPassage, r *schemas.Read, camera uint32) {
	best := b.best.replacedBy(r)
	switch b.measuredIn {
	case measuredNone:
		switch {
		case r.Speed > 0 && best:
			b.measuredIn = measuredBest
		case r.Speed > 0:
			b.measured.copyFrom(r, camera)
			b.measuredIn = measuredOwn
		}
	case measuredBest:
		slow := r.Speed > 0 && b.best.replacedAsMeasured(r)
		switch {
		case best && !slow:
			b.measured, b.measuredIn = b.best, measuredOwn
		case slow && !best:
			b.measured.copyFrom(r, camera)
			b.measuredIn = measuredOwn
		}
	case measuredOwn:
		if r.Speed > 0 && b.measured.replacedAsMeasured(r) {
			b.measured.copyFrom(r, camera)
		}
	}
	if f := factsOf(r); f != b.says {
		ps.lendFacts(b, r, f, best)
	}
	if best {
		ps.takeBest(b, r, camera)
	}
	if len(r.Measures) > 0 {
		ps.state(b, r, camera)
	}
}

// replacedBy reports whether r replaces s as the best read.
func (s *compactSighting) replacedBy(r *schemas.Read) bool {
	if c := s.small.confidence(); r.Confidence != c {
		return r.Confidence > c
	}
	return s.comesAfter(r)
}

// replacedAsMeasured reports whether r replaces s as the measured read.
func (s *compactSighting) replacedAsMeasured(r *schemas.Read) bool {
	if r.Speed != s.speed {
		return r.Speed < s.speed
	}
	return s.comesAfter(r)
}

func (s *compactSighting) comesAfter(r *schemas.Read) bool {
	return wasCapturedBefore(r, s.capturedAt, &s.read)
}

// writePassage writes the passage and the camera numbers into c.
func (ps *Passages) writePassage(s *keptPassage, c *Closed) {
	p, b := &c.Passage, &ps.bodies.items[s.body]
	p.ID, p.Class, p.SiteHash, p.First, p.Last = s.id, s.class, s.site, b.first, b.last
	p.Reads, p.Merged, p.Variants, p.Parked = b.reads, b.merged, b.variants, s.parked
	b.best.writeTo(&p.Best)
	p.Best.Make, p.Best.Colour = ps.words.text[b.make], ps.words.text[b.colour]
	if b.lent != 0 {
		ps.extras.items[b.extra].completeSighting(ps, &p.Best, b.lent)
	}
	c.BestCamera, c.MeasuredCamera = b.best.camera, 0
	switch b.measuredIn {
	case measuredNone:
		p.Measured = schemas.Sighting{}
	case measuredBest:
		p.Measured = p.Best
		c.MeasuredCamera = b.best.camera
	case measuredOwn:
		b.measured.writeTo(&p.Measured)
		completeMeasured(p, b.measured.camera == b.best.camera)
		c.MeasuredCamera = b.measured.camera
	}
	p.Measurements = nil
	if b.best.stated {
		writeMeasurements(p, ps.statements.items[b.statements], func(x *statement) bool { return x.camera == b.best.camera })
	}
}

// writeTo writes the sighting without make, colour and camera name.
func (s *compactSighting) writeTo(to *schemas.Sighting) {
	to.Read, to.Camera, to.CapturedAt, to.ReceivedAt = s.read, "", s.capturedAt, s.receivedAt
	to.Plate, to.Country, to.CountryConfidence, to.Confidence = s.plate, s.country, s.small.countryConfidence(), s.small.confidence()
	to.Lane, to.Direction, to.Kind = s.small.lane(), s.small.direction(), s.small.kind()
	to.Speed, to.Flags, to.Image = s.speed, s.flags, s.image
}
