package dedup

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// pair drives Passages and the model with the same input.
type pair struct {
	ps     *Passages
	m      *model
	got    []schemas.Passage // closed by Passages
	want   []schemas.Passage // closed by the model
	offset int64
	clock  schemas.Micros
}

func newPair(cfg Config) *pair {
	p := &pair{clock: t0}
	p.ps = NewPassages(cfg, func(closed []Closed) {
		for i := range closed {
			c := &closed[i]
			p.got = append(p.got, *named(c))
		}
	})
	p.m = newModel(cfg, func(c *schemas.Passage) { p.want = append(p.want, *c) })
	return p
}

// step is one record: the clock advances, then a read is added and a hit is marked, or neither.
type step struct {
	clock schemas.Micros // moves on by
	back  schemas.Micros // captured before the clock by
	plate uint8
	site  uint8
	conf  uint8
	speed uint8
	hit   uint8 // 0 = none
	says  uint8 // the facts in the read: country, kind, make, colour, picture, lane, two measures
	tick  bool
}

// testPlates holds more variants of one class than a passage keeps, and plates in other classes.
var testPlates = [...]string{"1ABC128", "1ABC12B", "IABC128", "1A8C128", "LABC12B", "IA8C12B", "2XYZ001", "2XYZOO1", "1AAA111", "1KLM453"}

func (s *step) read(clock schemas.Micros, offset int64) schemas.Read {
	plate := schemas.MustPlate(testPlates[int(s.plate)%len(testPlates)])
	r := schemas.Read{
		Camera: fmt.Sprintf("cam%d", s.site%4), CapturedAt: clock - s.back, ReceivedAt: clock, Plate: plate, Class: plate.Class(),
		Confidence: schemas.PerMille(s.conf % 4), Speed: schemas.Speed(s.speed % 4),
	}
	r.Camera = []string{"A", "BRU-0001-front", "C"}[s.conf%3]
	r.ID = readID(uint64(offset))
	say(&r, s.says, uint64(offset))
	return r
}

// say sets some facts of the read, with values from n.
func say(r *schemas.Read, which uint8, n uint64) {
	if which&1 != 0 {
		r.Country, r.CountryConfidence = schemas.Country{'A' + byte(n%26), 'B'}, schemas.PerMille(n%1001)
	}
	if which&2 != 0 {
		r.Kind = schemas.KindCar + schemas.VehicleKind(n%5)
	}
	if which&4 != 0 {
		r.Make = fmt.Sprint("make", n)
	}
	if which&8 != 0 {
		r.Colour = fmt.Sprint("colour", n)
	}
	if which&16 != 0 {
		r.Image = schemas.Sum{byte(n), byte(n >> 8), 1}
	}
	if which&32 != 0 {
		r.Lane, r.Direction = 1+uint8(n%32), schemas.Approaching+schemas.Direction(n%2)
	}
	if which&64 != 0 {
		r.Measures = append(r.Measures, schemas.Measure{Name: schemas.AmberTime, Value: int64(n % 2), Uncertainty: int64(n % 3)})
		r.MoreImages, r.ImageKinds = make([]schemas.Sum, 1), "second,scene"
	}
	if which&128 != 0 {
		r.Measures = append(r.Measures, schemas.Measure{Name: "new_thing_x", Value: 1}, schemas.Measure{Name: schemas.RedTime, Value: int64(n % 3), Device: fmt.Sprint(n % 2)})
	}
}

// run applies one step to both memories and reports a difference.
func (p *pair) run(s *step) error {
	p.clock += s.clock
	p.offset++
	r, site := s.read(p.clock, p.offset), uint64(s.site%3)
	if s.hit%2 == 0 { // prefetching changes nothing
		p.ps.Prefetch([]schemas.Class{r.Class, {}}, []uint64{site, site})
	}
	p.ps.Advance(p.clock)
	p.m.Advance(p.clock)
	if s.tick && s.says%2 == 1 {
		p.ps.Doubt(r.Class, site, r.CapturedAt)
		p.m.Doubt(r.Class, site, r.CapturedAt)
	}
	if !s.tick {
		a, b := p.ps.put(&r, site, p.offset), p.m.put(&r, site, p.offset)
		x := b
		if x.slot = a.slot; x != a { // slots are numbered separately
			return fmt.Errorf("Add gives %+v, the model %+v", a, b)
		}
		if id := (schemas.HitID{ID: schemas.ID{s.hit}}); s.hit > 0 && p.ps.MarkHit(a, id) != p.m.MarkHit(b, id) {
			return fmt.Errorf("MarkHit of hit %d differs", s.hit)
		}
	}
	return p.same()
}

