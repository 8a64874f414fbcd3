package rules

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestStandingFindsByIDAndByTimeAtASpot(t *testing.T) {
	var s Standing
	id := func(n byte) schemas.OffenceID { return schemas.OffenceID{ID: schemas.ID{n}} }
	spot, other := schemas.SpotID{ID: schemas.ID{1}}, schemas.SpotID{ID: schemas.ID{2}}
	s.Add(schemas.Earlier{ID: id(9), Spot: spot, CapturedAt: 100})
	s.Add(schemas.Earlier{ID: id(8), Spot: spot, CapturedAt: 300})
	s.Add(schemas.Earlier{ID: id(7), Spot: spot, CapturedAt: 300})
	s.Add(schemas.Earlier{ID: id(9), Spot: spot, CapturedAt: 500}) // there already
	s.Add(schemas.Earlier{ID: id(6), CapturedAt: 200})             // of a day: excludes nothing by time
	for _, c := range []struct {
		spot       schemas.SpotID
		at, within schemas.Micros
		want       byte
	}{
		{spot, 100, 1, 9},
		{spot, 159, 60, 9},
		{spot, 160, 60, 0},
		{spot, 41, 60, 9},
		{spot, 40, 60, 0},
		{spot, 199, 1000, 9},
		{spot, 201, 1000, 7},
		{spot, 200, 1000, 7},
		{other, 100, 1000, 0},
		{schemas.SpotID{}, 200, 1000, 0},
		{spot, 500, 60, 0},
	} {
		e, ok := s.Near(c.spot, c.at, c.within)
		if ok != (c.want > 0) || e.ID != id(c.want) {
			t.Errorf("near %d within %d: %v %t, want %d", c.at, c.within, e.ID, ok, c.want)
		}
	}
	if e, ok := s.Of(id(6)); !ok || e.CapturedAt != 200 {
		t.Errorf("by id: %+v %t", e, ok)
	}
	s.Forget(300)
	_, first := s.Of(id(9))
	_, day := s.Of(id(6))
	_, kept := s.Of(id(8))
	if _, near := s.Near(spot, 100, 10); first || day || near || !kept {
		t.Errorf("after forgetting: %t %t %t %t, want only the one at 300", first, day, near, kept)
	}
	var none *Standing
	if _, ok := none.Of(id(1)); ok {
		t.Error("nothing stands where there is no memory")
	}
}
