package dedup

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestObserveSeesWhatPassagesSee adds a passage's reads to Gathered in any order, some twice. Best read, measured
// speed and all facts must equal the pipeline's.
func TestObserveSeesWhatPassagesSee(t *testing.T) {
	cameras := []string{"c", "d", "e", "f", "g", "h", "i"} // most reads come from the first
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		f := newFeed(Config{})
		var reads []schemas.Read
		for i := range 1 + rng.IntN(6) {
			camera, at := i%2*rng.IntN(2)*(1+i), i*100 // mostly the first camera, with one read an instant
			if camera > 0 {
				at += rng.IntN(3) * 100
			}
			f.read("1ABC123", schemas.Micros(at)*schemas.Millisecond, func(r *schemas.Read) {
				r.Camera, r.ReceivedAt = cameras[camera], t0+schemas.Second
				// Ties are likely, and some reads have no speed.
				r.Confidence, r.Speed = schemas.PerMille(900+rng.IntN(3)), schemas.Speed(rng.IntN(4)*100)
				say(r, uint8(rng.IntN(64)), rng.Uint64N(1000))
				stateSome(r, rng)
				reads = append(reads, *r)
			})
			last := &reads[len(reads)-1]
			last.ID = schemas.NewReadID(last)
		}
		f.ps.Advance(t0 + schemas.Hour)
		if len(f.closed) != 1 {
			t.Fatalf("seed %d: %d passages, want 1", seed, len(f.closed))
		}
		var gathered Gathered
		for range 2 {
			rng.Shuffle(len(reads), func(i, j int) { reads[i], reads[j] = reads[j], reads[i] })
			for i := range reads {
				gathered.AddRead(&reads[i])
			}
		}
		var got schemas.Passage
		gathered.Whole(&got)
		if want := &f.closed[0]; got.Best != want.Best || got.Measured != want.Measured || !slices.EqualFunc(got.Measurements, want.Measurements, sameMeasurement) {
			t.Fatalf("seed %d: observed %+v, the pipeline %+v", seed, got, want)
		}
	}
}

func sameMeasurement(a, b schemas.Measurement) bool { return reflect.DeepEqual(a, b) }

// stateSome gives a read no measure, or some with few values, so that ties are likely.
func stateSome(r *schemas.Read, rng *rand.Rand) {
	r.Measures = nil
	for _, name := range []schemas.MeasureName{schemas.AmberTime, schemas.VehicleMass, "new_thing_x", schemas.RedTime} {
		if rng.IntN(4) == 0 {
			r.Measures = append(r.Measures, schemas.Measure{Name: name, Value: rng.Int64N(2), Device: []string{"", "d"}[rng.IntN(2)]})
		}
	}
	if r.ImageKinds = ""; rng.IntN(2) == 0 {
		r.MoreImages, r.ImageKinds = make([]schemas.Sum, 1), "scene,second"
	}
}