func (p *pair) same() error {
	if len(p.got) != len(p.want) {
		return fmt.Errorf("%d passages closed, the model closes %d", len(p.got), len(p.want))
	}
	for i := range p.got {
		if !reflect.DeepEqual(p.got[i], p.want[i]) {
			return fmt.Errorf("closes\n%+v\nthe model\n%+v", p.got[i], p.want[i])
		}
	}
	p.got, p.want = p.got[:0], p.want[:0]
	if p.ps.Open() != p.m.Open() || p.ps.Forced != p.m.Forced || p.ps.Stragglers != p.m.Stragglers {
		return fmt.Errorf("open, forced, stragglers %d %d %d, the model %d %d %d",
			p.ps.Open(), p.ps.Forced, p.ps.Stragglers, p.m.Open(), p.m.Forced, p.m.Stragglers)
	}
	if err := p.recalled(); err != nil {
		return err
	}
	at, ok := p.ps.NextClose()
	if wantAt, want := p.m.NextClose(); at != wantAt || ok != want {
		return fmt.Errorf("NextClose %v %v, the model %v %v", at, ok, wantAt, want)
	}
	return p.ps.sound()
}

// recalled compares Recall with the model's memory.
func (p *pair) recalled() error {
	type seen struct {
		passage schemas.PassageID
		read    schemas.ReadID
		plate   schemas.Plate
		decided bool
	}
	var got, want []seen
	p.ps.Recall(func(c schemas.Class, _ schemas.Micros) bool { return true }, func(v *Recalled) {
		got = append(got, seen{v.Added.Passage, v.Read.ID, v.Read.Plate, v.Decided})
	})
	var slots []*modelSlot
	for _, d := range p.m.due {
		if s := &p.m.slots[d.slot]; s.lo != never {
			slots = append(slots, s)
		}
	}
	slices.SortFunc(slots, func(a, b *modelSlot) int { return int(a.opened - b.opened) })
	for _, s := range slots {
		best := s.p
		if !s.closed {
			modelWhole(&best, s.seen)
		}
		for _, plate := range s.plates[:s.nplates] {
			want = append(want, seen{s.p.ID, best.Best.Read, plate, s.closed})
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("recalls\n%v\nthe model\n%v", got, want)
	}
	return nil
}

// sound checks that nothing is lost or kept twice: every slot has one deadline and is in one chain, and every body is
// open.
func (ps *Passages) sound() error {
	deadlines := ps.schedule.fresh.n + ps.schedule.kept.n + len(ps.schedule.later)
	chained, plates, reports := 0, 0, 0
	for _, e := range ps.table.entries {
		if e.head == 0 {
			continue
		}
		for i := e.head - 1; i >= 0; i = ps.slots.items[i].next {
			s := &ps.slots.items[i]
			chained++
			if s.far != 0 {
				plates++
			}
			for at := s.reported; at != 0; at = ps.reports.items[at-1].next {
				reports++
			}
		}
	}
	if live := ps.slots.liveCount(); live != deadlines || live != chained || live > ps.cfg.MaxPassages {
		return fmt.Errorf("%d slots, %d deadlines, %d in chains, at most %d", live, deadlines, chained, ps.cfg.MaxPassages)
	}
	lent := 0
	for i := range ps.bodies.items {
		if b := &ps.bodies.items[i]; b.lent != 0 {
			lent++
		}
	}
	if ps.extras.liveCount() != lent {
		return fmt.Errorf("%d extras for %d bodies", ps.extras.liveCount(), lent)
	}
	stated := 0
	for i := range ps.bodies.items {
		if b := &ps.bodies.items[i]; b.best.stated {
			stated++
		}
	}
	if ps.statements.liveCount() != stated {
		return fmt.Errorf("%d lists of statements for %d bodies", ps.statements.liveCount(), stated)
	}
	if n := ps.slots.liveCount() - ps.open; ps.lefts.liveCount() != n {
		return fmt.Errorf("%d lefts for %d decided passages", ps.lefts.liveCount(), n)
	}
	if ps.bodies.liveCount() != ps.open || ps.fars.liveCount() != plates || ps.reports.liveCount() != reports {
		return fmt.Errorf("%d bodies for %d open, %d far plates for %d, %d reports for %d",
			ps.bodies.liveCount(), ps.open, ps.fars.liveCount(), plates, ps.reports.liveCount(), reports)
	}
	return nil
}

// drawConfig draws small spans, so that few steps reach every limit.
func drawConfig(t *rapid.T) Config {
	seconds := func(name string, most int) schemas.Micros {
		return schemas.Micros(rapid.IntRange(1, most).Draw(t, name)) * schemas.Second
	}
	return Config{
		Gap: seconds("gap", 10), CloseAfter: seconds("close", 6), KeepClosed: seconds("keep", 20), ParkedAfter: seconds("parked", 30),
		ParkedSlot: seconds("slot", 60), MaxPassages: rapid.SampledFrom([]int{1, 2, 3, 5, 1000}).Draw(t, "max"), PassagesStart: 1,
		CloseStep: rapid.SampledFrom([]schemas.Micros{1, 300 * schemas.Millisecond, schemas.Second / 2, 2 * schemas.Second}).Draw(t, "step"),
	}
}

var drawStep = rapid.Custom(func(t *rapid.T) step {
	return step{
		clock: schemas.Micros(rapid.SampledFrom([]int{0, 0, 1, 200, 1000, 3000, 15_000}).Draw(t, "clock")) * schemas.Millisecond,
		back:  schemas.Micros(rapid.SampledFrom([]int{0, 0, 500, 3000, 20_000, -2000}).Draw(t, "back")) * schemas.Millisecond,
		plate: rapid.Uint8().Draw(t, "plate"), site: rapid.Uint8().Draw(t, "site"), conf: rapid.Uint8().Draw(t, "conf"),
		says: rapid.Uint8().Draw(t, "says"), speed: rapid.Uint8().Draw(t, "speed"), hit: uint8(rapid.IntRange(0, 3).Draw(t, "hit")), tick: rapid.IntRange(0, 9).Draw(t, "tick") == 0,
	}
})

// TestPassagesDoWhatTheModelDoes compares Passages with the model after every step: joins, closed passages with their
// order, stragglers, parked slots, early closing at the memory limit, capture times out of order. rapid prints the
// seed.
func TestPassagesDoWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(drawConfig(t))
		for i, s := range rapid.SliceOfN(drawStep, 1, 300).Draw(t, "steps") {
			if err := p.run(&s); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	})
}

