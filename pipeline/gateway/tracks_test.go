package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func survisionDecision(id int) string {
	return fmt.Sprintf(`{"anpr":{"@date":"1779351006000","@session":"7","@id":"%d","decision":{"@plate":"1ABC%03d","@reliability":"95","@context_isoAlpha2":"BE","@direction":"front"}}}`, id, id)
}

func survisionSpeed(id int) string {
	return fmt.Sprintf(`{"anpr":{"@date":"1779351006900","@session":"7","@id":"%d","speed":{"@instantSpeed_km_h":"%d","@reliability_speed":"90"}}}`, id, 60+id%100)
}

// told posts messages to a camera and returns the reads on the log by their ids.
func told(t testing.TB, rg *rig, bodies ...string) map[string]*anprv1.PlateRead {
	t.Helper()
	for _, body := range bodies {
		if res := rg.send("cam-1/survision", "application/json", []byte(body)); res.code != 200 {
			t.Fatalf("%s: got %d %+v", body, res.code, res.problem)
		}
	}
	out := map[string]*anprv1.PlateRead{}
	for _, r := range rg.logged() {
		out[string(r.ReadId)] = r
	}
	return out
}

// TestASpeedThatComesApartFromItsPlateMakesARead sends a vehicle's plate and speed in either order, again and again,
// and alone: the plate's read is always as sent by the camera, and one further read has the speed.
func TestASpeedThatComesApartFromItsPlateMakesARead(t *testing.T) {
	d, s := survisionDecision(1), survisionSpeed(1)
	noPlate := `{"anpr":{"@date":"1779351006000","@session":"7","@id":"1","noPlate":{"@x":"1"}}}`
	end := `{"anpr":{"@date":"1779351007000","@session":"7","@id":"1","end":{"@plateOccurences":"4"}}}`
	want := told(t, newRig(t, nil), d, s)
	for name, c := range map[string]struct {
		bodies []string
		reads  int
	}{
		"plate, speed": {[]string{d, s}, 2}, "speed, plate": {[]string{s, d}, 2}, "plate, end, speed": {[]string{d, end, s}, 2},
		"each twice": {[]string{d, d, s, s}, 2}, "speed twice first": {[]string{s, s, d, d}, 2}, "plate only": {[]string{d}, 1},
		"speed only": {[]string{s}, 0}, "in one upload": {[]string{d + s}, 2}, "in one upload, speed first": {[]string{s + "\n" + d}, 2},
		"no plate": {[]string{noPlate, s}, 0}, "another vehicle's speed": {[]string{d, survisionSpeed(2)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, nil)
			got := told(t, rg, c.bodies...)
			reads := 0
			for id, r := range got {
				if r.Quarantine != nil {
					continue
				}
				reads++
				if want[id] == nil {
					t.Errorf("a read of another id: %v", r)
				}
			}
			if reads != c.reads {
				t.Errorf("got %d reads, want %d: %v", reads, c.reads, got)
			}
		})
	}
	for _, r := range want {
		if r.RawPlate != "1ABC001" || r.Country != "BE" || r.ConfidencePm != 950 || r.CapturedAtUs != 1779351006000000 || r.CameraEventId != "7/1" || r.ClockSuspect {
			t.Errorf("got %v", r)
		}
	}
	speeds := []uint32{}
	for _, r := range want {
		speeds = append(speeds, r.SpeedDkmh)
	}
	if slices.Sort(speeds); !slices.Equal(speeds, []uint32{0, 610}) {
		t.Errorf("got speeds %v, want none and 61 km/h", speeds)
	}
}

// joins plays messages to a memory of tracks, received at now, and returns the ids of all reads that they made.
func joins(t rapid.TB, tr *trackMemory, now schemas.Micros, ids map[schemas.ID]bool, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		events, rej := parseUpload("survision", "application/json", []byte(body))
		if rej != nil {
			t.Fatal(rej)
		}
		for _, ev := range events {
			if ev.Err == nil && ev.Ignored == "" {
				ev.Read.CameraId = "c"
				ev.setReadID()
			}
		}
		for _, ev := range tr.completeReads("c", "", now, events) {
			if ev.Err == nil && ev.Ignored == "" {
				ids[schemas.ID(ev.Read.ReadId)] = true
			}
		}
	}
}

func TestASpeedIsForgottenAfterAMinuteAndCounted(t *testing.T) {
	missing, now := 0, schemas.Micros(1779351006000000)
	tr := &trackMemory{unjoined: func() { missing++ }}
	ids := map[schemas.ID]bool{}
	joins(t, tr, now, ids, survisionDecision(1))
	joins(t, tr, now+trackLifetime+1, ids, survisionSpeed(1))
	if len(ids) != 1 {
		t.Errorf("got %d reads: the counter of tracks may have come round, want the one of the plate", len(ids))
	}
	joins(t, tr, now+2*trackLifetime+2, ids, survisionSpeed(1))
	if missing != 1 {
		t.Errorf("%d speeds are counted as unjoined, want 1", missing)
	}
	for i := range 3 * maxTracks {
		joins(t, tr, now+2*trackLifetime+2, ids, survisionSpeed(100+i))
	}
	if got := len(tr.cams["c"].byID); got != maxTracks || missing != 1+1+2*maxTracks {
		t.Errorf("%d tracks are remembered and %d speeds counted, want %d and %d", got, missing, maxTracks, 2+2*maxTracks)
	}
}

// TestTheOrderOfMessagesChangesNoRead plays the messages of some vehicles in any order, some of them again.
func TestTheOrderOfMessagesChangesNoRead(t *testing.T) {
	const now = schemas.Micros(1779351006000000)
	var all []string
	for id := range 4 {
		all = append(all, survisionDecision(id+1), survisionSpeed(id+1))
	}
	want := map[schemas.ID]bool{}
	joins(t, &trackMemory{}, now, want, all...)
	if len(want) != 8 {
		t.Fatalf("got %d reads of four vehicles, want 8", len(want))
	}
	rapid.Check(t, func(r *rapid.T) {
		order := rapid.Permutation(append(slices.Clone(all), rapid.SliceOfN(rapid.SampledFrom(all), 0, 5).Draw(r, "again")...)).Draw(r, "order")
		got := map[schemas.ID]bool{}
		joins(r, &trackMemory{}, now, got, order...)
		if !maps.Equal(got, want) {
			r.Errorf("got %d ids, want the same %d in any order: %s", len(got), len(want), strings.Join(order, "\n"))
		}
	})
}
