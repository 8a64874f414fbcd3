package dedup

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestClosedPassagesAreHandedOverTogether expects slices of at most ChunkSize, full slices while many passages close,
// and all before Advance or Add returns.
func TestClosedPassagesAreHandedOverTogether(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var sizes []int
	closed := 0
	ps := NewPassages(Config{}, func(slice []Closed) {
		sizes = append(sizes, len(slice))
		closed += len(slice)
	})
	clock, bursts, opened := t0, 0, 0
	for i := range 20_000 {
		clock += schemas.Micros(rng.IntN(20)) * schemas.Millisecond
		sizes = sizes[:0]
		ps.Advance(clock)
		for k, n := range sizes {
			if n == 0 || n > ChunkSize || k < len(sizes)-1 && n != ChunkSize {
				t.Fatalf("record %d: slices of %v, want all but the last full", i, sizes)
			}
		}
		if len(sizes) > 1 {
			bursts++
		}
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", rng.IntN(1000)))
		if a := ps.put(&schemas.Read{ID: readID(uint64(i)), CapturedAt: clock, ReceivedAt: clock, Plate: p, Class: p.Class(), Camera: "c"}, 7, int64(i)); a.Joined == JoinedNew || a.Joined == JoinedParked {
			opened++
		}
		if closed+ps.open != opened {
			t.Fatalf("record %d: %d passages handed over and %d open, of %d", i, closed, ps.open, opened)
		}
		if i%5_000 == 4_999 {
			clock += schemas.Minute // many close at once
		}
	}
	if bursts < 3 {
		t.Errorf("%d times many closed at once, want more", bursts)
	}
}

func TestPrefetchingDoesNotAllocate(t *testing.T) {
	ps := NewPassages(Config{}, func([]Closed) {})
	w := NewRepeatFilter(schemas.Minute, 1<<10)
	ids, classes, sites := make([]schemas.ReadID, 100), make([]schemas.Class, 100), make([]uint64, 100)
	list := make([]due, 0, ChunkSize)
	for i := range 1000 {
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", i))
		ps.put(&schemas.Read{ID: readID(uint64(i)), CapturedAt: t0, Plate: p, Class: p.Class()}, 7, int64(i))
	}
	if n := testing.AllocsPerRun(100, func() {
		w.Prefetch(ids)
		ps.Prefetch(classes, sites)
		for i := range ChunkSize {
			list = append(list[:i], *ps.schedule.fresh.entryAt(i))
		}
		ps.prefetchDue(list)
	}); n != 0 {
		t.Errorf("prefetching allocates %v times", n)
	}
}
