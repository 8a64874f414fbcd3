package replay_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// TestEveryOffenceOfATroubledDayComesOutWithTheSameIDAndSeal: measured reads that came after their passages were
// decided (stragglers), cameras that sent an hour late (backlogs), passages of a vehicle decided at the same
// record (ties), parked vehicles, and the same event sent again.
func TestEveryOffenceOfATroubledDayComesOutWithTheSameIDAndSeal(t *testing.T) {
	days := 1
	if text := os.Getenv("ANPR_REPLAY_DAYS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal("ANPR_REPLAY_DAYS: ", err)
		}
		days = n
	}
	for i := range days {
		seed := uint64(20261128 + i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { troubled(t, seed) })
	}
}

func troubled(t *testing.T, seed uint64) {
	w := fillDay(t, seed, func(reg *reference.Snapshot, reads []*anprv1.PlateRead) []*anprv1.PlateRead {
		return trouble(rand.New(rand.NewPCG(seed, 1)), reg, reads)
	})
	for what, q := range map[string]string{
		"stragglers": "SELECT count() FROM offences WHERE position(trace, 'speed.late') > 0",
		"ties": `SELECT count() FROM (SELECT kafka_partition, kafka_offset, class FROM decisions INNER JOIN (SELECT passage_id, class FROM passages) AS p USING passage_id
			WHERE outcome IN ('offence', 'held', 'duplicate') GROUP BY 1, 2, 3 HAVING uniqExact(passage_id) > 1)`,
		"backlogs": "SELECT count() FROM offences WHERE passage_id IN (SELECT passage_id FROM reads WHERE late_upload)",
		"parked":   "SELECT count() FROM passages WHERE parked",
	} {
		if w.number(t, q) == 0 {
			t.Errorf("no %s: they are not tested", what)
		}
	}
	rep := w.replay(t, catalogue(t, nil), nil)
	if len(rep.Rules) != 2 || !rep.IsSame() {
		t.Errorf("seed %d: got %+v, want no difference", seed, rep.Rules)
	}
	for _, e := range rep.Examples {
		t.Errorf("%s: stored %+v, replayed %+v", e.Kind, e.Stored, e.Replayed)
	}
	for _, r := range rep.Rules {
		if r.Sealed != r.Stored || r.Stored == 0 {
			t.Errorf("seed %d: %s: %d of %d offences come out with their seal", seed, r.Rule, r.Sealed, r.Stored)
		}
	}
	for _, v := range rep.Verdicts {
		if v.Stored != v.Replayed {
			t.Errorf("seed %d: %s %s: %d stored, %d replayed", seed, v.Rule, v.Outcome, v.Stored, v.Replayed)
		}
	}
	w.explained(t)
	w.single(t, "position(trace, 'speed.late') > 0", 1)
	w.single(t, `position(trace, '"code":"other_reading"') > 0`, 0) // few days have one
}

// explained: under a catalogue without speed offences, each of these is explained on the very read of the offence.
func (w *world) explained(t *testing.T) {
	rep := w.replay(t, catalogue(t, map[string][2]string{"speed.yaml": {"kmh: 6", "kmh: 15"}}), func(c *replay.Config) { c.Examples = 3000 })
	gone, late := 0, 0
	for _, e := range rep.Examples {
		if e.Kind != "gone" {
			continue
		}
		gone++
		for _, d := range e.Decisions {
			late += strings.Count(fmt.Sprint(d.Trace), "speed.late")
		}
		if len(e.Decisions) != 1 || e.Decisions[0].On.CapturedAt.String() != e.Stored.CapturedAt || int32(e.Decisions[0].On.Speed) != e.Stored.Measured {
			t.Errorf("gone: %+v explained by %+v", e.Stored, e.Decisions)
		}
	}
	if gone == late || late == 0 {
		t.Errorf("%d offences are gone, %d of them on reads that came late: want some of both", gone, late)
	}
}

// trouble delays, sends again and adds, and returns the reads in the order of their receipt.
func trouble(rng *rand.Rand, reg *reference.Snapshot, reads []*anprv1.PlateRead) []*anprv1.PlateRead {
	var cams []*schemas.Camera
	for _, c := range reg.Cameras() {
		if c.InsideLEZ && c.Purposes.Has(rules.InfoOf("lez").Purpose) {
			cams = append(cams, c)
		}
	}
	out := slices.Clone(reads)
	for _, m := range reads {
		sum := sha256.Sum256([]byte(m.RawPlate)) // all reads of a vehicle share its fate
		switch {
		case m.SpeedDkmh > 0 && sum[0]%3 == 0: // a straggler: the passage was decided without a measurement
			before := another(m, "-before", func(b *anprv1.PlateRead) { b.SpeedDkmh, b.CapturedAtUs = 0, b.CapturedAtUs-300_000 })
			out = append(out, before)
			m.SpeedDkmh += uint32(rng.IntN(500))
			m.ReceivedAtUs += int64(6+rng.IntN(50)) * int64(schemas.Second)
		case m.ReadId[0] < 6: // a backlog; both copies of a read wait equally long, as ids are remembered ten minutes
			m.LateUpload = true
			m.ReceivedAtUs += int64(10+m.ReadId[1]%50) * int64(schemas.Minute)
		case sum[0]%3 == 1: // the same plate elsewhere at the same time; the order of the last reads differs
			elsewhere := cams[rng.IntN(len(cams))].ID
			twin := another(m, "-twin", func(r *anprv1.PlateRead) {
				r.CameraId, r.SpeedDkmh, r.ReceivedAtUs = elsewhere, 0, r.ReceivedAtUs+20_000
			})
			again := another(m, "-again", func(r *anprv1.PlateRead) { r.SpeedDkmh, r.ReceivedAtUs = 0, r.ReceivedAtUs+40_000 })
			out = append(out, twin, again)
		}
	}
	slices.SortStableFunc(out, func(a, b *anprv1.PlateRead) int { return int(a.ReceivedAtUs - b.ReceivedAtUs) })
	return out
}

// another is a further event made of a read.
func another(m *anprv1.PlateRead, suffix string, change func(*anprv1.PlateRead)) *anprv1.PlateRead {
	out := proto.CloneOf(m)
	out.CameraEventId = fmt.Sprint(m.CameraEventId, m.CapturedAtUs, suffix)
	change(out)
	id := schemas.NewReadID(&schemas.Read{Camera: out.CameraId, EventID: out.CameraEventId, CapturedAt: schemas.Micros(out.CapturedAtUs), RawPlate: out.RawPlate})
	out.ReadId = id.ID[:]
	return out
}
