package rules

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// A family of checks tells the police and does nothing else: whatever passes, no decision has its name, so no case, amount
// or letter can.
func TestACheckNeverBecomesADecision(t *testing.T) {
	for _, f := range newFamilies() {
		if i := f.Info(); i.Force == ForceCheck && (i.Decides() || len(i.Reasons)+len(i.Clauses)+len(i.Todo) > 0) {
			t.Errorf("%s decides: %+v", i.Family, i)
		}
	}
	cat := mustLoad(t, Brussels())
	w, plates := city()
	told, cloned := 0, 0
	draw := func(t *rapid.T) {
		s := drawSubject(t, plates)
		s.Camera.Purposes |= standingPurpose
		on := &s.Passage.Best
		ended := on.CapturedAt.Day() - schemas.Day(rapid.IntRange(-1, 3).Draw(t, "days since"))
		w.papers[on.Plate] = []schemas.Standing{{Country: on.Country, InsuredUntil: ended, InspectedUntil: ended, RegisteredUntil: ended, CancelledFrom: ended}}
		w.copies[CopyStanding] = on.CapturedAt
		w.asOf[on.Country] = on.CapturedAt
		e := NewEngine(cat, nil, &smuggler{})
		decisions, clean := e.Decide(nil, s, w)
		for _, d := range append(decisions, e.Explain(s, w)...) {
			if InfoOf(d.Family) == nil || InfoOf(d.Family).Force == ForceCheck {
				t.Fatalf("decided %+v", d)
			}
		}
		for place := range clean.All {
			if !e.infos[place].Decides() {
				t.Fatalf("%s found nothing, and may not look", e.infos[place].Family)
			}
		}
		r := &schemas.Read{
			Plate: on.Plate, Class: on.Plate.Class(), Country: on.Country, CapturedAt: on.CapturedAt, ReceivedAt: on.CapturedAt + schemas.Second, Confidence: 900,
			Flags: on.Flags,
		}
		s.Passage.Best.ReceivedAt, s.Passage.Best.Confidence = on.CapturedAt+schemas.Second, max(on.Confidence, 800)
		for _, h := range e.HitsOfPassage(nil, s, w) {
			cloned++
			if h.Entry.List != string(familyClone) || h.Entry.Plate != on.Plate || on.Flags&schemas.FlagClockSuspect != 0 || on.Country.IsZero() || s.Passage.Parked || s.Passage.Variants > 1 {
				t.Fatalf("told %+v of %+v", h.Entry, on)
			}
		}
		for _, h := range e.Hits(nil, r, s.Passage.ID, s.Camera, w) {
			told++
			if h.Entry.List != string(familyStanding) || h.Entry.Plate != on.Plate || on.Flags&schemas.FlagClockSuspect != 0 || on.Country.IsZero() {
				t.Fatalf("told %+v of %+v", h.Entry, on)
			}
		}
	}
	for round := 0; round < 50 && (told == 0 || cloned == 0); round++ { // a hundred draws may meet none
		rapid.Check(t, draw)
	}
	t.Logf("told of papers %d times, of two vehicles %d times", told, cloned)
	if told == 0 || cloned == 0 {
		t.Error("nobody was told of anything")
	}
}

// smuggler is a family of checks that tries to decide.
type smuggler struct{ standing }

func (*smuggler) Info() *Info {
	return &Info{Family: "smuggler", Purpose: standingPurpose, Force: ForceCheck}
}

func (s *smuggler) Compile(*schemas.Camera) Compiled {
	return Compiled{Passage: s}
}
func (*smuggler) Precheck(*Subject, Reference) Precheck { return Evaluate }
func (*smuggler) Evaluate(b *decisionBuilder, _ *Subject, _ Reference) {
	b.d.AmountCents = 100_00
	b.setOutcome(schemas.OutcomeOffence, "found")
}

