package rules

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func earlier(n byte, plate, country string, certain bool, at schemas.Micros) schemas.PriorOffence {
	c, _ := schemas.CountryFrom(country)
	p := schemas.MustPlate(plate)
	return schemas.PriorOffence{
		ID: schemas.OffenceID{ID: schemas.ID{n}}, ExclusionKey: ExclusionKeyOf(RuleSpeed, "speed", p, "site", at), Plate: p, Country: c, Certain: certain,
		Read: schemas.ReadID{ID: schemas.ID{n}}, CapturedAt: at, Passage: schemas.PassageID{ID: schemas.ID{n}},
	}
}

func TestAnOffenceIsComparedWithThoseOfItsVehicleAndOfItsClass(t *testing.T) {
	for _, c := range []struct {
		name   string
		there  []schemas.PriorOffence
		e      schemas.PriorOffence
		within schemas.Micros
		want   PriorAnswer
		same   byte
	}{
		{"nothing there", nil, earlier(9, "1DAB123", "BE", true, 100), 60, PriorNone, 0},
		{"the same vehicle", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 50)}, earlier(9, "1DAB123", "BE", true, 100), 60, PriorSame, 1},
		{"the same vehicle, not certain", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 50)}, earlier(9, "1DAB123", "BE", false, 100), 60, PriorSame, 1},
		{"the same vehicle, too far away", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 40)}, earlier(9, "1DAB123", "BE", true, 100), 60, PriorNone, 0},
		{"the same vehicle, later", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 159)}, earlier(9, "1DAB123", "BE", true, 100), 60, PriorSame, 1},
		{"the same read, no span", []schemas.PriorOffence{earlier(9, "1DAB123", "BE", true, 100)}, earlier(9, "1DAB123", "BE", true, 100), 0, PriorSame, 9},
		{"a twin, both certain", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 100)}, earlier(9, "1OAB123", "BE", true, 100), 60, PriorNone, 0},
		{"a twin that is not certain", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", true, 100)}, earlier(9, "1OAB123", "BE", false, 100), 60, PriorDoubt, 0},
		{"a twin of one that is not certain", []schemas.PriorOffence{earlier(1, "1DAB123", "BE", false, 100)}, earlier(9, "1OAB123", "BE", true, 100), 60, PriorDoubt, 0},
		{"another country, both certain", []schemas.PriorOffence{earlier(1, "AB123CD", "FR", true, 100)}, earlier(9, "AB123CD", "IT", true, 100), 60, PriorNone, 0},
		{"another country, not certain", []schemas.PriorOffence{earlier(1, "AB123CD", "FR", true, 100)}, earlier(9, "AB123CD", "IT", false, 100), 60, PriorDoubt, 0},
		{"the country was not read", []schemas.PriorOffence{earlier(1, "AB123CD", "FR", true, 100)}, earlier(9, "AB123CD", "", false, 100), 60, PriorSame, 1},
		{"it had not been read", []schemas.PriorOffence{earlier(1, "AB123CD", "", false, 100)}, earlier(9, "AB123CD", "IT", true, 100), 60, PriorSame, 1},
		{
			"the vehicle among its twins",
			[]schemas.PriorOffence{earlier(1, "1OAB123", "BE", false, 100), earlier(2, "1DAB123", "BE", true, 70), earlier(3, "1DAB123", "BE", true, 120)},
			earlier(9, "1DAB123", "BE", true, 100), 60, PriorSame, 3,
		},
		{
			"two as near: the smaller id",
			[]schemas.PriorOffence{earlier(3, "1DAB123", "BE", true, 90), earlier(2, "1DAB123", "BE", true, 110)},
			earlier(9, "1DAB123", "BE", true, 100), 60, PriorSame, 2,
		},
	} {
		for range 2 {
			var s PriorOffences
			for _, e := range c.there {
				s.Add(e)
			}
			if same, a := s.Compare(&c.e, c.within); a != c.want || same.ID.ID[0] != c.same {
				t.Errorf("%s: %d %v, want %d %d", c.name, a, same.ID, c.want, c.same)
			}
			slices.Reverse(c.there)
		}
	}
	var none *PriorOffences
	if _, ok := none.ByID(schemas.OffenceID{}); ok {
		t.Error("nothing stands where there is no memory")
	}
}

func TestStandingForgetsByTime(t *testing.T) {
	var s PriorOffences
	old, kept := earlier(1, "1DAB123", "BE", true, 100), earlier(2, "1DAB123", "BE", true, 300)
	s.Add(old)
	s.Add(kept)
	s.Add(schemas.PriorOffence{ID: kept.ID}) // there already
	s.DropBefore(300)
	_, first := s.ByID(old.ID)
	e, second := s.ByID(kept.ID)
	if first || !second || e != kept {
		t.Errorf("by id %t %t %+v, want only the one at 300", first, second, e)
	}
	if _, a := s.Compare(&old, 60); a != PriorNone {
		t.Errorf("%d, want the one at 100 gone", a)
	}
}

// TestOfOneVehicleThereAreNeverTwoCandidates draws readings of a vehicle in any order: the right plate, certain or
// not, and uncertain misreadings. Every vehicle with only certain readings has a candidate.
func TestOfOneVehicleThereAreNeverTwoCandidates(t *testing.T) {
	engine := New(mustLoad(t, Brussels()))
	w := newWorld()
	w.addFact(scenarioStop{}, "camera id=Z inside lez")
	w.addFact(scenarioStop{}, "register country=BE asof=2026-11-20")
	twins := []string{"1DAB123", "1OAB123", "1QAB123"}
	for _, p := range twins {
		w.addFact(scenarioStop{}, "vehicle plate="+p+" country=BE category=M1 fuel=diesel euro=4")
	}
	rapid.Check(t, func(t *rapid.T) {
		w.standing = PriorOffences{}
		type reading struct{ vehicle, plate string }
		candidates := map[string]int{}
		allSure := map[string]bool{}
		unsure := false
		for i := range rapid.IntRange(1, 12).Draw(t, "readings") {
			v := rapid.SampledFrom(twins).Draw(t, "vehicle")
			r := reading{v, v}
			sure := rapid.IntRange(0, 3).Draw(t, "sure") > 0
			words := " confidence=950"
			if !sure {
				r.plate = rapid.SampledFrom(twins).Draw(t, "read as")
				words = rapid.SampledFrom([]string{" confidence=500", " variants=2"}).Draw(t, "why")
				unsure = true
			}
			at := "2026-09-01T" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ":00:00"
			s := w.makeSubject(parseLine(scenarioStop{}, "decide camera=Z country=BE plate="+r.plate+" at="+at+words))
			ds, _ := engine.Decide(nil, s, w)
			for _, d := range ds {
				if claims := d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld; claims {
					w.standing.Add(d.PriorOffence())
				}
				// A hold for a possible day pass becomes a candidate with time.
				if d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld && d.Reason == reasonPassPossible {
					candidates[v]++
				}
			}
			allSure[v] = true
		}
		for v, n := range candidates {
			if n > 1 {
				t.Fatalf("%s has %d candidates", v, n)
			}
		}
		if !unsure && len(candidates) != len(allSure) {
			t.Fatalf("%v have a candidate, want each of %v", candidates, allSure)
		}
	})
}
