package rules

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// city is a world with a vehicle for every combination of country, fuel, category and norm, and with every kind of
// camera.
func city() (*world, []schemas.Plate) {
	w := newWorld()
	var plates []schemas.Plate
	at := schemas.DayOf(2026, 7, 1).Start()
	for i, c := range []string{"BE", "NL", "FR"} {
		country, _ := schemas.CountryFrom(c)
		w.asOf[country] = at - schemas.Micros(i)*schemas.Hour*30
		for f := schemas.FuelUnknown; f <= schemas.Hydrogen; f++ {
			for cat := schemas.CategoryUnknown; cat <= schemas.T; cat++ {
				for e := schemas.EuroUnknown; e <= schemas.Euro6d; e++ {
					p := schemas.MustPlate(fmt.Sprintf("%c%c%c%c%d", 'A'+i, 'A'+byte(f), 'A'+byte(cat), 'A'+byte(e), len(plates)))
					v := schemas.Vehicle{Country: country, Fuel: f, Category: cat, Euro: e, Oldtimer: e == schemas.EuroNone}
					if cat%2 == 0 {
						v.FirstRegistration = schemas.DayOf(1990+3*int(e), 5, 1)
					}
					w.vehicles[p] = []schemas.Vehicle{v}
					switch len(plates) % 5 {
					case 0:
						w.registrations[p] = []schemas.Registration{{Country: country, ValidFrom: schemas.DayOf(2025, 1, 1)}}
					case 1:
						w.exemptions[p] = []schemas.Exemption{{Country: country, Family: "lez", Kind: "market"}, {Country: country, Family: "speed", Kind: "priority"}}
					case 2:
						w.permits[p] = []schemas.Permit{{Country: country, Zone: "Z", ValidFrom: schemas.DayOf(2019, 1, 1), Hours: schemas.Hours{From: 0, To: 12 * 60}}}
						w.passes[p] = []schemas.DayPass{{Country: country, Day: schemas.DayOf(2026, 7, 1)}, {Country: country, Day: schemas.DayOf(2019, 5, 5)}}
					}
					plates = append(plates, p)
				}
			}
		}
	}
	return w, append(plates, schemas.MustPlate("NOWHERE1"))
}

// addAreas puts the camera at access zones, and suspends rules there.
func addAreas(t *rapid.T, cam *schemas.Camera) {
	day := schemas.Hours{From: 60 * uint16(rapid.IntRange(0, 23).Draw(t, "slot")), To: 60 * uint16(rapid.IntRange(0, 24).Draw(t, "slot end"))}
	calendar := &schemas.Calendar{ID: "fr", From: schemas.DayOf(2019, 1, 1), To: schemas.DayOf(2026, 7, 2), Off: []schemas.DayRange{{From: schemas.DayOf(2025, 3, 1), To: schemas.DayOf(2025, 4, 1)}}}
	for i := range rapid.IntRange(0, 3).Draw(t, "zones") {
		z := &schemas.AccessZone{
			ID: "Z", Kind: schemas.ZoneKind(rapid.IntRange(0, 3).Draw(t, "zone kind")), ValidFrom: schemas.DayOf(2018, 1, 1).Start(), LegalBasis: "regulation",
			Verified: rapid.Bool().Draw(t, "zone verified"), AboveKG: uint32(rapid.SampledFrom([]int{0, 3500, 7500, 12000}).Draw(t, "above")),
			LocalTraffic: rapid.Bool().Draw(t, "local"),
		}
		if rapid.Bool().Draw(t, "slots") {
			z.Slots = []schemas.Hours{day}
		}
		if rapid.Bool().Draw(t, "calendar") {
			z.Calendar = calendar
		}
		e := schemas.ZoneEntry{Zone: z}
		if i > 0 {
			e.Lanes, e.Direction = []uint8{1}, schemas.Approaching
		}
		cam.AccessZones = append(cam.AccessZones, e)
	}
	if rapid.IntRange(0, 3).Draw(t, "suspended") == 0 {
		cam.Suspensions = []*schemas.Suspension{{
			ID: "S", Author: "A", Reason: "works", From: schemas.DayOf(2019, 5, 5).Start(), To: schemas.DayOf(2026, 3, 1).Start(),
			Families: rapid.SampledFrom([][]schemas.Family{nil, {familyLEZ}, {familySpeed, familyAccess}}).Draw(t, "suspended families"),
		}}
	}
}