// A vehicle whose papers are in order costs no allocation, and one with a finding is shown to the camera's police zone alone.
func TestAFindingOnPapersIsOfTheZoneOfTheCamera(t *testing.T) {
	w, plates := city()
	cam := &schemas.Camera{ID: "C", Number: 1, Zone: "5339", Purposes: standingPurpose}
	e := NewEngine(mustLoad(t, Brussels()), []*schemas.Camera{cam})
	at := schemas.DayOf(2026, 7, 1).Start() + 12*schemas.Hour
	w.asOf[schemas.Belgium], w.copies[CopyStanding] = at-schemas.Hour, at-schemas.Hour
	r := &schemas.Read{Plate: plates[0], Class: plates[0].Class(), Country: schemas.Belgium, CapturedAt: at, ReceivedAt: at, Confidence: 900}
	if n := testing.AllocsPerRun(100, func() {
		if got := e.Hits(nil, r, schemas.PassageID{}, cam, w); len(got) > 0 {
			t.Errorf("told %+v", got)
		}
	}); n != 0 {
		t.Errorf("%.0f allocations for a vehicle in order", n)
	}
	w.papers[r.Plate] = []schemas.Standing{{Country: schemas.Belgium, InsuredUntil: schemas.DayOf(2026, 6, 29)}}
	got := e.Hits(nil, r, schemas.PassageID{}, cam, w)
	if len(got) != 1 || len(got[0].Entry.Audience) != 1 || got[0].Entry.Audience[0] != "5339" {
		t.Fatalf("told %+v", got)
	}
	if want := "mogelijk niet verzekerd: eerst controleren / peut-être non assuré : à vérifier d'abord"; got[0].Entry.Reason != want {
		t.Errorf("reason %q", got[0].Entry.Reason)
	}
}

// A vehicle that drives from site to site as fast as the road allows costs no allocation, and one without the purpose nothing
// at all; its clone is told, and a twin in the register stops it.
func TestAPassageOfOneVehicleAllocatesNothing(t *testing.T) {
	w, s := cleanSubject()
	s.Camera.Purposes, s.Camera.Zone, s.Camera.SiteHash, s.Camera.RoadTimes = clonePurpose, "5339", 1, &schemas.RoadTimes{}
	s.Camera.RoadTimes.Add(2, 1, schemas.RoadTime{Shortest: 5 * schemas.Minute})
	on := &s.Passage.Best
	on.Confidence, on.ReceivedAt = 900, on.CapturedAt+schemas.Second
	before := schemas.PastPassageOf(s.Passage, 2, 9)
	before.ID, before.CapturedAt = schemas.PassageIDOf(schemas.NewReadID(&schemas.Read{Camera: "before"})), on.CapturedAt-6*schemas.Minute
	s.History = pastPassages{before}
	e := NewEngine(mustLoad(t, Brussels()), []*schemas.Camera{s.Camera})
	var dst []schemas.Hit
	var clean FamilySet
	if n := testing.AllocsPerRun(200, func() {
		dst = e.HitsOfPassage(dst[:0], s, w)
		_, clean = e.Decide(nil, s, w)
	}); len(dst) != 0 || clean != 0 || n != 0 {
		t.Errorf("%.0f allocations, told %+v", n, dst)
	}
	s.History.(pastPassages)[0].CapturedAt = on.CapturedAt - schemas.Minute
	got := e.HitsOfPassage(nil, s, w)
	if len(got) != 1 || len(got[0].Entry.Audience) != 1 || got[0].Entry.Audience[0] != "5339" || got[0].Entry.ValidFrom != on.CapturedAt-schemas.Minute {
		t.Fatalf("told %+v", got)
	}
	if s.Straggler = true; len(e.HitsOfPassage(nil, s, w)) > 0 {
		t.Error("a late read that is judged alone tells of a clone")
	}
	s.Straggler = false
	if s.Camera.Purposes = 0; len(NewEngine(e.cat, []*schemas.Camera{s.Camera}).HitsOfPassage(nil, s, w)) > 0 {
		t.Error("a camera without the purpose tells of a clone")
	}
}
