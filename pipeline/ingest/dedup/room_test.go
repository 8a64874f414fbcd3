package dedup

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// slotsLive counts the live ids by visiting every slot; Live must agree.
func slotsLive(w *RepeatFilter, clock schemas.Micros) (n int) {
	ahead := max(0, int64(clock/w.epoch)-w.now)
	for i := range w.buckets {
		for _, s := range w.buckets[i] {
			if s != 0 && w.epochsSince(s)+ahead < windowEpochs {
				n++
			}
		}
	}
	return n
}

func TestLiveIsWhatALookAtEverySlotFinds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, ids := range []uint64{100, 3000} { // with room, and far too many
		w := NewRepeatFilter(schemas.Minute, 256)
		clock := t0
		for i := range 40_000 {
			clock += schemas.Micros(rng.IntN(100)) * schemas.Millisecond
			if rng.IntN(4000) == 0 {
				clock += schemas.Micros(rng.IntN(12)) * schemas.Minute // less than the span, more, and past the 8-bit epoch
			}
			w.Seen(readID(rng.Uint64N(ids)), clock)
			if i%97 != 0 {
				continue
			}
			for _, later := range []schemas.Micros{0, 5 * schemas.Second, 59 * schemas.Second, schemas.Hour} {
				if got, want := w.Live(clock+later), slotsLive(w, clock+later); got != want {
					t.Fatalf("step %d, %v later: %d live ids, the slots say %d", i, later, got, want)
				}
			}
		}
		if (w.Evicted > 0) != (ids > 256*slotsPerID) {
			t.Errorf("%d of %d ids forgotten", w.Evicted, ids)
		}
	}
}

// The share of used room rises with distinct ids and not with repeats. The share is about 1 when the first id is
// dropped early, and falls when the span has passed.
func TestTheShareOfTheRoomSaysWhenIDsBeginToBeForgotten(t *testing.T) {
	w := NewRepeatFilter(10*schemas.Minute, ForRate(LeastRate).RepeatIDs)
	share := func(clock schemas.Micros) float64 { return float64(w.Live(clock)) / float64(w.Room()) }
	clock, n := t0, uint64(0)
	for range 15 * 60 { // at the intended rate
		clock += schemas.Second
		for range LeastRate {
			n++
			w.Seen(readID(n), clock)
			w.Seen(readID(n), clock) // a repeat
		}
	}
	if got := share(clock); w.Evicted != 0 || got < 0.9 || got > 1 {
		t.Errorf("at the rate the room is for: share %.3f, %d forgotten; want nearly 1 and none", got, w.Evicted)
	}
	for w.Evicted == 0 {
		n++
		w.Seen(readID(n), clock)
	}
	if got := share(clock); got < 0.95 || got > 1.5 {
		t.Errorf("share %.3f when the first id was forgotten, want about 1", got)
	}
	for _, tc := range []struct {
		after       schemas.Micros
		least, most float64
	}{{5 * schemas.Minute, 0.5, 1.5}, {11 * schemas.Minute, 0, 0}} {
		if got := share(clock + tc.after); got < tc.least || got > tc.most {
			t.Errorf("%v later: share %.3f, want %v to %v", tc.after, got, tc.least, tc.most)
		}
	}
}

func TestTheRateGivesTheBounds(t *testing.T) {
	def := Config{}.WithDefaults()
	for _, rate := range []int{0, DefaultRate} {
		if got := ForRate(rate).WithDefaults(); got != def {
			t.Errorf("rate %d: %+v, want the defaults %+v", rate, got, def)
		}
	}
	if ids, passages := def.Memory(); ids != 16<<20 || passages != 140<<20 {
		t.Errorf("%d and %d bytes at the default rate, want 16 and 140 MiB", ids, passages)
	}
	before := Config{}
	for _, rate := range []int{LeastRate, 101, 799, DefaultRate, 801, 2500, 10_000, MostRate} {
		c := ForRate(rate).WithDefaults()
		if c.RepeatIDs <= before.RepeatIDs || c.MaxPassages <= before.MaxPassages {
			t.Errorf("rate %d: %+v, want more than for the rate before", rate, c)
		}
		if need := rate * 620; c.RepeatIDs < need {
			t.Errorf("rate %d: room for %d ids, 620 s have %d", rate, c.RepeatIDs, need)
		}
		c.RepeatIDs, c.MaxPassages, before = def.RepeatIDs, def.MaxPassages, c
		if c != def {
			t.Errorf("rate %d changes more than the room: %+v", rate, c)
		}
	}
}
