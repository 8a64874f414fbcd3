package replay

import (
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// pairs is a family that notes the passages in the history of each passage.
type pairs struct {
	met map[schemas.PassageID][]schemas.PassageID
}

func (pairs) Info() *rules.Info {
	return &rules.Info{Family: "pairs", Rule: "test.pairs", Purpose: 1 << 3, History: schemas.Hour}
}
func (pairs) Load(*rules.Sections)                                             {}
func (f pairs) Compile(*schemas.Camera) rules.Compiled                         { return rules.Compiled{Passage: f} }
func (pairs) Evaluate(*rules.DecisionBuilder, *rules.Subject, rules.Reference) {}

func (f pairs) Precheck(s *rules.Subject, _ rules.Reference) rules.Precheck {
	if s.History == nil {
		return rules.NotApplicable
	}
	at := s.Passage.Best.CapturedAt
	for _, p := range s.History.Passages(nil, s.Passage.Class, at-schemas.Hour, at+schemas.Hour) {
		f.met[s.Passage.ID] = append(f.met[s.Passage.ID], p.ID)
	}
	return rules.NotApplicable
}

// noReference answers nothing.
type noReference struct {
	CameraRegistry
	cam *schemas.Camera
}

func (r noReference) Camera(string) (*schemas.Camera, bool) { return r.cam, true }

// TestAReplayedPassageMeetsThoseThatClosedBeforeIt: only the passage that closed later meets the other passage of a
// pair, in any order of capture, and also when both closed at the same record. A passage never meets a passage from
// another partition, a passage more than the asked time away, or a late read.
func TestAReplayedPassageMeetsThoseThatClosedBeforeIt(t *testing.T) {
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	cam := &schemas.Camera{ID: "c", Number: 7, SiteHash: 9}
	f := pairs{map[schemas.PassageID][]schemas.PassageID{}}
	plate := schemas.MustPlate("1ABC128")
	id := func(n byte) schemas.PassageID { return schemas.PassageID{ID: schemas.ID{n}} }
	base := schemas.Micros(1_790_000_000_000_000)
	w := newWorker(&Config{Engine: rules.NewEngine(cat, []*schemas.Camera{cam}, f), Registry: noReference{cam: cam}}, nil)
	add := func(n byte, partition int32, captured schemas.Micros, closed int64, late bool) {
		w.group.addPassage(&passageRow{id: id(n).ID, plate: plate, first: captured, last: captured, reads: 1, variants: 1, partition: partition, closed: closed})
		row := readRow{id: schemas.ID{100 + n}, passage: id(n).ID, captured: captured, received: captured, plate: plate, camera: "c", offset: int64(n)}
		w.group.takeRead(&row)
		if late {
			row.id, row.offset = schemas.ID{200 + n}, closed+1
			w.group.takeRead(&row)
		}
	}
	add(1, 0, base, 50, true)
	add(2, 0, base+30*schemas.Minute, 40, false) // closed first, though captured later
	add(3, 0, base+10*schemas.Minute, 60, false)
	add(4, 0, base+20*schemas.Minute, 60, false) // at the same record as 3
	add(5, 1, base+5*schemas.Minute, 10, false)  // in another partition
	add(6, 0, base+schemas.Hour+1, 70, false)    // more than an hour after 1
	w.decideGroup()
	want := map[byte][]byte{1: {2}, 3: {1, 2}, 4: {1, 3, 2}, 6: {3, 4, 2}}
	for n := byte(1); n <= 6; n++ {
		var ids []schemas.PassageID
		for _, m := range want[n] {
			ids = append(ids, id(m))
		}
		if !slices.Equal(f.met[id(n)], ids) {
			t.Errorf("passage %d meets %v, want %v", n, f.met[id(n)], ids)
		}
	}
	if got := (&closedBefore{&w.group, w.subjects, &w.subjects[2]}).Passages(nil, plate.Class(), 0, 1<<62); len(got) == 0 || got[0].Camera != 7 || got[0].Site != 9 || got[0].Plate != plate {
		t.Errorf("a passage is remembered as %+v", got)
	}
}
