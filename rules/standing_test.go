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
	told := 0
	rapid.Check(t, func(t *rapid.T) {
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
		for _, h := range e.Hits(nil, r, s.Passage.ID, s.Camera, w) {
			told++
			if h.Entry.List != string(familyStanding) || h.Entry.Plate != on.Plate || on.Flags&schemas.FlagClockSuspect != 0 || on.Country.IsZero() {
				t.Fatalf("told %+v of %+v", h.Entry, on)
			}
		}
	})
	if told == 0 {
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
