package dedup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestAheadIsToldWhatCloses: what it is told are the passages that then close, in their order, but for handfuls, which are not worth it.
func TestAheadIsToldWhatCloses(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var closed, told []schemas.Plate
	ps := NewPassages(Config{}, func(p *schemas.Passage) { closed = append(closed, p.Best.Plate) })
	ps.Ahead(func(closing []Closing) {
		for _, p := range closing {
			told = append(told, p.Plate)
		}
	})
	clock, bursts := t0, 0
	for i := range 20_000 {
		clock += schemas.Micros(rng.IntN(20)) * schemas.Millisecond
		closed, told = closed[:0], told[:0]
		ps.Advance(clock)
		at := 0
		for _, p := range told {
			n := slices.Index(closed[at:], p)
			if n < 0 {
				t.Fatalf("record %d: told of %v, which does not close then: %v", i, p, closed)
			}
			at += n + 1
		}
		if len(closed) >= TouchMost {
			bursts++
			if len(told) < len(closed)-touchLeast {
				t.Fatalf("record %d: told of %d of the %d that close", i, len(told), len(closed))
			}
		}
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", rng.IntN(1000)))
		ps.put(&schemas.Read{ID: readID(uint64(i)), CapturedAt: clock, ReceivedAt: clock, Plate: p, Class: p.Class(), Camera: "c"}, 7, int64(i))
		if i%5_000 == 4_999 {
			clock += schemas.Minute // many close at once
		}
	}
	if bursts < 3 {
		t.Errorf("%d times many closed at once, want more", bursts)
	}
}

func TestTouchDoesNotAllocate(t *testing.T) {
	ps := NewPassages(Config{}, func(*schemas.Passage) {})
	w := NewWindow(schemas.Minute, 1<<10)
	ids, classes, sites := make([]schemas.ReadID, 100), make([]schemas.Class, 100), make([]uint64, 100)
	list := make([]due, 0, TouchMost)
	ps.Ahead(func([]Closing) {})
	for i := range 1000 {
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", i))
		ps.put(&schemas.Read{ID: readID(uint64(i)), CapturedAt: t0, Plate: p, Class: p.Class()}, 7, int64(i))
	}
	if n := testing.AllocsPerRun(100, func() {
		w.Touch(ids)
		ps.Touch(classes, sites)
		for i := range TouchMost {
			list = append(list[:i], *ps.schedule.fresh.at(i))
		}
		ps.touchDue(list)
	}); n != 0 {
		t.Errorf("touching allocates %v times", n)
	}
}
