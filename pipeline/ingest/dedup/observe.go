package dedup

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// PassageOfRead returns a passage with r as the only read and one variant, under the id of the passage that r joined.
// The passage shares the strings of r, which may alias a record.
func PassageOfRead(r *schemas.Read, id schemas.PassageID) schemas.Passage {
	p := schemas.Passage{ID: id, Class: r.Class, First: r.CapturedAt, Last: r.CapturedAt, Reads: 1, Variants: 1}
	writeSighting(&p.Best, r)
	if r.Speed > 0 {
		p.Measured = p.Best
	}
	if names := StatedBy(r); names != 0 {
		p.Measurements = []schemas.Measurement{measurementOf(r, names)}
	}
	return p
}

// Gathered combines reads into a passage, in any order and with repeats. A replay over stored reads uses Gathered to
// repeat the pipeline's result. The zero value has no reads. Not safe for concurrent use.
type Gathered struct {
	best, measured schemas.Sighting
	facts          schemas.Sighting // each fact from the most confident read with the fact
	of             [factCount]rank
	says           facts
	plates         [maxPlates]schemas.Plate
	nplates        uint8
	statements     []statement
}

// Names reports whether a read named the plate. Only the first four plates are kept.
func (g *Gathered) Names(p schemas.Plate) bool { return slices.Contains(g.plates[:g.nplates], p) }

// AddRead adds a read, whose strings must not alias a record. AddRead does not allocate
// for a read without measures.
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
	if StatedBy(r) != 0 {
		g.statements = addStatement(g.statements, r, 0)
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
		case factEnd: // marks the end
		}
	}
}

// Stated returns the measures that the reads stated.
func (g *Gathered) Stated() (names schemas.MeasureSet) {
	for i := range g.statements {
		names |= g.statements[i].names
	}
	return names
}

// Measured reports whether a read had a speed.
func (g *Gathered) Measured() bool { return !g.measured.Read.IsZero() }

// Whole writes the best and the measured read and the measurements into p, as the pipeline emits them.
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
	writeMeasurements(p, g.statements, func(x *statement) bool { return x.On.Camera == p.Best.Camera })
}
