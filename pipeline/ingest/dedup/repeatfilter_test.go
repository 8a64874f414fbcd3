package dedup

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

func readID(n uint64) schemas.ReadID {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return schemas.NewReadID(&schemas.Read{Camera: "camera", EventID: string(b[:])})
}

func TestWindowAgreesWithNaiveModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const span = 60 * schemas.Second
	w := NewRepeatFilter(span, 4096)
	last := map[uint64]schemas.Micros{}
	clock := schemas.Micros(1_800_000_000) * schemas.Second
	for i := range 200_000 {
		clock += schemas.Micros(rng.IntN(40)) * schemas.Millisecond
		if rng.IntN(20_000) == 0 {
			clock += schemas.Micros(rng.IntN(100)) * span // idle, past the 8-bit epoch too
		}
		n := rng.Uint64N(4096)
		seen, ok := last[n]
		got := w.Seen(readID(n), clock)
		age := clock - seen
		switch {
		case ok && age <= span && !got:
			t.Fatalf("step %d: id %d seen %v before is forgotten", i, n, age)
		case got && (!ok || age > span+2*span/(windowEpochs-1)):
			t.Fatalf("step %d: id %d reported seen, last %v ago (known %v)", i, n, age, ok)
		}
		last[n] = clock
	}
	if w.Evicted != 0 {
		t.Errorf("evicted %d ids within capacity", w.Evicted)
	}
}

func TestWindowCountsWhatItForgetsForWantOfRoom(t *testing.T) {
	w := NewRepeatFilter(schemas.Hour, 64)
	for n := range uint64(10_000) {
		w.Seen(readID(n), schemas.Hour)
	}
	if w.Evicted < 9_000 {
		t.Errorf("evicted %d of 10000 ids in a window for 64, want nearly all counted", w.Evicted)
	}
}

func TestWindowDoesNotAllocate(t *testing.T) {
	w := NewRepeatFilter(schemas.Minute, 1024)
	ids := make([]schemas.ReadID, 512)
	for i := range ids {
		ids[i] = readID(uint64(i))
	}
	clock, i := schemas.Hour, 0
	if n := testing.AllocsPerRun(1000, func() {
		clock += schemas.Second / 4
		i++
		w.Seen(ids[i%len(ids)], clock)
	}); n != 0 {
		t.Errorf("Seen allocates %v times", n)
	}
}

func BenchmarkWindowSeen(b *testing.B) {
	const live = 1 << 20
	w := NewRepeatFilter(10*schemas.Minute, live)
	ids := make([]schemas.ReadID, 2*live)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range ids {
		binary.LittleEndian.PutUint64(ids[i].ID[:8], rng.Uint64())
		binary.LittleEndian.PutUint64(ids[i].ID[8:], rng.Uint64())
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Seen(ids[i%len(ids)], schemas.Micros(i)*600)
		i++
	}
}

func BenchmarkBuiltinMap(b *testing.B) {
	const live = 1 << 20
	m := make(map[schemas.ReadID]schemas.Micros, live)
	ids := make([]schemas.ReadID, 2*live)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range ids {
		binary.LittleEndian.PutUint64(ids[i].ID[:8], rng.Uint64())
		binary.LittleEndian.PutUint64(ids[i].ID[8:], rng.Uint64())
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		id := ids[i%len(ids)]
		if _, ok := m[id]; !ok {
			delete(m, ids[(i+live)%len(ids)])
		}
		m[id] = schemas.Micros(i)
		i++
	}
}
