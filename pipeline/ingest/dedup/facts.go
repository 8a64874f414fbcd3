package dedup

import "github.com/gvc-brussels/anpr/schemas"

// A camera may report one vehicle in several messages: first the plate, then speed, kind and picture. The plate alone
// decides which read of a passage is best. Facts missing in the best read come from the most confident read with the
// fact, see [schemas.Sighting]. The order of reads in replacedBy is total, so the order of arrival does not matter.

// facts is a set of optional facts about the vehicle in a read, beside plate, time, place and speed.
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

// rank is the position of a read in the order of reads.
type rank struct {
	read       schemas.ReadID
	capturedAt schemas.Micros
	confidence schemas.PerMille
}

func rankOf(r *schemas.Read) rank { return rank{r.ID, r.CapturedAt, r.Confidence} }

// isBelow reports whether o ranks above k, as the better read to show.
func (k *rank) isBelow(o *rank) bool {
	switch {
	case o.confidence != k.confidence:
		return o.confidence > k.confidence
	case o.capturedAt != k.capturedAt:
		return o.capturedAt < k.capturedAt
	}
	return string(o.read.ID[:]) < string(k.read.ID[:])
}

// said holds the values of facts.
type said struct {
	country           schemas.Country
	countryConfidence schemas.PerMille
	kind              schemas.VehicleKind
	make, colour      uint16
	image             schemas.Sum
}

// extra holds the facts missing in a passage's best read, and the rank of the read behind each fact. Few passages need
// an extra.
type extra struct {
	of [factCount]rank
	said
}

// lendFacts keeps the facts that the better of two reads lacks and the other read has. f are the facts in r; best says
// that r becomes the best read.
func (ps *Passages) lendFacts(b *openPassage, r *schemas.Read, f facts, best bool) {
	if best {
		// The best read so far ranks above all reads that lent facts, so the facts in the best read win over lent facts.
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

// extraOf returns the passage's extra, and allocates an extra if there is none.
func (ps *Passages) extraOf(b *openPassage) *extra {
	if b.lent == 0 {
		b.extra = ps.extras.alloc()
	}
	return &ps.extras.items[b.extra]
}

// giveExtra releases the passage's extra, if there is an extra.
func (ps *Passages) giveExtra(b *openPassage) {
	if b.lent != 0 {
		ps.extras.items[b.extra] = extra{}
		ps.extras.release(b.extra)
		b.lent = 0
	}
}

// copyFrom copies the facts f with the rank of their read.
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

// completeSighting copies the facts f into the sighting.
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

// completeMeasured fills facts missing in the measured read from the best read. Lane and direction depend on the
// camera, so they are copied only between reads from the same camera.
func completeMeasured(p *schemas.Passage, sameCamera bool) {
	completeFrom(&p.Measured, &p.Best, sameCamera)
}

// completeFrom fills facts missing in m from the best read b, like completeMeasured.
func completeFrom(m, b *schemas.Sighting, sameCamera bool) {
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