// drawSubject draws a random passage in the city.
func drawSubject(t *rapid.T, plates []schemas.Plate) *Subject {
	limits := []schemas.SpeedLimit{{
		Limit:    schemas.Speed(rapid.SampledFrom([]int{300, 500, 700, 900, 1200}).Draw(t, "limit")),
		Surround: rapid.SampledFrom(append([]string{"unheard"}, surroundings...)).Draw(t, "surround"), Verified: true,
	}}
	cam := &schemas.Camera{
		ID: "C", InsideLEZ: rapid.Float64Range(0, 1).Draw(t, "inside") < 0.9,
		Purposes: schemas.CameraPurpose(rapid.SampledFrom([]int{1<<20 - 1, 1<<20 - 1, 7, 0, 1, 2}).Draw(t, "purposes")),
		Lanes: []schemas.Lane{
			{Number: 1, Direction: schemas.Approaching, LEZExcluded: rapid.Bool().Draw(t, "excluded"), Limits: limits}, {Limits: limits},
		},
	}
	addAreas(t, cam)
	cam.Tunnels = []schemas.Tunnel{{ID: "T", Category: rapid.SampledFrom([]byte("EDCBA")).Draw(t, "category"), LegalBasis: "ADR", Verified: true}}
	if rapid.Bool().Draw(t, "tunnel of a lane") {
		cam.Tunnels[0].Place.Lanes = []uint8{1}
	}
	if rapid.Bool().Draw(t, "certified") {
		cam.Certificates = []schemas.Certificate{{Serial: "S", Approval: "A", ValidFrom: 0, ValidTo: 1 << 62}}
	}
	day := rapid.SampledFrom([]schemas.Day{
		schemas.DayOf(2017, 12, 31), schemas.DayOf(2019, 5, 5), schemas.DayOf(2020, 5, 5), schemas.DayOf(2025, 3, 30),
		schemas.DayOf(2026, 2, 1), schemas.DayOf(2026, 7, 1), schemas.DayOf(2029, 1, 1),
	}).Draw(t, "day")
	country, _ := schemas.CountryFrom(rapid.SampledFrom([]string{"BE", "BE", "NL", "FR", ""}).Draw(t, "country"))
	best := schemas.Sighting{
		Read: schemas.NewReadID(&schemas.Read{Camera: "C", EventID: "1"}), Camera: "C",
		CapturedAt: day.Start() + schemas.Micros(rapid.Int64Range(0, int64(23*schemas.Hour)).Draw(t, "time")),
		Plate:      rapid.SampledFrom(plates).Draw(t, "plate"), Country: country,
		Confidence: schemas.PerMille(rapid.IntRange(0, 1000).Draw(t, "confidence")),
		Lane:       uint8(rapid.IntRange(0, 2).Draw(t, "lane")), Direction: schemas.Direction(rapid.IntRange(0, 2).Draw(t, "direction")),
		Kind: schemas.VehicleKind(rapid.IntRange(0, 5).Draw(t, "kind")),
	}
	if rapid.IntRange(0, 9).Draw(t, "clock") == 0 {
		best.Flags = schemas.FlagClockSuspect
	}
	s := &Subject{Camera: cam, Passage: &schemas.Passage{
		ID: schemas.PassageIDOf(best.Read), Class: best.Plate.Class(), Best: best,
		Variants: uint8(rapid.IntRange(1, 2).Draw(t, "variants")), Parked: rapid.IntRange(0, 9).Draw(t, "parked") == 0,
	}}
	if rapid.Bool().Draw(t, "in a section") {
		drawSection(t, s, limits)
	}
	drawTravel(t, s)
	if rapid.Bool().Draw(t, "measured") {
		s.Passage.Measured = best
		s.Passage.Measured.Speed = schemas.Speed(rapid.IntRange(1, 2500).Draw(t, "speed"))
		s.MeasuredBy = cam
	}
	if rapid.Bool().Draw(t, "stated") {
		for _, name := range rapid.SampledFrom([][]schemas.MeasureName{{schemas.RedTime, schemas.OrangePlate}, {schemas.AmberTime, schemas.OrangePlate}, {schemas.RedTime, schemas.AmberTime, schemas.OrangePlate}}).Draw(t, "stated names") {
			m := schemas.Measure{Name: name, Value: rapid.SampledFrom([]int64{0, 299, 300, 301, 1000, 1001, 30_001, 180_001, 33_1203, 23_1978, 30_1111}).Draw(t, "stated value"), Uncertainty: rapid.SampledFrom([]int64{0, 20, 1000}).Draw(t, "uncertainty"), Device: "D"}
			s.Passage.Measurements = append(s.Passage.Measurements, schemas.Measurement{On: best, Pictures: schemas.PictureSet(rapid.IntRange(0, 7).Draw(t, "pictures")), Measures: []schemas.Measure{m}})
			s.StatedBy = append(s.StatedBy, cam)
		}
	}
	if rapid.Bool().Draw(t, "seen") {
		s.Prior = &PriorOffences{}
		for rule, f := range map[schemas.RuleID]schemas.Family{RuleLEZ: familyLEZ, RuleSpeed: familySpeed, RuleRedLight: familyRedLight} {
			s.Prior.Add(schemas.PriorOffence{
				ID: schemas.NewOffenceID(rule, best.Plate, best.Country, nil), ExclusionKey: ExclusionKeyOf(rule, f, best.Plate, cam.Site, best.CapturedAt),
				Plate: best.Plate, Country: best.Country, CapturedAt: best.CapturedAt,
			})
		}
	}
	return s
}

