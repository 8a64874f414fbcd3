package bench

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// deliverPerfectly returns a perfect pipeline's results for a truth, delivered once or twice.
func deliverPerfectly(c *City, h *Truth, times int) *Got {
	g := &Got{}
	cameraAt := map[string]string{}
	for i := range c.cameras {
		cameraAt[c.cameras[i].Site] = c.cameras[i].ID
	}
	for range times {
		for _, x := range h.Hits() {
			id := schemas.NewHitID(x.List, x.Entry, schemas.PassageID{ID: schemas.ID{byte(x.At), byte(x.At >> 8), byte(x.At >> 16), byte(x.At >> 24), byte(x.At >> 32)}}, x.Match)
			g.AddHit(&anprv1.Hit{
				HitId: id.ID[:], List: x.List, EntryId: x.Entry, CameraId: cameraAt[x.Site], Match: x.Match.String(), CapturedAtUs: int64(x.At),
			})
		}
		for _, x := range h.Speeds() {
			id := schemas.NewOffenceID("speed", schemas.MustPlate(x.Class.String()), schemas.Belgium, x.Read.ID[:])
			g.AddOffence(&anprv1.Offence{
				OffenceId: id.ID[:], Family: "speed", ReadId: x.Read.ID[:], Plate: x.Class.String(), CapturedAtUs: int64(x.At),
			})
		}
		for _, x := range h.LEZ() {
			if x.Must {
				id := schemas.NewOffenceID("lez", schemas.MustPlate(x.Class.String()), schemas.Belgium, []byte{byte(x.Day)})
				g.AddOffence(&anprv1.Offence{OffenceId: id.ID[:], Family: "lez", Plate: x.Class.String(), CapturedAtUs: int64(x.Day.Start())})
			}
		}
	}
	return g
}

func TestCompareFindsWhatIsMissingAndExtra(t *testing.T) {
	c := testCity(t, 41)
	tr := testTraffic(t, c, TrafficConfig{Seed: 3, Rate: 200, ListedShare: 50_000})
	var ev Event
	for range 60_000 {
		tr.Next(&ev)
	}
	h := tr.Truth()
	const window = 10 * schemas.Second
	for _, times := range []int{1, 2} {
		r := h.Compare(deliverPerfectly(c, h, times), window)
		if !r.Exact() || r.Of("hits").Found < 50 || r.Of("speed").Found < 50 || r.Of("lez").Found < 50 {
			t.Fatalf("delivered %d times: %+v: want all found and no small numbers", times, r.Tallies())
		}
	}
	g := deliverPerfectly(c, h, 1)
	for id := range g.hits {
		delete(g.hits, id)
		break
	}
	for id, o := range g.offences {
		if o.family == "speed" {
			delete(g.offences, id)
			break
		}
	}
	for id, o := range g.offences {
		if o.family == "lez" {
			delete(g.offences, id)
			break
		}
	}
	late := h.Hits()[0]
	g.AddHit(&anprv1.Hit{HitId: []byte("x"), List: late.List, EntryId: late.Entry, CameraId: c.cameras[0].ID, Match: "exact", CapturedAtUs: int64(late.At + 9*schemas.Hour)})
	g.AddOffence(&anprv1.Offence{OffenceId: []byte("y"), Family: "speed", ReadId: []byte("0123456789abcdef"), Plate: "1ABC123", CapturedAtUs: int64(late.At)})
	g.AddOffence(&anprv1.Offence{OffenceId: []byte("z"), Family: "lez", Plate: "ZZZZZZZZZ", CapturedAtUs: int64(late.At)})
	r := h.Compare(g, window)
	for _, name := range []string{"hits", "speed", "lez"} {
		tally := *r.Of(name)
		if tally.Missing != 1 || tally.Extra != 1 || tally.Found+tally.Missing != tally.Expected {
			t.Errorf("%s: got %+v, want one missing and one extra", name, tally)
		}
	}
	if len(r.MissingHits) != 1 || len(r.ExtraHits) != 1 || r.Exact() {
		t.Errorf("named %v missing and %v extra, want one each", r.MissingHits, r.ExtraHits)
	}
	empty := h.Compare(&Got{}, window)
	if empty.Of("hits").Found+empty.Of("speed").Found+empty.Of("lez").Found != 0 || empty.Of("hits").Missing == 0 {
		t.Errorf("nothing delivered: got %+v", empty.Tallies())
	}
}

