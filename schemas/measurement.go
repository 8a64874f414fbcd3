package schemas

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// Bounds on the measures of a read.
const (
	dayMS          = int64(24 * Hour / Millisecond)
	MaxMeasures    = 8
	MaxMeasureName = 32 // bytes
	MaxDevice      = 64 // bytes
)

// MeasureSet is a set of measures that a read may state. The zero value is empty.
type MeasureSet uint32

// statedMeasures lists the measures that a read may state, with the highest value that can be meant; a higher value is
// another unit or a fault. The place of a name is its bit in a MeasureSet, so names are only appended.
var statedMeasures = [...]struct {
	name MeasureName
	most int64
}{
	{RedTime, dayMS},
	{AmberTime, dayMS},
	{VehicleLength, 100},
	{VehicleMass, 200_000},
	{OrangePlate, 2*withX - 1},
}

// SetOfMeasure returns the set with the name alone; empty for a name that no read may state, or that this version does
// not know.
func SetOfMeasure(name MeasureName) MeasureSet {
	for i := range statedMeasures {
		if statedMeasures[i].name == name {
			return 1 << i
		}
	}
	return 0
}

// MeasureNames lists the set's names in a fixed order.
func (s MeasureSet) MeasureNames() (out []MeasureName) {
	for ; s != 0; s &= s - 1 {
		out = append(out, statedMeasures[bits.TrailingZeros32(uint32(s))].name)
	}
	return out
}

// Measurement is a sighting that stated measures. Measures holds those of its measures that count for the passage,
// ordered by name, and is never changed once made.
type Measurement struct {
	On       Sighting
	Pictures PictureSet // roles of the read's own pictures
	Measures []Measure
}

// Measure returns the named measure; ok is false when the measurement has none.
func (m *Measurement) Measure(name MeasureName) (x Measure, ok bool) {
	for i := range m.Measures {
		if m.Measures[i].Name == name {
			return m.Measures[i], true
		}
	}
	return Measure{}, false
}

// Measurement returns the place in Measurements of the sighting whose measure of that name counts, or -1.
func (p *Passage) Measurement(name MeasureName) int {
	for i := range p.Measurements {
		if _, ok := p.Measurements[i].Measure(name); ok {
			return i
		}
	}
	return -1
}

// CheckMeasures orders the measures of a read by name and checks them. A measure that stands twice in all its parts
// counts once. A name that this version does not know is kept, because the sender may be newer; no family uses it.
// The returned slice shares ms. A fault is named by field, value and cure; the detail repeats no text of the sender.
func CheckMeasures(ms []Measure) ([]Measure, *RejectError) {
	if len(ms) > MaxMeasures {
		return ms, Rejectf(ReasonTooLarge, "measures", "%d of them, at most %d are taken", len(ms), MaxMeasures)
	}
	for i := range ms {
		if rej := checkMeasure(&ms[i]); rej != nil {
			return ms, rej
		}
	}
	slices.SortFunc(ms, func(a, b Measure) int {
		return cmp.Or(strings.Compare(string(a.Name), string(b.Name)), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Uncertainty, b.Uncertainty), strings.Compare(a.Device, b.Device))
	})
	ms = slices.Compact(ms)
	for i := 1; i < len(ms); i++ {
		if ms[i].Name == ms[i-1].Name {
			return ms, Rejectf(ReasonBadField, "measures.name", "measure %d has the name of another one and differs from it; send each name once", i+1)
		}
	}
	return ms, nil
}

// checkMeasure checks one measure.
func checkMeasure(m *Measure) *RejectError {
	switch {
	case m.Name == "":
		return Rejectf(ReasonMissingField, "measures.name", "must be set, for example %s", RedTime)
	case len(m.Name) > MaxMeasureName || strings.Trim(string(m.Name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
		return Rejectf(ReasonBadField, "measures.name", "no name of a measure; send at most %d small letters, digits and _, for example %s", MaxMeasureName, RedTime)
	case len(m.Device) > MaxDevice:
		return Rejectf(ReasonTooLarge, "measures.device", "%d bytes, at most %d are taken", len(m.Device), MaxDevice)
	case m.Uncertainty < 0:
		return Rejectf(ReasonBadField, "measures.uncertainty", "%d is below 0; send half of the interval around the value, 0 when the device states none", m.Uncertainty)
	case m.Name == MeasuredSpeed:
		return Rejectf(ReasonBadField, "measures.name", "%s is no further measure; send the speed as speed_dkmh", MeasuredSpeed)
	case m.Name == CorrectedSpeed || m.Name == AllowedSpeed:
		return Rejectf(ReasonBadField, "measures.name", "%s is found by the rules; leave it out", m.Name)
	}
	set := SetOfMeasure(m.Name)
	if set == 0 {
		return nil
	}
	most := statedMeasures[bits.TrailingZeros32(uint32(set))].most
	switch {
	case m.Value < 0 || m.Value > most:
		return Rejectf(ReasonBadField, "measures.value", "%s is %d, 0 to %d can be meant; send it in the unit at the end of the name", m.Name, m.Value, most)
	case m.Uncertainty > most:
		return Rejectf(ReasonBadField, "measures.uncertainty", "of %s is %d, at most %d can be meant; send it in the unit at the end of the name", m.Name, m.Uncertainty, most)
	}
	return nil
}
