package rules

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// drawSection puts the subject's camera at an end of a section, with passages at the other end.
func drawSection(t *rapid.T, s *Subject, limits []schemas.SpeedLimit) {
	cam, other := s.Camera, &schemas.Camera{ID: "D", Site: "D", SiteHash: 2, Number: 9, Purposes: sectionControlPurpose}
	cam.Number = 1
	section := &schemas.Section{
		ID: "S", LengthM: int64(rapid.IntRange(100, 3000).Draw(t, "length")), Limits: limits, Certificates: cam.Certificates,
		Entries: []schemas.SectionEnd{{Camera: cam, Clock: 50}}, Exits: []schemas.SectionEnd{{Camera: other, Clock: 70}},
	}
	if rapid.Bool().Draw(t, "exit") {
		section.Entries, section.Exits = section.Exits, section.Entries
	}
	cam.Sections, other.Sections = []*schemas.Section{section}, []*schemas.Section{section}
	var past pastPassages
	for range rapid.IntRange(0, 3).Draw(t, "past") {
		p := schemas.PastPassageOf(s.Passage, other.SiteHash, other.Number)
		p.ID = schemas.PassageIDOf(schemas.NewReadID(&schemas.Read{Camera: "D", EventID: string(rune('a' + len(past)))}))
		p.CapturedAt += schemas.Micros(rapid.Int64Range(-int64(3*schemas.Minute), int64(3*schemas.Minute)).Draw(t, "away"))
		p.Variants = uint8(rapid.IntRange(1, 2).Draw(t, "variants there"))
		if rapid.IntRange(0, 3).Draw(t, "another country") == 0 {
			p.Country = schemas.Country{}
		}
		past = append(past, p)
	}
	s.History = past
}

// sectionWorld is a section of 1 km with two entries and two exits, a limit of 50 and a certificate, and an engine that
// is compiled for its cameras.
func sectionWorld(t testing.TB) (*Engine, *world) {
	t.Helper()
	w := newWorld()
	for _, line := range []string{
		"camera id=A section_control", "camera id=B section_control", "camera id=X section_control", "camera id=Y section_control", "camera id=OFF",
		"section id=S from=A,B to=X,Y length_m=1000 lengths=B-Y-1200 clock_ms=40", "limit section=S kmh=50 surround=built_up",
		"certificate section=S serial=T approval=B from=2020-01-01 to=2040-01-01",
	} {
		w.addFact(t, line)
	}
	var cameras []*schemas.Camera
	for _, c := range w.cameras {
		c.SiteHash = uint64(c.Number)
		cameras = append(cameras, c)
	}
	return NewEngine(mustLoad(t, Brussels()), cameras), w
}

// pass decides a passage and closes it, as a shard does.
func (w *world) pass(e *Engine, camera, plate string, at schemas.Micros) []schemas.Decision {
	cam := w.cameras[camera]
	best := schemas.Sighting{
		Read: schemas.NewReadID(&schemas.Read{Camera: camera, CapturedAt: at, RawPlate: plate}), Camera: camera, CapturedAt: at, Plate: schemas.MustPlate(plate),
		Country: schemas.Belgium, Confidence: 950, Lane: 1, Direction: schemas.Approaching,
	}
	s := &Subject{
		Passage: &schemas.Passage{ID: schemas.PassageIDOf(best.Read), Class: best.Plate.Class(), Variants: 1, Best: best}, Camera: cam, Prior: &w.standing, History: w.past,
	}
	ds, _ := e.Decide(nil, s, w)
	for i := range ds {
		if ds[i].Outcome == schemas.OutcomeOffence || ds[i].Outcome == schemas.OutcomeHeld {
			w.standing.Add(ds[i].PriorOffence())
		}
	}
	w.closePassage(s)
	return ds
}

