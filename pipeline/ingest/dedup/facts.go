package dedup

import "github.com/gvc-brussels/anpr/schemas"

// A camera may tell one vehicle in several messages: the plate first, then speed, kind and picture. Which read of a passage is the best
// one is a question of its plate alone; what that read does not say is taken from the most confident read that says it, see
// [schemas.Sighting]. The order of reads in replacedBy is total, so what a passage says does not depend on the order of arrival.

// facts is a set of what a read may say or not of the vehicle, beside plate, time, place and speed.
type facts uint8

const (
	factCountry facts = 1 << iota
	factKind
	factMake
	factColour
	factImage
	factEnd
	factCount = 5
)

func factsOf(r *schemas.Read) (f facts) {
	if !r.Country.IsZero() {
		f |= factCountry
	}
	if r.Kind != schemas.KindUnknown {
		f |= factKind
	}
	if r.Make != "" {
		f |= factMake
	}
	if r.Colour != "" {
		f |= factColour
	}
	if !r.Image.IsZero() {
		f |= factImage
	}
	return f
}

// rank is a read's place in the order of reads.
type rank struct {
	read       schemas.ReadID
	capturedAt schemas.Micros
	confidence schemas.PerMille
}

func rankOf(r *schemas.Read) rank { return rank{r.ID, r.CapturedAt, r.Confidence} }

// isBelow reports whether o is the better read to show.
func (k *rank) isBelow(o *rank) bool {
	switch {
	case o.confidence != k.confidence:
		return o.confidence > k.confidence
	case o.capturedAt != k.capturedAt:
		return o.capturedAt < k.capturedAt
	}
	return string(o.read.ID[:]) < string(k.read.ID[:])
}

// said are the values of facts.
type said struct {
	country           schemas.Country
	countryConfidence schemas.PerMille
	kind              schemas.VehicleKind
	make, colour      uint16
	image             schemas.Sum
}

// extra is what the best read of a body does not say, and of which read each is. Few passages need one.
type extra struct {
	of [factCount]rank
	said
}

// lendFacts keeps what the better of two reads does not say and the other does. The read r says f, and is better than the best one so far or not.
func (ps *Passages) lendFacts(b *openPassage, r *schemas.Read, f facts, best bool) {
	if best {
		// Of all reads with a fact the best one so far was the best: what it says goes before what was lent to it.
		was := rank{b.best.read, b.best.capturedAt, b.best.small.confidence()}
		v := said{b.best.country, b.best.small.countryConfidence(), b.best.small.kind(), b.make, b.colour, b.best.image}
		keep := (b.says | b.lent) &^ f
		if keep == 0 {
			ps.giveExtra(b)
			return
		}
		x := ps.extraOf(b)
		x.copyFrom(keep&b.says, &v, &was)
		b.lent = keep
		return
	}
	f &^= b.says
	if f == 0 {
		return
	}
	v := said{country: r.Country, countryConfidence: r.CountryConfidence, kind: r.Kind, image: r.Image}
	v.make, v.colour = ps.wordsOf(r)
	x, k := ps.extraOf(b), rankOf(r)
	for i := range factCount {
		if bit := facts(1) << i; f&bit != 0 && b.lent&bit != 0 && !x.of[i].isBelow(&k) {
			f &^= bit
		}
	}
	x.copyFrom(f, &v, &k)
	b.lent |= f
}

// extraOf returns the body's extra, a new one when it has none.
func (ps *Passages) extraOf(b *openPassage) *extra {
	if b.lent == 0 {
		b.extra = ps.extras.alloc()
	}
	return &ps.extras.items[b.extra]
}

// giveExtra gives back what the body holds outside itself.
func (ps *Passages) giveExtra(b *openPassage) {
	if b.lent != 0 {
		ps.extras.items[b.extra] = extra{}
		ps.extras.release(b.extra)
		b.lent = 0
	}
}

// copyFrom sets the facts f to the values of a read.
func (x *extra) copyFrom(f facts, v *said, of *rank) {
	for i := range factCount {
		if f&(1<<i) != 0 {
			x.of[i] = *of
		}
	}
	if f&factCountry != 0 {
		x.country, x.countryConfidence = v.country, v.countryConfidence
	}
	if f&factKind != 0 {
		x.kind = v.kind
	}
	if f&factMake != 0 {
		x.make = v.make
	}
	if f&factColour != 0 {
		x.colour = v.colour
	}
	if f&factImage != 0 {
		x.image = v.image
	}
}

// completeSighting gives the sighting the facts f.
func (x *extra) completeSighting(ps *Passages, s *schemas.Sighting, f facts) {
	if f&factCountry != 0 {
		s.Country, s.CountryConfidence = x.country, x.countryConfidence
	}
	if f&factKind != 0 {
		s.Kind = x.kind
	}
	if f&factMake != 0 {
		s.Make = ps.words.text[x.make]
	}
	if f&factColour != 0 {
		s.Colour = ps.words.text[x.colour]
	}
	if f&factImage != 0 {
		s.Image = x.image
	}
}

// completeMeasured gives the measured read, when it is not the best one, what the passage knows and it does not say. Lane and direction
// are those of the camera: another camera of the site has others.
func completeMeasured(p *schemas.Passage, sameCamera bool) {
	m, b := &p.Measured, &p.Best
	m.Make, m.Colour = b.Make, b.Colour
	if m.Country.IsZero() {
		m.Country, m.CountryConfidence = b.Country, b.CountryConfidence
	}
	if m.Kind == schemas.KindUnknown {
		m.Kind = b.Kind
	}
	if m.Image.IsZero() {
		m.Image = b.Image
	}
	if !sameCamera {
		return
	}
	if m.Lane == 0 {
		m.Lane = b.Lane
	}
	if m.Direction == schemas.DirectionUnknown {
		m.Direction = b.Direction
	}
}