// drawTravel lets the same plate be seen elsewhere around the passage.
func drawTravel(t *rapid.T, s *Subject) {
	s.Camera.SiteHash = 1
	if !rapid.Bool().Draw(t, "compared") {
		return
	}
	s.Camera.RoadTimes = &schemas.RoadTimes{}
	s.Camera.RoadTimes.Add(1, 2, schemas.RoadTime{Shortest: 5 * schemas.Minute})
	s.Camera.RoadTimes.Add(2, 1, schemas.RoadTime{Shortest: 4 * schemas.Minute})
	past, _ := s.History.(pastPassages)
	for range rapid.IntRange(0, 3).Draw(t, "elsewhere") {
		x := schemas.PastPassageOf(s.Passage, uint64(rapid.IntRange(1, 3).Draw(t, "site")), 9)
		x.CapturedAt += schemas.Micros(rapid.IntRange(-700, 700).Draw(t, "seconds apart")) * schemas.Second
		x.Confidence, x.Variants, x.Flags = 900, 1, 0
		x.ID = schemas.PassageIDOf(schemas.NewReadID(&schemas.Read{Camera: "elsewhere", CapturedAt: x.CapturedAt}))
		past = append(past, x)
	}
	s.History = past
}

func TestNoOffenceWhenTheCorrectedSpeedKeepsTheLimit(t *testing.T) {
	e := New(mustLoad(t, Brussels()))
	w, plates := city()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		ds, _ := e.Decide(nil, s, w)
		for _, d := range ds {
			if d.Family != familySpeed || d.Speed(schemas.AllowedSpeed) == 0 {
				continue
			}
			// A second implementation of the law, in hundredths of km/h, independent of the engine.
			m := int64(s.Passage.Measured.Speed) * 10
			exact := m - 600
			if m > 10000 {
				exact = m * 94 / 100
			}
			if exact <= d.Measure(schemas.AllowedSpeed)*10 {
				t.Fatalf("%s %s although %d hundredths keep the limit %d", d.Outcome, d.Reason, exact, d.Measure(schemas.AllowedSpeed))
			}
			if corrected := d.Measure(schemas.CorrectedSpeed); corrected*10 > exact || exact-corrected*10 >= 100 {
				t.Fatalf("corrected %d is not the floor of %d hundredths to km/h", corrected, exact)
			}
		}
	})
}

