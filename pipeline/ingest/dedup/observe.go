package dedup

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// PassageOfRead is a read as a passage of its own, under the id of the passage it joined, with one variant. It holds the strings of r, which may alias a record.
func PassageOfRead(r *schemas.Read, id schemas.PassageID) schemas.Passage {
	p := schemas.Passage{ID: id, Class: r.Class, First: r.CapturedAt, Last: r.CapturedAt, Reads: 1, Variants: 1}
	writeSighting(&p.Best, r)
	if r.Speed > 0 {
		p.Measured = p.Best
	}
	return p
}

// Gathered makes a passage of its reads, in any order and any number of times: what a replay over stored reads does to see what the
// pipeline saw. The zero value has no read. It is used by one goroutine.
type Gathered struct {
	best, measured schemas.Sighting
	facts          schemas.Sighting // of each fact the value of the most confident read that says it
	of             [factCount]rank
	says           facts
	plates         [maxPlates]schemas.Plate
	nplates        uint8
}

// Names reports whether a read named the plate, up to four plates.
func (g *Gathered) Names(p schemas.Plate) bool { return slices.Contains(g.plates[:g.nplates], p) }

// AddRead takes a read, whose strings must not alias a record. It does not allocate.
func (g *Gathered) AddRead(r *schemas.Read) {
	if g.best.Read.IsZero() || isBetterBest(r, &g.best) {
		writeSighting(&g.best, r)
	}
	if r.Speed > 0 && (g.measured.Read.IsZero() || isSlowerMeasured(r, &g.measured)) {
		writeSighting(&g.measured, r)
	}
	if g.nplates < maxPlates && !g.Names(r.Plate) {
		g.plates[g.nplates] = r.Plate
		g.nplates++
	}
	k := rankOf(r)
	for i, f := 0, factsOf(r); i < factCount; i++ {
		bit := facts(1) << i
		if f&bit == 0 || g.says&bit != 0 && !g.of[i].isBelow(&k) {
			continue
		}
		g.of[i] = k
		g.says |= bit
		switch bit {
		case factCountry:
			g.facts.Country, g.facts.CountryConfidence = r.Country, r.CountryConfidence
		case factKind:
			g.facts.Kind = r.Kind
		case factMake:
			g.facts.Make = r.Make
		case factColour:
			g.facts.Colour = r.Colour
		case factImage:
			g.facts.Image = r.Image
		case factEnd: // no fact
		}
	}
}

// Measured reports whether a read had a speed.
func (g *Gathered) Measured() bool { return !g.measured.Read.IsZero() }

// Whole writes the best read and the measured read into the passage, as the pipeline emits them.
func (g *Gathered) Whole(p *schemas.Passage) {
	p.Best, p.Measured = g.best, schemas.Sighting{}
	b, f := &p.Best, &g.facts
	b.Country, b.CountryConfidence, b.Kind, b.Make, b.Colour, b.Image = f.Country, f.CountryConfidence, f.Kind, f.Make, f.Colour, f.Image
	switch {
	case g.measured.Read.IsZero():
	case g.measured.Read == b.Read:
		p.Measured = *b
	default:
		p.Measured = g.measured
		completeMeasured(p, p.Measured.Camera == p.Best.Camera)
	}
}