func TestHitsWithinOnePassageCountOnce(t *testing.T) {
	c := testCity(t, 42)
	h := newTruth(c)
	hit := func(at schemas.Micros) ExpectedHit {
		return ExpectedHit{"stolen", "STO-1", c.cameras[0].Site, schemas.MatchExact, at}
	}
	oracleIn[*hotlistOracle](h).hits = []ExpectedHit{hit(100 * schemas.Second), hit(104 * schemas.Second), hit(200 * schemas.Second)}
	g := &Got{}
	for i, at := range []schemas.Micros{101 * schemas.Second, 200 * schemas.Second} {
		g.AddHit(&anprv1.Hit{HitId: []byte{byte(i)}, List: "stolen", EntryId: "STO-1", CameraId: c.cameras[0].ID, Match: "exact", CapturedAtUs: int64(at)})
	}
	if r := h.Compare(g, 10*schemas.Second); *r.Of("hits") != (ResultTally{Expected: 2, Found: 2}) {
		t.Errorf("got %+v, want two passages found", r.Of("hits"))
	}
}

// A second hit of a passage is right only when its reads reached the gateway so far apart that no passage is kept so
// long.
func TestASecondHitOfAPassageIsOptionalOnlyWhenReceivedMuchLater(t *testing.T) {
	c := testCity(t, 42)
	h := newTruth(c)
	captured := 100 * schemas.Second
	oracleIn[*hotlistOracle](h).hits = []ExpectedHit{{"stolen", "STO-1", c.cameras[0].Site, schemas.MatchExact, captured}}
	for _, x := range []struct {
		name            string
		after, received schemas.Micros // of the second hit, after the first
		want            ResultTally
	}{
		{"at once", schemas.Second, schemas.Second, ResultTally{Expected: 1, Found: 1, Extra: 1}},
		{"within the time that a passage is kept", schemas.Second, passageKept, ResultTally{Expected: 1, Found: 1, Extra: 1}},
		{"beyond it", schemas.Second, passageKept + 1, ResultTally{Expected: 1, Found: 1, Optional: 1}},
		{"beyond it, captured first", -schemas.Second, passageKept + 1, ResultTally{Expected: 1, Found: 1, Optional: 1}},
		{"another passage", 30 * schemas.Second, passageKept + 1, ResultTally{Expected: 1, Found: 1, Extra: 1}},
	} {
		g := &Got{}
		for i, at := range []schemas.Micros{0, x.after} {
			received := captured + schemas.Micros(i)*x.received
			g.AddHit(&anprv1.Hit{HitId: []byte{byte(i)}, List: "stolen", EntryId: "STO-1", CameraId: c.cameras[0].ID, Match: "exact", CapturedAtUs: int64(captured + at), ReceivedAtUs: int64(received)})
		}
		if r := h.Compare(g, 10*schemas.Second); *r.Of("hits") != x.want {
			t.Errorf("%s: got %+v, want %+v", x.name, *r.Of("hits"), x.want)
		}
	}
}

