package rules

import (
	"bytes"

	"github.com/gvc-brussels/anpr/schemas"
)

// Standing is what stands of the offences (candidate or held) of one partition: a passage that gives one of them again is a
// duplicate. The zero value is empty, nil too. It is not safe for concurrent use; decisions only read it.
type Standing struct {
	ids   map[schemas.OffenceID]schemas.Earlier
	spots map[schemas.SpotID][]schemas.Earlier // those that exclude others by time
}

// Add remembers an offence; one that is there already stays as it is.
func (s *Standing) Add(e schemas.Earlier) {
	if s.ids == nil {
		s.ids, s.spots = map[schemas.OffenceID]schemas.Earlier{}, map[schemas.SpotID][]schemas.Earlier{}
	}
	if _, ok := s.ids[e.ID]; ok {
		return
	}
	s.ids[e.ID] = e
	if !e.Spot.IsZero() {
		s.spots[e.Spot] = append(s.spots[e.Spot], e)
	}
}

// Of finds the offence of that id.
func (s *Standing) Of(id schemas.OffenceID) (e schemas.Earlier, ok bool) {
	if s == nil {
		return e, false
	}
	e, ok = s.ids[id]
	return e, ok
}

// Near finds the offence of the spot that was captured nearest to at and less than within away; of two as near the one with
// the smaller id, so that the order of Add does not matter.
func (s *Standing) Near(spot schemas.SpotID, at, within schemas.Micros) (e schemas.Earlier, ok bool) {
	if s == nil {
		return e, false
	}
	for _, o := range s.spots[spot] {
		d := max(o.CapturedAt, at) - min(o.CapturedAt, at)
		if d < within || ok && d == within && bytes.Compare(o.ID.ID[:], e.ID.ID[:]) < 0 {
			e, within, ok = o, d, true
		}
	}
	return e, ok
}

// Forget drops the offences captured before then.
func (s *Standing) Forget(before schemas.Micros) {
	for id, e := range s.ids {
		if e.CapturedAt < before {
			delete(s.ids, id)
		}
	}
	for spot, all := range s.spots {
		kept := all[:0]
		for _, e := range all {
			if e.CapturedAt >= before {
				kept = append(kept, e)
			}
		}
		if s.spots[spot] = kept; len(kept) == 0 {
			delete(s.spots, spot)
		}
	}
}