func TestSameInputGivesTheSameDecisionToTheByte(t *testing.T) {
	w, plates := city()
	a, b := New(mustLoad(t, Brussels())), New(mustLoad(t, Brussels()))
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		got, want := a.Explain(s, w), b.Explain(s, w)
		x, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		y, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if string(x) != string(y) {
			t.Fatalf("got  %s\nwant %s", x, y)
		}
	})
}

func TestDecideAgreesWithExplain(t *testing.T) {
	e := New(mustLoad(t, Brussels()))
	w, plates := city()
	known := map[string]bool{}
	type clause struct {
		family schemas.Family
		key    string
	}
	arity := map[clause]int{}
	for _, info := range Families() {
		for _, r := range e.Catalogue().Reasons(info.Family) {
			known[string(info.Family)+r] = true
		}
		for _, c := range info.Clauses {
			arity[clause{info.Family, c.Key}] = c.Args
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		got, clean := e.Decide(nil, s, w)
		var want []schemas.Decision
		var wantClean FamilySet
		for _, d := range e.Explain(s, w) {
			if !known[string(d.Family)+d.Reason] {
				t.Fatalf("%s reason %q is not of the closed set", d.Family, d.Reason)
			}
			for _, st := range d.Trace {
				if n, ok := arity[clause{d.Family, st.Code}]; !ok || n != len(st.Args) {
					t.Fatalf("clause %s of %s has %d arguments, its family says %d (is there: %t)", st.Code, d.Family, len(st.Args), n, ok)
				}
			}
			switch {
			case d.Outcome != schemas.OutcomeClear:
				want = append(want, d)
			case d.Reason == reasonNotApplicable:
			default:
				wantClean |= 1 << slices.Index(FamilyNames(nil), string(d.Family))
			}
		}
		if !reflect.DeepEqual(got, want) || clean != wantClean {
			t.Fatalf("Decide %+v %b\nExplain %+v %b", got, clean, want, wantClean)
		}
		for _, d := range got {
			withID := d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld || d.Outcome == schemas.OutcomeDuplicate
			if withID == d.Offence.IsZero() {
				t.Fatalf("%s has offence id %s", d.Outcome, d.Offence)
			}
			if d.HoldUntil != 0 && d.Outcome != schemas.OutcomeHeld || len(d.Trace) == 0 {
				t.Fatalf("%s until %s with %d clauses", d.Outcome, d.HoldUntil, len(d.Trace))
			}
		}
	})
}

func cleanSubject() (*world, *Subject) {
	w := newWorld()
	p := schemas.MustPlate("1ABC123")
	at := schemas.DayOf(2026, 11, 20).Start() + 12*schemas.Hour
	w.vehicles[p] = []schemas.Vehicle{{Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Diesel, Euro: schemas.Euro6}}
	cam := &schemas.Camera{ID: "C", InsideLEZ: true, Purposes: 7, Lanes: []schemas.Lane{{Limits: []schemas.SpeedLimit{{Limit: 500, Surround: "built_up"}}}}}
	b := schemas.Sighting{Read: schemas.NewReadID(&schemas.Read{Camera: "C", EventID: "1"}), CapturedAt: at, Plate: p, Country: schemas.Belgium, Speed: 490}
	s := &Subject{Camera: cam, MeasuredBy: cam, Passage: &schemas.Passage{Class: p.Class(), Best: b, Measured: b, Variants: 1}}
	return w, s
}

func TestCleanPassageAllocatesNothing(t *testing.T) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(t, Brussels()), []*schemas.Camera{s.Camera})
	foreign := *s.Passage
	foreign.Best.Plate, foreign.Best.Country = schemas.MustPlate("AB123CD"), schemas.Country{'F', 'R'}
	w.registrations[foreign.Best.Plate] = []schemas.Registration{{Country: foreign.Best.Country}}
	for name, x := range map[string]*Subject{
		"Belgian": s, "foreign, registered": {Camera: s.Camera, MeasuredBy: s.Camera, Passage: &foreign},
	} {
		dst := make([]schemas.Decision, 0, 4)
		var clean FamilySet
		n := testing.AllocsPerRun(1000, func() { dst, clean = e.Decide(dst[:0], x, w) })
		if n != 0 || len(dst) != 0 || clean != 0b11 {
			t.Errorf("%s: %v allocations, %d decisions, clean for %b; want 0, 0, zone and speed", name, n, len(dst), clean)
		}
	}
}