func TestLEZOracle(t *testing.T) {
	c := testCity(t, 43)
	const ok = inRegister
	f := func(name string, v vehicle, day schemas.Day, want lezExpectation) {
		t.Helper()
		if got := c.judgeVehicle(&v, day.At(12)); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	car := func(fuel schemas.Fuel, euro schemas.Euro, flags vehicleFlags) vehicle {
		return vehicle{category: schemas.M1, fuel: fuel, euro: euro, flags: flags, firstRegistration: schemas.DayOf(2012, 1, 1)}
	}
	f("diesel Euro 5", car(schemas.Diesel, schemas.Euro5, ok), testDay, lezFine)
	f("diesel Euro 6", car(schemas.Diesel, schemas.Euro6, ok), testDay, lezClear)
	f("petrol Euro 2", car(schemas.Petrol, schemas.Euro2, ok), testDay, lezFine)
	f("petrol Euro 3", car(schemas.Petrol, schemas.Euro3, ok), testDay, lezClear)
	f("LPG Euro 2 counts as petrol", car(schemas.LPG, schemas.Euro2, ok), testDay, lezFine)
	f("electric", car(schemas.Electric, schemas.EuroUnknown, ok), testDay, lezClear)
	f("no norm in the register", car(schemas.Diesel, schemas.EuroUnknown, ok), testDay, lezMay)
	f("exempt", car(schemas.Diesel, schemas.Euro4, ok|exempt), testDay, lezClear)
	f("day pass", car(schemas.Diesel, schemas.Euro4, ok|dayPass), testDay, lezClear)
	f("day pass of another day", car(schemas.Diesel, schemas.Euro4, ok|dayPass), testDay+1, lezMay)
	f("day pass of the day before, at noon", car(schemas.Diesel, schemas.Euro4, ok|earlyPass), testDay, lezFine)
	early := car(schemas.Diesel, schemas.Euro4, ok|earlyPass)
	for at, want := range map[schemas.Micros]lezExpectation{testDay.Start(): lezClear, testDay.At(6) - 1: lezClear, testDay.At(6): lezFine} {
		if got := c.judgeVehicle(&early, at); got != want {
			t.Errorf("day pass of the day before at %s: got %d, want %d", at, got, want)
		}
	}
	bus := car(schemas.Diesel, schemas.Euro5, ok)
	bus.category = schemas.M2
	f("minibus diesel Euro 5", bus, testDay, lezClear)
	for i, want := range []lezExpectation{lezFine, lezFine, lezClear, lezClear} { // the class is not known, 1, 2, 3
		van := car(schemas.Diesel, schemas.Euro5, ok)
		van.category = schemas.N1
		for n := 0; van.plate.IsZero() || int(van.n1Class()) != i; n++ {
			van.plate = schemas.MustPlate("1VAN00" + string(rune('0'+n)))
		}
		f("van of class "+van.n1Class().String(), van, testDay, want)
	}
	f("missing from the register", car(schemas.Diesel, schemas.Euro6, 0), testDay, lezHeld)
	old := car(schemas.Petrol, schemas.EuroNone, ok|oldtimer)
	old.firstRegistration = schemas.DayOf(1980, 1, 1)
	f("oldtimer", old, testDay, lezClear)
	truck := car(schemas.Diesel, schemas.Euro5, ok)
	truck.category = schemas.N3
	f("truck below the norm", truck, testDay, lezMay)
	foreigner := car(schemas.Diesel, schemas.Euro6, 0)
	foreigner.country = 1
	f("foreign and not registered", foreigner, testDay, lezHeld)
	foreigner.flags = registered
	f("foreign and registered", foreigner, testDay, lezMay)
	if LEZKnown(schemas.DayOf(2026, 6, 30)) || !LEZKnown(schemas.DayOf(2026, 7, 1)) || LEZKnown(schemas.DayOf(2028, 1, 1)) {
		t.Error("the oracle knows the wrong days")
	}
}

func TestMisreadStaysInItsClass(t *testing.T) {
	for _, plate := range []string{"1ABC123", "OQD000", "MXY434", "8BZ5S6G"} {
		p := schemas.MustPlate(plate)
		for salt := range uint32(200) {
			q, ok := misreadPlate(p, salt)
			if ok != (plate != "MXY434") {
				t.Fatalf("misread(%s): ok %t", plate, ok)
			}
			if ok && (q == p || q.Class() != p.Class() || q.Len() != p.Len()) {
				t.Fatalf("misread(%s) = %s: want another plate of the class", plate, q)
			}
		}
	}
}

func TestExcessesWithinAMinuteAreOneOffence(t *testing.T) {
	c := testCity(t, 41)
	cam, plate := c.cameras[0].ID, schemas.MustPlate("1ABC123")
	read := func(n byte) schemas.ReadID { return schemas.ReadID{ID: schemas.ID{n}} }
	h := newTruth(c)
	for n, at := range []schemas.Micros{0, 50, 100, 200} { // the second is near the first and the third
		oracleIn[*speedOracle](h).excesses = append(oracleIn[*speedOracle](h).excesses, ExpectedSpeed{ExpectedRead: ExpectedRead{Read: read(byte(n + 1)), Camera: cam, Class: plate.Class(), At: at * schemas.Second}})
	}
	for _, x := range []struct {
		offences string
		want     ResultTally
	}{
		{"\x01\x03\x04", ResultTally{Expected: 3, Found: 3, Optional: 1}},
		{"\x02\x04", ResultTally{Expected: 2, Found: 2, Optional: 2}}, // the second was seen first
		{"\x01\x04", ResultTally{Expected: 3, Found: 2, Missing: 1, Optional: 1}},
		{"\x04", ResultTally{Expected: 4, Found: 1, Missing: 3}},
		{"\x01\x02\x04", ResultTally{Expected: 3, Found: 3, Extra: 2, Optional: 1}}, // one excess, two offences
	} {
		g := &Got{}
		for _, n := range []byte(x.offences) {
			id := read(n)
			g.AddOffence(&anprv1.Offence{OffenceId: id.ID[:], Family: "speed", ReadId: id.ID[:], Plate: plate.String()})
		}
		if got := *h.Compare(g, 10*schemas.Second).Of("speed"); got != x.want {
			t.Errorf("offences %q: %+v, want %+v", x.offences, got, x.want)
		}
	}
}

// TestTheExcessOfATwinIsItsOwn: two vehicles in a confusion class at the same site within a minute are two offences, a
// single vehicle is one.
func TestTheExcessOfATwinIsItsOwn(t *testing.T) {
	city, err := NewCity(CityConfig{Seed: 1, Cameras: 8, Vehicles: 100, At: lezKnownFrom.Start()})
	if err != nil {
		t.Fatal(err)
	}
	camera := city.cameras[0].ID
	excess := func(n byte, plate string, second int) ExpectedSpeed {
		p := schemas.MustPlate(plate)
		return ExpectedSpeed{ExpectedRead: ExpectedRead{Read: schemas.ReadID{ID: schemas.ID{n}}, Camera: camera, Class: p.Class(), At: lezKnownFrom.Start() + schemas.Micros(second)*schemas.Second, plate: p, vehicle: uint32(n)}}
	}
	for _, c := range []struct {
		name   string
		excess []ExpectedSpeed
		got    []byte
		want   ResultTally
	}{
		{"twins, both found", []ExpectedSpeed{excess(1, "1DAB123", 0), excess(2, "1OAB123", 45)}, []byte{1, 2}, ResultTally{Expected: 2, Found: 2}},
		{"twins, one lost", []ExpectedSpeed{excess(1, "1DAB123", 0), excess(2, "1OAB123", 45)}, []byte{1}, ResultTally{Expected: 2, Found: 1, Missing: 1}},
		{"one vehicle, one of two", []ExpectedSpeed{excess(1, "1DAB123", 0), excess(2, "1DAB123", 45)}, []byte{2}, ResultTally{Expected: 1, Found: 1, Optional: 1}},
		{"one vehicle, fined twice", []ExpectedSpeed{excess(1, "1DAB123", 0), excess(2, "1DAB123", 45)}, []byte{1, 2}, ResultTally{Expected: 2, Found: 2, Extra: 2}},
		{"one vehicle, a minute apart", []ExpectedSpeed{excess(1, "1DAB123", 0), excess(2, "1DAB123", 60)}, []byte{1}, ResultTally{Expected: 2, Found: 1, Missing: 1}},
	} {
		h := newTruth(city)
		oracleIn[*speedOracle](h).excesses = c.excess
		got := &Got{}
		for _, n := range c.got {
			id := schemas.ID{n}
			got.AddOffence(&anprv1.Offence{OffenceId: id[:], Family: "speed", ReadId: id[:], Plate: "X", CapturedAtUs: 1})
		}
		if got := *h.Compare(got, 10*schemas.Second).Of("speed"); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
