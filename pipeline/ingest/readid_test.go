package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// TestNoReadIsLostUnderAnEventIDThatStandsStill sends the uploads of cameras with a single event id for a track, a
// vehicle or their whole run: other plates, later reads, more content, and repeats. Each observation is accounted for
// under its own id, no two rows with one id differ, and only a repeat counts as a retransmission. The repeat comes
// within the time for which ids are remembered.
func TestNoReadIsLostUnderAnEventIDThatStandsStill(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plates := []string{"1ABC123", "1ABC128", "1-ABC-12B", "2XYZ987", "AB123CD", "1ABC12"}
		var sent []*anprv1.PlateRead
		observations := map[string]bool{}
		now, repeats := simStart, 0
		for range rapid.IntRange(2, 25).Draw(rt, "reads") {
			now += schemas.Micros(rapid.IntRange(0, 3_000).Draw(rt, "pause, ms")) * schemas.Millisecond
			recent := slices.DeleteFunc(slices.Clone(sent), func(m *anprv1.PlateRead) bool {
				return schemas.Micros(m.ReceivedAtUs) < now-simDedup().RepeatSpan*9/10
			})
			if len(recent) > 0 && rapid.IntRange(0, 3).Draw(rt, "again") == 0 {
				m := proto.CloneOf(rapid.SampledFrom(recent).Draw(rt, "which"))
				m.ReceivedAtUs, m.LateUpload = int64(now), true // a second delivery
				sent, repeats = append(sent, m), repeats+1
				continue
			}
			m := camRead("front", rapid.SampledFrom(plates).Draw(rt, "plate"), now-schemas.Micros(rapid.IntRange(0, 2).Draw(rt, "delay, s"))*schemas.Second, now)
			m.CameraEventId = "1"
			m.SpeedDkmh = uint32(rapid.SampledFrom([]int{0, 430, 460}).Draw(rt, "speed"))
			m.ConfidencePm = uint32(rapid.SampledFrom([]int{610, 990}).Draw(rt, "confidence"))
			if rapid.Bool().Draw(rt, "picture") {
				m.ImageSha256 = make([]byte, 32)
				m.ImageSha256[0] = 1
			}
			said := fmt.Sprint(m.RawPlate, m.CapturedAtUs, m.SpeedDkmh, m.ConfidencePm, len(m.ImageSha256))
			if observations[said] {
				repeats++
			}
			observations[said] = true
			sent = append(sent, m)
		}
		block, b := oneShard(t, encodeReads(sent))
		ids := map[string]string{}
		for _, line := range block.rows["reads"] {
			f := strings.Fields(line)
			id, saw := f[0], strings.Join(append(f[2:6:6], f[7]), " ") // camera, plate, raw plate, capture, speed
			if other, twice := ids[id]; twice {
				rt.Fatalf("two rows of read %s: %s and %s", id, other, saw)
			}
			ids[id] = saw
		}
		if got := int(b.Totals.Merged); got < repeats {
			rt.Fatalf("%d merged, want at least the %d repetitions", got, repeats)
		}
		retransmissions := 0
		for _, line := range block.rows["merges"] {
			retransmissions += map[bool]int{true: 1}[strings.Contains(line, shard.MergeRetransmission.String())]
		}
		if retransmissions != repeats {
			rt.Fatalf("%d counted as retransmissions, %d were", retransmissions, repeats)
		}
	})
}