func missRead() *schemas.Read {
	p := schemas.MustPlate("1ABC123")
	return &schemas.Read{Plate: p, Class: p.Class(), Country: schemas.Belgium, CapturedAt: schemas.DayOf(2026, 11, 20).Start()}
}

func TestReadThatMeetsNothingAllocatesNothing(t *testing.T) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(t, Brussels()), []*schemas.Camera{s.Camera})
	r := missRead()
	var dst []schemas.Hit
	n := testing.AllocsPerRun(1000, func() { dst = e.Hits(dst[:0], r, schemas.PassageID{}, s.Camera, w) })
	if n != 0 || len(dst) != 0 {
		t.Errorf("got %v allocations and %d hits, want none", n, len(dst))
	}
}

func TestHitsKeepWhatIsAlreadyThere(t *testing.T) {
	e := New(mustLoad(t, Brussels()))
	w, s := cleanSubject()
	r := missRead()
	w.entries = []*schemas.ListEntry{{List: "b", ID: "1", Plate: r.Plate, Priority: 1}, {List: "a", ID: "1", Plate: r.Plate, Priority: 1}}
	first := schemas.Hit{Entry: &schemas.ListEntry{List: "z"}}
	got := e.Hits([]schemas.Hit{first}, r, schemas.PassageID{}, s.Camera, w)
	if len(got) != 3 || got[0].Entry.List != "z" || got[1].Entry.List != "a" || got[2].Entry.List != "b" {
		t.Errorf("got %+v, want z, a, b", got)
	}
	if want := schemas.NewHitID("a", "1", schemas.PassageID{}, schemas.MatchExact); got[1].ID != want {
		t.Errorf("got id %s, want %s", got[1].ID, want)
	}
}

func BenchmarkDecideClean(b *testing.B) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(b, Brussels()), []*schemas.Camera{s.Camera})
	ref := &fixed{w, w.vehicles[s.Passage.Best.Plate][0]}
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(nil, s, ref)
	}
}

func BenchmarkDecideOffence(b *testing.B) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(b, Brussels()), []*schemas.Camera{s.Camera})
	v := w.vehicles[s.Passage.Best.Plate][0]
	v.Euro = schemas.Euro4
	ref := &fixed{w, v}
	var dst []schemas.Decision
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.Decide(dst[:0], s, ref)
	}
}

// BenchmarkDecideOffenceInTraceBuffer decides the same offence like a shard, without keeping the trace.
func BenchmarkDecideOffenceInTraceBuffer(b *testing.B) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(b, Brussels()), []*schemas.Camera{s.Camera})
	v := w.vehicles[s.Passage.Best.Plate][0]
	v.Euro = schemas.Euro4
	ref := &fixed{w, v}
	var dst []schemas.Decision
	var traces TraceBuffer
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.DecideIn(&traces, dst[:0], s, ref)
	}
}

// A used buffer must not influence the next decision.
func TestATraceBufferChangesNoDecision(t *testing.T) {
	e := New(mustLoad(t, Brussels()))
	w, plates := city()
	var traces TraceBuffer
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		want, wantClean := e.Decide(nil, s, w)
		got, clean := e.DecideIn(&traces, nil, s, w)
		if !reflect.DeepEqual(got, want) || clean != wantClean {
			t.Fatalf("got  %+v %v\nwant %+v %v", got, clean, want, wantClean)
		}
	})
}

func BenchmarkHitsMiss(b *testing.B) {
	w, s := cleanSubject()
	e := NewEngine(mustLoad(b, Brussels()), []*schemas.Camera{s.Camera})
	r := missRead()
	b.ReportAllocs()
	for b.Loop() {
		e.Hits(nil, r, schemas.PassageID{}, s.Camera, w)
	}
}

// fixed returns the same vehicle for every look-up, so that the benchmark measures the rules and not a map.
type fixed struct {
	*world
	v schemas.Vehicle
}

func (f *fixed) Vehicle(schemas.Plate, schemas.Country, schemas.Micros) (schemas.Vehicle, bool) {
	return f.v, true
}
