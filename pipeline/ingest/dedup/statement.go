package dedup

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// statement is a read with measures that count for its passage. Few passages have any, so statements own their memory.
type statement struct {
	schemas.Measurement
	names  schemas.MeasureSet // measures that count
	camera uint32             // number; 0 in Gathered
}

// StatedBy returns the names of the read's measures that this version knows.
func StatedBy(r *schemas.Read) (names schemas.MeasureSet) {
	for i := range r.Measures {
		names |= schemas.SetOfMeasure(r.Measures[i].Name)
	}
	return names
}

// addStatement adds the read's measures to the statements of a passage. Of each measure the smallest value counts, then
// the earliest capture, then the smallest id, so neither order nor repetition matters.
func addStatement(list []statement, r *schemas.Read, camera uint32) []statement {
	var won schemas.MeasureSet
	for i := range r.Measures {
		m := &r.Measures[i]
		name := schemas.SetOfMeasure(m.Name)
		holder := slices.IndexFunc(list, func(s statement) bool { return s.names&name != 0 })
		if name == 0 || holder >= 0 && !list[holder].losesTo(r, m) {
			continue
		}
		won |= name
		if holder < 0 {
			continue
		}
		s := &list[holder]
		s.names &^= name
		s.Measures = slices.DeleteFunc(slices.Clone(s.Measures), func(x schemas.Measure) bool { return x.Name == m.Name })
	}
	if won == 0 {
		return list
	}
	list = slices.DeleteFunc(list, func(s statement) bool { return s.names == 0 })
	s := statement{names: won, camera: camera, Measurement: measurementOf(r, won)}
	s.On.Camera, s.On.Make, s.On.Colour = strings.Clone(r.Camera), "", ""
	for i := range s.Measures {
		m := &s.Measures[i]
		m.Name, m.Device = schemas.MeasureName(strings.Clone(string(m.Name))), strings.Clone(m.Device)
	}
	list = append(list, s)
	slices.SortFunc(list, func(a, b statement) int { return cmp.Compare(a.names&-a.names, b.names&-b.names) })
	return list
}

// measurementOf returns the read with those of its measures that are in the set. The strings are the read's.
func measurementOf(r *schemas.Read, names schemas.MeasureSet) schemas.Measurement {
	m := schemas.Measurement{Pictures: r.PictureSet()}
	writeSighting(&m.On, r)
	for i := range r.Measures {
		if schemas.SetOfMeasure(r.Measures[i].Name)&names != 0 {
			m.Measures = append(m.Measures, r.Measures[i])
		}
	}
	return m
}

// losesTo reports whether the measure x of r counts before the statement's measure with that name.
func (s *statement) losesTo(r *schemas.Read, x *schemas.Measure) bool {
	own, _ := s.Measure(x.Name)
	if x.Value != own.Value {
		return x.Value < own.Value
	}
	return wasCapturedBefore(r, s.On.CapturedAt, &s.On.Read)
}

// writeMeasurements writes the statements into the passage, completed from the best read. sameCamera reports whether a
// statement is of the camera of the best read.
func writeMeasurements(p *schemas.Passage, list []statement, sameCamera func(*statement) bool) {
	p.Measurements = nil
	if len(list) == 0 {
		return
	}
	p.Measurements = make([]schemas.Measurement, len(list))
	for i := range list {
		p.Measurements[i] = list[i].Measurement
		completeFrom(&p.Measurements[i].On, &p.Best, sameCamera(&list[i]))
	}
}

// KeepNew removes from the passage of a late read the measures that are no news, as [Added.Stated] says.
func KeepNew(p *schemas.Passage, fresh schemas.MeasureSet) {
	for i := range p.Measurements {
		p.Measurements[i].Measures = slices.DeleteFunc(p.Measurements[i].Measures, func(m schemas.Measure) bool { return schemas.SetOfMeasure(m.Name)&fresh == 0 })
	}
	if p.Measurements = slices.DeleteFunc(p.Measurements, func(m schemas.Measurement) bool { return len(m.Measures) == 0 }); len(p.Measurements) == 0 {
		p.Measurements = nil
	}
}
