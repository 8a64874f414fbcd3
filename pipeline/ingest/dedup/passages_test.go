package dedup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

const t0 = schemas.Micros(1_790_000_000) * schemas.Second

type feed struct {
	ps     *Passages
	offset int64
	closed []schemas.Passage
}

// each calls f for every closed passage.
func each(f func(*schemas.Passage)) func([]Closed) {
	return func(closed []Closed) {
		for i := range closed {
			f(named(&closed[i]))
		}
	}
}

func newFeed(cfg Config) *feed {
	f := &feed{}
	f.ps = NewPassages(cfg, each(func(p *schemas.Passage) { f.closed = append(f.closed, *p) }))
	return f
}

func (f *feed) read(plate string, at schemas.Micros, mod ...func(*schemas.Read)) Added {
	p := schemas.MustPlate(plate)
	r := schemas.Read{Camera: "c", CapturedAt: t0 + at, ReceivedAt: t0 + at, RawPlate: plate, Plate: p, Class: p.Class(), Confidence: 900}
	for _, m := range mod {
		m(&r)
	}
	r.ID = schemas.NewReadID(&r)
	f.offset++
	f.ps.Advance(r.ReceivedAt)
	return f.ps.put(&r, 7, f.offset)
}

func TestReadsOfOneVehicleMakeOnePassage(t *testing.T) {
	f := newFeed(Config{})
	a := f.read("1ABC128", 0, func(r *schemas.Read) { r.Confidence = 700; r.Speed = 620 })
	b := f.read("1ABC12B", schemas.Second, func(r *schemas.Read) { r.Speed = 580 })
	c := f.read("1ABC128", 2*schemas.Second)
	if a.Joined != JoinedNew || b.Joined != JoinedVariant || c.Joined != JoinedSame {
		t.Fatalf("joined %v %v %v, want new, variant, same", a.Joined, b.Joined, c.Joined)
	}
	f.ps.Advance(t0 + 6*schemas.Second)
	if len(f.closed) != 0 {
		t.Fatal("closed while its last read is younger than CloseAfter")
	}
	f.ps.Advance(t0 + 7*schemas.Second)
	if len(f.closed) != 1 {
		t.Fatalf("%d passages closed, want 1", len(f.closed))
	}
	p := f.closed[0]
	if p.Reads != 3 || p.Variants != 2 || p.Best.Plate.String() != "1ABC12B" || p.Measured.Speed != 580 || p.ID != a.Passage {
		t.Errorf("passage %+v: want 3 reads, 2 variants, best 1ABC12B, slowest 580", p)
	}
	d := f.read("1ABC128", 8*schemas.Second, func(r *schemas.Read) { r.CapturedAt -= 5 * schemas.Second })
	if d.Joined != JoinedSame || d.Passage != p.ID || f.ps.Stragglers != 1 {
		t.Errorf("straggler joined %v %v, want the decided passage", d.Joined, d.Passage)
	}
	e := f.read("1ABC128", 40*schemas.Second)
	if e.Joined != JoinedNew || e.Passage == p.ID {
		t.Errorf("read 40 s later joined %v, want a new passage", e.Joined)
	}
}

func TestParkedVehicleGetsOneRowASlot(t *testing.T) {
	f := newFeed(Config{})
	count := map[Joined]int{}
	for s := range 1200 { // 20 minutes, a read every second
		count[f.read("1ABC123", schemas.Micros(s)*schemas.Second).Joined]++
	}
	f.ps.Advance(t0 + schemas.Hour)
	merged := uint32(0)
	for _, p := range f.closed {
		merged += p.Merged
	}
	if count[JoinedNew] != 1 || count[JoinedSame] != 60 || count[JoinedParked] < 4 || count[JoinedParked] > 5 {
		t.Errorf("joined %v, want 1 new, 60 same, 4 or 5 slots", count)
	}
	if int(merged) != count[JoinedMerged] || len(f.closed) != 1+count[JoinedParked] {
		t.Errorf("closed %d passages with %d merged, want %d and %d", len(f.closed), merged, 1+count[JoinedParked], count[JoinedMerged])
	}
}

func TestHotKeyKeepsMemoryBounded(t *testing.T) {
	f := newFeed(Config{MaxPassages: 100})
	for i := range 5000 {
		f.read(fmt.Sprintf("1ABC%03d", i%1000), schemas.Micros(i)*schemas.Millisecond)
	}
	if n := len(f.ps.slots.items); n > 100 {
		t.Errorf("%d slots, bound is 100", n)
	}
	if f.ps.Forced == 0 {
		t.Error("closing early is not counted")
	}
}