// Whichever passage closes first, and however often one is sent again, a drive through the section has the same
// offence, with the same numbers, exactly when an independent calculation finds one.
func TestADriveThroughASectionIsJudgedOnceInAnyOrder(t *testing.T) {
	e, w := sectionWorld(t)
	start := schemas.DayOf(2026, 11, 20).Start()
	rapid.Check(t, func(t *rapid.T) {
		w.past, w.standing = nil, PriorOffences{}
		elapsed := schemas.Micros(rapid.Int64Range(1, int64(150*schemas.Second)).Draw(t, "elapsed"))
		entry, exit := rapid.SampledFrom([]string{"A", "B"}).Draw(t, "entry"), rapid.SampledFrom([]string{"X", "Y"}).Draw(t, "exit")
		type passing struct {
			camera, plate string
			at            schemas.Micros
		}
		at := start + schemas.Micros(rapid.Int64Range(0, int64(schemas.Day(1).Start())).Draw(t, "at")%int64(20*schemas.Hour))
		all := []passing{{entry, "1KLM453", at}, {exit, "1KLM453", at + elapsed}, {"OFF", "1KLM453", at + elapsed/2}}
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			all = append(all, passing{rapid.SampledFrom([]string{"A", "X"}).Draw(t, "camera"), "2XYZ777", at + schemas.Micros(rapid.Int64Range(0, int64(schemas.Hour)).Draw(t, "other at"))})
		}
		all = append(all, rapid.SliceOfN(rapid.SampledFrom(all[:2]), 0, 3).Draw(t, "again")...)
		var found []schemas.Decision
		for _, x := range rapid.Permutation(all).Draw(t, "order") {
			for _, d := range w.pass(e, x.camera, x.plate, x.at) {
				if d.On.Plate == schemas.MustPlate("1KLM453") && (d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld) {
					found = append(found, d)
				}
			}
		}
		length := int64(1000)
		if entry == "B" && exit == "Y" {
			length = 1200
		}
		// At 50, with minus 6 and without fractions, the first speed that is too high is 57.
		tenths := length * 36_000_000 / int64(elapsed+80_000)
		want := tenths >= 570
		if want != (len(found) == 1) || len(found) > 1 {
			t.Fatalf("%d m in %d us: %d offences, want one %t: %+v", length, elapsed, len(found), want, found)
		}
		if !want {
			return
		}
		d := &found[0]
		pair := [][]byte{}
		for _, x := range all[:2] {
			id := schemas.PassageIDOf(schemas.NewReadID(&schemas.Read{Camera: x.camera, CapturedAt: x.at, RawPlate: x.plate}))
			pair = append(pair, id.ID[:])
		}
		if id := schemas.NewOffenceID(RuleSectionControl, d.On.Plate, schemas.Belgium, slices.Concat(pair...)); d.Offence != id {
			t.Fatalf("offence %s, want %s", d.Offence, id)
		}
		if (d.Outcome == schemas.OutcomeHeld) != (min(tenths, mostSpeed) > 3000) || d.Measure(schemas.SectionLength) != length ||
			d.Measure(schemas.SectionTime) != int64(elapsed)/1000 || d.Measure(schemas.MeasuredSpeed) != min(tenths, mostSpeed) {
			t.Fatalf("%s %s: %+v, want %d tenths of km/h", d.Outcome, d.Reason, d.Measures, tenths)
		}
	})
}

// A clean drive costs no allocation, at the entry, at the exit, and at a camera of no section.
func TestACleanDriveThroughASectionAllocatesNothing(t *testing.T) {
	e, w := sectionWorld(t)
	at := schemas.DayOf(2026, 11, 20).Start()
	w.pass(e, "A", "1KLM453", at)
	for _, camera := range []string{"X", "B", "OFF"} {
		best := schemas.Sighting{
			Read: schemas.NewReadID(&schemas.Read{Camera: camera}), Camera: camera, CapturedAt: at + 80*schemas.Second, Plate: schemas.MustPlate("1KLM453"),
			Country: schemas.Belgium, Lane: 1,
		}
		var past History = w.past
		s := &Subject{Passage: &schemas.Passage{ID: schemas.PassageIDOf(best.Read), Class: best.Plate.Class(), Variants: 1, Best: best}, Camera: w.cameras[camera], History: past}
		if n := testing.AllocsPerRun(100, func() {
			if ds, _ := e.Decide(nil, s, w); len(ds) != 0 {
				t.Fatalf("%s: %+v", camera, ds)
			}
		}); n != 0 {
			t.Errorf("%s: %f allocations", camera, n)
		}
	}
}

// The limit of a drive is the highest that held at any instant of it: compared with a look at every second.
func TestTheHighestLimitOfADriveIsFound(t *testing.T) {
	start := schemas.DayOf(2026, 10, 24).Start()
	rapid.Check(t, func(t *rapid.T) {
		limits := []schemas.SpeedLimit{{Limit: 500}}
		for i := range rapid.IntRange(0, 3).Draw(t, "more") {
			from := uint16(rapid.IntRange(0, 23*60).Draw(t, "from"))
			limits = append(limits, schemas.SpeedLimit{
				Limit: schemas.Speed(300 + 100*i), Hours: schemas.Hours{From: from, To: from + 7},
				ValidFrom: start + schemas.Micros(rapid.IntRange(0, 90_000).Draw(t, "valid from"))*schemas.Second,
			})
		}
		from := start + schemas.Micros(rapid.IntRange(0, 3*86_400).Draw(t, "at"))*schemas.Second
		to := from + schemas.Micros(rapid.IntRange(0, 600).Draw(t, "time"))*schemas.Second
		want := schemas.Speed(0)
		for at := from; at <= to; at += schemas.Second {
			want = max(want, limitAt(limits, at).Limit)
		}
		if got, _ := highestLimit(limits, from, to); got == nil || got.Limit != want {
			t.Fatalf("highest %+v, want %d", got, want)
		}
	})
}

// BenchmarkACleanDrive is what a clean passage at the exit of a section costs, with its partner in the history.
func BenchmarkACleanDrive(b *testing.B) {
	e, w := sectionWorld(b)
	at := schemas.DayOf(2026, 11, 20).Start()
	w.pass(e, "A", "1KLM453", at)
	for _, camera := range []string{"X", "OFF"} {
		b.Run(camera, func(b *testing.B) {
			best := schemas.Sighting{Read: schemas.NewReadID(&schemas.Read{Camera: camera}), CapturedAt: at + 80*schemas.Second, Plate: schemas.MustPlate("1KLM453"), Country: schemas.Belgium, Lane: 1}
			s := &Subject{Passage: &schemas.Passage{ID: schemas.PassageIDOf(best.Read), Class: best.Plate.Class(), Variants: 1, Best: best}, Camera: w.cameras[camera], History: w.past}
			b.ReportAllocs()
			for b.Loop() {
				e.Decide(nil, s, w)
			}
		})
	}
}
