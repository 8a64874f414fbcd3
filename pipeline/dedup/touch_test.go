package dedup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestTouchDueNamesWhatCloses: what it gives are the passages that then close, but for those of which a
// read came meanwhile; beyond TouchMost of a kind it may leave some out.
func TestTouchDueNamesWhatCloses(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	closed := []schemas.PassageID{}
	ps := NewPassages(Config{}, func(p *schemas.Passage) { closed = append(closed, p.ID) })
	clock, total := t0, 0
	for i := range 20_000 {
		clock += schemas.Micros(rng.IntN(20)) * schemas.Millisecond
		due, _ := ps.TouchDue(nil, clock)
		touched := make([]schemas.PassageID, len(due))
		for k := range due {
			touched[k] = due[k].ID
		}
		closed = closed[:0]
		ps.Advance(clock)
		for _, p := range closed {
			if !slices.Contains(touched, p) {
				t.Fatalf("record %d: %v closes and was not touched; touched %v", i, p, touched)
			}
		}
		total += len(closed)
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", rng.IntN(1000)))
		ps.Add(&schemas.Read{ID: readID(uint64(i)), CapturedAt: clock, ReceivedAt: clock, Plate: p, Class: p.Class(), Camera: "c"}, 7, int64(i))
	}
	if total < 1000 {
		t.Errorf("%d passages closed, want more", total)
	}
}

func TestTouchDoesNotAllocate(t *testing.T) {
	ps := NewPassages(Config{}, func(*schemas.Passage) {})
	w := NewWindow(schemas.Minute, 1<<10)
	ids, classes, sites := make([]schemas.ReadID, 100), make([]schemas.Class, 100), make([]uint64, 100)
	due := make([]*schemas.Passage, 0, 3*TouchMost)
	for i := range 1000 {
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", i))
		ps.Add(&schemas.Read{ID: readID(uint64(i)), CapturedAt: t0, Plate: p, Class: p.Class()}, 7, int64(i))
	}
	if n := testing.AllocsPerRun(100, func() {
		w.Touch(ids)
		ps.Touch(classes, sites)
		ps.TouchDue(due, t0+schemas.Hour)
	}); n != 0 {
		t.Errorf("touching allocates %v times", n)
	}
}