// TestRebuildFromHorizonChangesNothing proves the promise of the package: a memory rebuilt by reading back Horizon of
// log time gives the same answers as a memory that never stopped.
func TestRebuildFromHorizonChangesNothing(t *testing.T) {
	for trial := range 20 {
		seed := uint64(time.Now().UnixNano())
		rng := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{RepeatSpan: 2 * schemas.Minute, RepeatIDs: 1 << 14, HistorySpan: schemas.Micros(trial%3) * 5 * schemas.Minute}
		recs := traffic(rng, 6000, trial%2 == 0)
		full := run(cfg, recs, 0)
		cut := 3000 + rng.IntN(2500)
		from := cut
		for from > 0 && recs[from].ReceivedAt > recs[cut].ReceivedAt-cfg.Horizon() {
			from--
		}
		part := run(cfg, recs, from)
		if !slices.Equal(full[cut:], part[cut:]) {
			for i := cut; i < len(full); i++ {
				if full[i] != part[i] {
					t.Fatalf("seed %d: record %d (cut %d, rebuilt from %d)\n full %s\n part %s", seed, i, cut, from, full[i], part[i])
				}
			}
		}
		if from == 0 {
			t.Fatalf("seed %d: the horizon covers the whole run, nothing was tested", seed)
		}
	}
}

// traffic mixes passing, parked and repeating vehicles with few plates at few sites, with jitter and late arrivals.
func traffic(rng *rand.Rand, n int, lulls bool) []schemas.Read {
	plates := []string{"1ABC128", "1ABC12B", "2XYZ001", "2XYZOO1", "1AAA111"}
	out := make([]schemas.Read, 0, n)
	clock := t0
	for range n {
		step := 1000 // without lulls every plate is parked for the whole run
		if lulls {
			step = 3000
		}
		clock += schemas.Micros(rng.IntN(step)) * schemas.Millisecond
		if lulls && rng.IntN(40) == 0 {
			clock += schemas.Micros(rng.IntN(60)) * schemas.Second // a lull: passages end
		}
		if len(out) > 50 && rng.IntN(10) == 0 {
			r := out[len(out)-1-rng.IntN(50)]
			r.ReceivedAt = clock
			out = append(out, r)
			continue
		}
		p := schemas.MustPlate(plates[rng.IntN(len(plates))])
		at := clock - schemas.Micros(rng.IntN(4000))*schemas.Millisecond
		r := schemas.Read{Camera: "c", CapturedAt: at, ReceivedAt: clock, RawPlate: p.String(), Plate: p, Class: p.Class(), Confidence: schemas.PerMille(rng.IntN(1000))}
		r.ID = schemas.NewReadID(&r)
		out = append(out, r)
	}
	return out
}

// run processes recs[from:] and returns the effect of each record.
func run(cfg Config, recs []schemas.Read, from int) []string {
	w := NewRepeatFilter(cfg.RepeatSpan, cfg.RepeatIDs)
	out := make([]string, len(recs))
	at := 0
	h := NewHistory(cfg)
	var ps *Passages
	ps = NewPassages(cfg, func(closed []Closed) {
		for i := range closed { // like a shard: a passage meets only passages that closed earlier
			p := &closed[i]
			out[at] += fmt.Sprintf("[close %v %d %d %v]", p.ID, p.Reads, p.Merged, p.Best.Read)
			for _, past := range h.Passages(nil, p.Class, p.Best.CapturedAt-schemas.Hour, p.Best.CapturedAt+schemas.Hour) {
				out[at] += fmt.Sprintf("[meets %v]", past.ID)
			}
			h.Add(p, ps.clock)
		}
	})
	for i := from; i < len(recs); i++ {
		at = i
		r := recs[i]
		h.Advance(r.ReceivedAt)
		ps.Advance(r.ReceivedAt)
		if w.Seen(r.ID, r.ReceivedAt) {
			out[i] += fmt.Sprint("repeat ", w.Live(r.ReceivedAt), ps.Remembered())
			continue
		}
		a := ps.put(&r, 7, int64(i))
		out[i] += fmt.Sprint(a.Joined, a.Passage, w.Live(r.ReceivedAt), ps.Remembered())
	}
	return out
}

