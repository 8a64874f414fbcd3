package rules

import (
	"bytes"

	"github.com/gvc-brussels/anpr/schemas"
)

// PriorOffences holds the standing offences (candidate or held) in one partition. A new offence is compared with
// offences under the same exclusion key: rule, confusion class, and the site or the day. The zero value and nil are
// empty. Not safe for concurrent use; decisions only read.
type PriorOffences struct {
	ids    map[schemas.OffenceID]schemas.PriorOffence
	byKey  map[schemas.ExclusionKey][]schemas.PriorOffence
	doubts bool // see Doubting
}

// Doubting returns prior offences that answer PriorDoubt to every offence. A replay decides each passage alone, and
// uses Doubting to find the outcome beside an offence that may belong to the same vehicle.
func Doubting() *PriorOffences { return &PriorOffences{doubts: true} }

// PriorAnswer relates a new offence to the standing offences.
type PriorAnswer uint8

// The answers.
const (
	// PriorNone: no standing offence may belong to the same vehicle.
	PriorNone PriorAnswer = iota
	// PriorSame: the offence already stands. Plate and period are the same, and the countries agree or one is unread; or
	// the read is the same.
	PriorSame
	// PriorDoubt: a standing offence has another plate in the confusion class or another country, and one of the two
	// readings is uncertain. Both may be one vehicle. Two certain readings mean two vehicles.
	PriorDoubt
)

// ExclusionKeyOf returns the exclusion key for an offence. For a family with the day as period, the key contains the
// Brussels day of capture, else the site. The rules and the reader for stored offences share this function.
func ExclusionKeyOf(rule schemas.RuleID, f schemas.Family, p schemas.Plate, site string, at schemas.Micros) schemas.ExclusionKey {
	if i := InfoOf(f); i != nil && i.Period == PeriodDay {
		site = at.Day().String()
	}
	return schemas.NewExclusionKey(rule, p.Class(), site)
}

// Add remembers an offence. An offence with a known id is not replaced.
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

// ByID returns the offence with the given id.
func (s *PriorOffences) ByID(id schemas.OffenceID) (e schemas.PriorOffence, ok bool) {
	if s == nil {
		return e, false
	}
	e, ok = s.ids[id]
	return e, ok
}

// Compare compares e with the offences under the same key that were captured less than within away (see
// [schemas.Decision]). For PriorSame, Compare returns the standing offence: the nearest in time, then the smaller id.
// The order of Add does not matter.
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

// DropBefore drops the offences captured earlier than before.
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