// TestPassagesDoWhatTheModelDoesForLong makes the same comparison over runs long enough for tables to grow and shrink,
// with the default spans. Every kind of event must occur.
func TestPassagesDoWhatTheModelDoesForLong(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for trial, most := range []int{300, 1 << 18} {
		rng := rand.New(rand.NewPCG(seed, uint64(trial)))
		p := newPair(Config{MaxPassages: most, PassagesStart: 1})
		joined := map[Joined]int{}
		for i := range 60_000 {
			p.clock += schemas.Micros(rng.IntN(60)) * schemas.Millisecond
			p.offset++
			p.ps.Advance(p.clock)
			p.m.Advance(p.clock)
			n := rng.IntN(3000)
			if rng.IntN(4) == 0 {
				n = rng.IntN(20) // these are always in view
			}
			plate := schemas.MustPlate(fmt.Sprintf("%dA%cC%03d", n/1000, "B8"[rng.IntN(2)], n%1000))
			r := schemas.Read{
				Camera: "c", CapturedAt: p.clock - schemas.Micros(rng.IntN(6000))*schemas.Millisecond, ReceivedAt: p.clock, Plate: plate,
				Class: plate.Class(), Confidence: schemas.PerMille(rng.IntN(900)), Speed: schemas.Speed(rng.IntN(2) * rng.IntN(900)), ID: readID(uint64(i)),
			}
			say(&r, uint8(rng.IntN(256)), uint64(rng.IntN(100_000))) // more words than there is room for without forgetting
			a, b := p.ps.put(&r, 7, p.offset), p.m.put(&r, 7, p.offset)
			joined[a.Joined]++
			if a.Joined != b.Joined || a.Passage != b.Passage {
				t.Fatalf("record %d: Add gives %v %v, the model %v %v", i, a.Joined, a.Passage, b.Joined, b.Passage)
			}
			if i%1000 == 0 {
				if err := p.same(); err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
			}
		}
		if err := p.same(); err != nil {
			t.Fatal(err)
		}
		for j := JoinedNew; j <= JoinedMerged; j++ {
			if joined[j] == 0 && most > 300 {
				t.Errorf("no read joined as %d: nothing of it was tested", j)
			}
		}
		if p.ps.Stragglers == 0 || most == 300 && p.ps.Forced == 0 {
			t.Errorf("%d stragglers, %d closed early: too little was tested", p.ps.Stragglers, p.ps.Forced)
		}
		p.ps.Advance(p.clock + schemas.Hour)
		p.m.Advance(p.clock + schemas.Hour)
		if err := p.same(); err != nil || p.ps.slots.liveCount() != 0 {
			t.Fatalf("after an hour: %v, %d slots left", err, p.ps.slots.liveCount())
		}
	}
}

