package dedup

import (
	"math/rand/v2"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestObserveSeesWhatPassagesSee: a replay that observes a passage's reads in any order, some of them twice, has the pipeline's
// best read and measured speed.
func TestObserveSeesWhatPassagesSee(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		f := newFeed(Config{})
		var reads []schemas.Read
		for i := range 1 + rng.IntN(6) {
			f.read("1ABC123", schemas.Micros(i*100+rng.IntN(3)*100)*schemas.Millisecond, func(r *schemas.Read) {
				r.Camera, r.ReceivedAt = "c"+string(rune('0'+i)), t0+schemas.Second
				r.Confidence, r.Speed = schemas.PerMille(900+rng.IntN(3)), schemas.Speed(rng.IntN(4)*100) // ties, and reads without a speed
				reads = append(reads, *r)
			})
			last := &reads[len(reads)-1]
			last.ID = schemas.NewReadID(last.Camera, "", last.CapturedAt, "1ABC123")
		}
		f.ps.Advance(t0 + schemas.Hour)
		if len(f.closed) != 1 {
			t.Fatalf("seed %d: %d passages, want 1", seed, len(f.closed))
		}
		var got schemas.Passage
		for range 2 {
			rng.Shuffle(len(reads), func(i, j int) { reads[i], reads[j] = reads[j], reads[i] })
			for i := range reads {
				Observe(&got, &reads[i])
			}
		}
		if want := &f.closed[0]; got.Best != want.Best || got.Measured != want.Measured {
			t.Fatalf("seed %d: observed %+v and %+v, the pipeline %+v and %+v", seed, got.Best, got.Measured, want.Best, want.Measured)
		}
	}
}
