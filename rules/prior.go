package rules

import (
	"bytes"

	"github.com/gvc-brussels/anpr/schemas"
)

// PriorOffences holds the offences (candidate or held) that stand in one partition. A new offence is compared with the
// offences of the same exclusion key: rule, confusion class, and the site or the day. The zero value and nil are empty.
// It is not safe for concurrent use; decisions only read it.
type PriorOffences struct {
	ids    map[schemas.OffenceID]schemas.PriorOffence
	byKey  map[schemas.ExclusionKey][]schemas.PriorOffence
	doubts bool // see Doubting
}

// Doubting returns what answers PriorDoubt to everything. A replay that decides each passage as if it was the only one asks it what the
// passage would have become beside an offence that may be of the same vehicle.
func Doubting() *PriorOffences { return &PriorOffences{doubts: true} }

// PriorAnswer says how a new offence stands to those that are there.
type PriorAnswer uint8

// The answers.
const (
	// PriorNone: no offence of this vehicle, and no reason to doubt it.
	PriorNone PriorAnswer = iota
	// PriorSame: the offence is there already: the same plate, of the same country or one of the two not read, in the rule's period; or
	// the same read.
	PriorSame
	// PriorDoubt: an offence of another plate of the confusion class, or of another country, is there, and one of the two readings is
	// not certain: they may be one vehicle. Of two certain readings each is a vehicle of its own.
	PriorDoubt
)

// ExclusionKeyOf returns the exclusion key of an offence of the family: with the Brussels day of the capture when the
// period of the family is the day, else with the site. The rules and the reader of stored offences both use it.
func ExclusionKeyOf(rule schemas.RuleID, f schemas.Family, p schemas.Plate, site string, at schemas.Micros) schemas.ExclusionKey {
	if i := InfoOf(f); i != nil && i.Period == PeriodDay {
		site = at.Day().String()
	}
	return schemas.NewExclusionKey(rule, p.Class(), site)
}

// Add remembers an offence; one that is there already stays as it is.
func (s *PriorOffences) Add(e schemas.PriorOffence) {
	if s.ids == nil {
		s.ids, s.byKey = map[schemas.OffenceID]schemas.PriorOffence{}, map[schemas.ExclusionKey][]schemas.PriorOffence{}
	}
	if _, ok := s.ids[e.ID]; ok {
		return
	}
	s.ids[e.ID] = e
	s.byKey[e.ExclusionKey] = append(s.byKey[e.ExclusionKey], e)
}

// ByID finds the offence of that id.
func (s *PriorOffences) ByID(id schemas.OffenceID) (e schemas.PriorOffence, ok bool) {
	if s == nil {
		return e, false
	}
	e, ok = s.ids[id]
	return e, ok
}

// Compare compares the offence e with the offences of its key that were captured less than within away (see
// [schemas.Decision]). For PriorSame it returns the offence that stands: the nearest in time, then the smaller id, so
// that the order of Add does not matter.
func (s *PriorOffences) Compare(e *schemas.PriorOffence, within schemas.Micros) (same schemas.PriorOffence, a PriorAnswer) {
	if s == nil {
		return same, PriorNone
	}
	if s.doubts {
		return same, PriorDoubt
	}
	nearest := schemas.Micros(-1)
	all := s.byKey[e.ExclusionKey]
	for i := range all {
		o := &all[i]
		away := max(o.CapturedAt, e.CapturedAt) - min(o.CapturedAt, e.CapturedAt)
		switch {
		case o.Read != e.Read && away >= within:
		case o.Read == e.Read || sameVehicle(o, e):
			if a != PriorSame || away < nearest || away == nearest && bytes.Compare(o.ID.ID[:], same.ID.ID[:]) < 0 {
				same, a, nearest = *o, PriorSame, away
			}
		case a == PriorNone && (!o.Certain || !e.Certain):
			a = PriorDoubt
		}
	}
	return same, a
}

func sameVehicle(a, b *schemas.PriorOffence) bool {
	return a.Plate == b.Plate && (a.Country == b.Country || a.Country.IsZero() || b.Country.IsZero())
}

// DropBefore drops the offences captured before then.
func (s *PriorOffences) DropBefore(before schemas.Micros) {
	for id, e := range s.ids {
		if e.CapturedAt < before {
			delete(s.ids, id)
		}
	}
	for key, all := range s.byKey {
		kept := all[:0]
		for _, e := range all {
			if e.CapturedAt >= before {
				kept = append(kept, e)
			}
		}
		if s.byKey[key] = kept; len(kept) == 0 {
			delete(s.byKey, key)
		}
	}
}