// memory is the common interface of Passages and the model.
type memory interface {
	Advance(clock schemas.Micros)
	put(r *schemas.Read, site uint64, offset int64) Added
	MarkHit(a Added, id schemas.HitID) bool
}

// answers runs the steps from an index on and returns the effect of each step.
func answers(steps []step, from int, start schemas.Micros, mem func(emit func(*schemas.Passage)) memory) []string {
	out := make([]string, len(steps))
	at := from
	m := mem(func(p *schemas.Passage) { out[at] += fmt.Sprintf("[closes %+v]", *p) })
	clock := start
	for ; at < len(steps); at++ {
		s := &steps[at]
		clock += s.clock
		m.Advance(clock)
		if s.tick {
			continue
		}
		r := s.read(clock, int64(at+1))
		a := m.put(&r, uint64(s.site%3), int64(at+1))
		out[at] += fmt.Sprint(a.Joined, a.Passage)
		if s.hit > 0 {
			out[at] += fmt.Sprint(m.MarkHit(a, schemas.HitID{ID: schemas.ID{s.hit}}))
		}
	}
	return out
}

// TestRebuiltPassagesAgreeWithTheModel starts Passages again a horizon before a cut, while the model never stops.
// After the cut both give the same answers.
func TestRebuiltPassagesAgreeWithTheModel(t *testing.T) {
	rebuilt := 0
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		// No early closing: a rebuild would not be exact, see the package comment.
		cfg.MaxPassages, cfg.RepeatSpan = 1<<18, schemas.Second
		steps := rapid.SliceOfN(drawStep, 100, 400).Draw(t, "steps")
		clocks := make([]schemas.Micros, len(steps)+1) // before each step
		clocks[0] = t0
		for i := range steps {
			steps[i].back = min(max(steps[i].back, 0), 3*schemas.Second)
			clocks[i+1] = clocks[i] + steps[i].clock
		}
		cut := rapid.IntRange(len(steps)/2, len(steps)-1).Draw(t, "cut")
		from := cut
		for from > 0 && clocks[from] > clocks[cut]-cfg.Horizon() {
			from--
		}
		if from > 0 {
			rebuilt++
		}
		want := answers(steps, 0, t0, func(emit func(*schemas.Passage)) memory { return newModel(cfg, emit) })
		got := answers(steps, from, clocks[from], func(emit func(*schemas.Passage)) memory { return NewPassages(cfg, each(emit)) })
		for i := cut; i < len(steps); i++ {
			if got[i] != want[i] {
				t.Fatalf("step %d, cut %d, rebuilt from %d:\n%s\nthe model:\n%s", i, cut, from, got[i], want[i])
			}
		}
	})
	if rebuilt == 0 {
		t.Error("the horizon covered every run, nothing was tested")
	}
}

// put is Add for a read whose camera nobody has numbered yet.
func (ps *Passages) put(r *schemas.Read, site uint64, offset int64) Added {
	return ps.Add(r, Origin{site, numberOf(r.Camera)}, offset)
}

// testCameras are the camera names in these tests, by number.
var testCameras = []string{""}

// numberOf returns the number of a camera name, and adds new names.
func numberOf(camera string) uint32 {
	n := slices.Index(testCameras, camera)
	if n < 0 {
		n = len(testCameras)
		testCameras = append(testCameras, camera)
	}
	return uint32(n)
}

// named fills in the passage's camera names, like a shard.
func named(c *Closed) *schemas.Passage {
	c.Best.Camera, c.Measured.Camera = testCameras[c.BestCamera], testCameras[c.MeasuredCamera]
	return &c.Passage
}