func TestAddDoesNotAllocateInSteadyState(t *testing.T) {
	ps := NewPassages(Config{}, func([]Closed) {})
	reads := make([]schemas.Read, 512)
	for i := range reads {
		p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", i))
		reads[i] = schemas.Read{ID: readID(uint64(i)), Camera: "c", Plate: p, Class: p.Class()}
	}
	clock, i := t0, 0
	step := func() {
		r := &reads[i%len(reads)]
		i++
		clock += 200 * schemas.Millisecond
		r.CapturedAt, r.ReceivedAt = clock, clock
		ps.Advance(clock)
		ps.put(r, 7, int64(i))
	}
	for range 4096 {
		step()
	}
	if n := testing.AllocsPerRun(2000, step); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
}

// BenchmarkPassagesAdd compares Passages with the model, the first version of Passages. Each read belongs to a new
// vehicle and is seen twice within a second. The rates are a partition for a region, and a whole country in one
// partition.
func BenchmarkPassagesAdd(b *testing.B) {
	for _, rate := range []int{500, 7000} {
		cfg := Config{MaxPassages: 1 << 20}
		emit := func(*schemas.Passage) {}
		for _, c := range []struct {
			name string
			mem  func() memory
		}{{"passages", func() memory { return NewPassages(cfg, each(emit)) }}, {"model", func() memory { return newModel(cfg, emit) }}} {
			b.Run(fmt.Sprintf("rate=%d/%s", rate, c.name), func(b *testing.B) {
				t := turns{mem: c.mem(), step: schemas.Second / schemas.Micros(rate), second: rate / 2, reads: turnReads()}
				for range rate * 70 { // until as many are dropped as come
					t.add()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					t.add()
				}
			})
		}
	}
}

// turns feeds a memory with vehicles that each appear twice.
type turns struct {
	mem    memory
	reads  []schemas.Read
	step   schemas.Micros
	second int // reads later the vehicle is seen again
	n      int
}

// turnReads are reads of different vehicles, more than a memory keeps at once.
var turnReads = sync.OnceValue(func() []schemas.Read {
	reads := make([]schemas.Read, 1<<18)
	for i := range reads {
		p := schemas.MustPlate(fmt.Sprintf("%d%c%c%c%03d", 1+i%9, 'A'+i/9%26, 'A'+i/234%26, 'A'+i/6084%26, i%1000))
		reads[i] = schemas.Read{ID: readID(uint64(i)), Camera: "BRU-0001-front", Plate: p, Class: p.Class(), Confidence: 900, Speed: 430}
	}
	return reads
})

func (t *turns) add() {
	i := t.n / 2
	if t.n%2 == 1 {
		i = max(0, i-t.second/2)
	}
	r := &t.reads[i%len(t.reads)]
	now := t0 + schemas.Micros(t.n)*t.step
	r.CapturedAt, r.ReceivedAt = now, now
	t.n++
	t.mem.Advance(now)
	t.mem.put(r, 7, int64(t.n))
}

// TestPassagesAreDecidedTogether sends reads of many vehicles spread over seconds. Decisions come in bursts, one for
// each step of log time, and never early.
func TestPassagesAreDecidedTogether(t *testing.T) {
	last := map[schemas.PassageID]schemas.Micros{}
	bursts := map[schemas.Micros]int{}
	clock := schemas.Micros(1_800_000_000_000_000)
	cfg := Config{}.WithDefaults()
	ps := NewPassages(cfg, each(func(p *schemas.Passage) {
		bursts[clock/cfg.CloseStep]++
		if wait := clock - last[p.ID]; wait < cfg.CloseAfter || wait > cfg.CloseAfter+cfg.CloseStep+10*schemas.Millisecond {
			t.Errorf("decided %v after its read, want %v and at most a step more", wait, cfg.CloseAfter)
		}
	}))
	const reads, every = 1000, 10 * schemas.Millisecond
	for i := range reads {
		plate, ok := schemas.PlateFrom(fmt.Sprintf("1XYZ%03d", i))
		if !ok {
			t.Fatal("not a plate")
		}
		r := schemas.Read{Camera: "c", CapturedAt: clock, ReceivedAt: clock, Plate: plate, Class: plate.Class()}
		r.ID.ID[0], r.ID.ID[1] = byte(i), byte(i>>8)
		ps.Advance(clock)
		a := ps.put(&r, 1, int64(i))
		last[a.Passage] = clock
		clock += every
	}
	total := 0
	for _, n := range bursts {
		total += n
	}
	if span := int(reads * every / cfg.CloseStep); total < reads/3 || len(bursts) > span || len(bursts) < span/3 {
		t.Errorf("%d decisions at %d moments of %d steps", total, len(bursts), span)
	}
}
