package bench

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func TestEveryLookalikeIsMarked(t *testing.T) {
	c := testCity(t, 43)
	for i, p := range []string{"2DED074", "2QED074", "2DED075"} {
		c.vehicles[i].plate, c.vehicles[i].flags = schemas.MustPlate(p), 0
	}
	c.markLookalikes()
	of := map[schemas.Class]int{}
	for i := range c.vehicles {
		of[c.vehicles[i].plate.Class()]++
	}
	marked := 0
	for i := range c.vehicles {
		v := &c.vehicles[i]
		is := v.flags&lookalike != 0
		if of[v.plate.Class()] > 1 && !is {
			t.Errorf("%v shares its class and is not marked", v.plate)
		}
		if is {
			marked++
		}
	}
	if marked < 2 || marked > len(c.vehicles)/10 {
		t.Errorf("%d of %d vehicles marked", marked, len(c.vehicles))
	}
}

// When two lookalikes pass together, the faster one's excess need not become an offence; when a lookalike passes
// alone, the excess must.
func TestExcessBesideALookalikeIsOptional(t *testing.T) {
	c := testCity(t, 44)
	for i, p := range []string{"2DED074", "2QED074"} {
		c.vehicles[i].plate = schemas.MustPlate(p)
	}
	cam := &c.cameras[0]
	for _, x := range []struct {
		name    string
		site    string
		vehicle uint32
		after   schemas.Micros
		want    ResultTally
	}{
		{"together", cam.Site, 0, -2 * schemas.Second, ResultTally{Optional: 1}},
		{"the other later", cam.Site, 0, 12 * schemas.Second, ResultTally{Optional: 1}},
		{"long after", cam.Site, 0, 16 * schemas.Second, ResultTally{Expected: 1, Missing: 1}},
		{"elsewhere", "another site", 0, 0, ResultTally{Expected: 1, Missing: 1}},
		{"itself", cam.Site, 1, 0, ResultTally{Expected: 1, Missing: 1}},
	} {
		h := newTruth(c)
		at, fast := testDay.Start(), c.vehicles[1].plate
		oracleIn[*speedOracle](h).excesses = []ExpectedSpeed{{ExpectedRead: ExpectedRead{Read: schemas.ReadID{ID: schemas.ID{1}}, Camera: cam.ID, Class: fast.Class(), At: at, vehicle: 1}}}
		h.addVisit(1, cam.Site, at)
		h.addVisit(x.vehicle, x.site, at+x.after)
		if got := *h.Compare(&Got{}, 10*schemas.Second).Of("speed"); got != x.want {
			t.Errorf("%s: %+v, want %+v", x.name, got, x.want)
		}
		g := &Got{}
		g.AddOffence(&anprv1.Offence{OffenceId: make([]byte, 16), Family: "speed", ReadId: oracleIn[*speedOracle](h).excesses[0].Read.ID[:], Plate: fast.String()})
		if got, want := *h.Compare(g, 10*schemas.Second).Of("speed"), (ResultTally{Expected: 1, Found: 1}); got != want {
			t.Errorf("%s, found: %+v, want %+v", x.name, got, want)
		}
	}
}

// Traffic tells the truth where its lookalikes pass.
func TestTrafficNotesLookalikes(t *testing.T) {
	c := testCity(t, 45)
	for i := range c.vehicles {
		c.vehicles[i].flags |= lookalike
	}
	traffic, err := c.Traffic(TrafficConfig{Seed: 1, Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	var ev Event
	for range 5_000 {
		traffic.Next(&ev)
	}
	h := traffic.Finish()
	for i := range oracleIn[*speedOracle](h).excesses {
		x := &oracleIn[*speedOracle](h).excesses[i]
		site, _ := c.SiteOf(x.Camera)
		found := false
		for _, v := range h.visits[meetingPoint{x.Class, site}] {
			found = found || v.vehicle == x.vehicle && max(v.at, x.At)-min(v.at, x.At) < passingTime
		}
		if !found {
			t.Errorf("no visit of the vehicle for %+v", *x)
		}
	}
	if len(oracleIn[*speedOracle](h).excesses) < 3 {
		t.Errorf("%d excesses, want more", len(oracleIn[*speedOracle](h).excesses))
	}
}
