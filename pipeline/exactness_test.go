package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/dedup"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// faults decides at each step whether something goes wrong: a crash of the worker, a stall longer than its session (it
// becomes a zombie), an error that passes. A nil rng never does.
type faults struct {
	mu       sync.Mutex
	rng      *rand.Rand
	kill     context.CancelFunc
	crash    int // one in so many steps; 0 never
	trouble  int
	unfenced bool          // mutant: commits of stale generations are accepted
	crashes  *atomic.Int64 // of all workers of the run
	ctx      context.Context
}

func (f *faults) intn(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rng.IntN(n)
}

func (f *faults) at(string) error {
	f.mu.Lock()
	crash := f.crash > 0 && f.rng.IntN(f.crash) == 0
	trouble := f.trouble > 0 && f.rng.IntN(f.trouble) == 0
	if crash && f.ctx.Err() == nil {
		f.crashes.Add(1)
	}
	f.mu.Unlock()
	if crash {
		f.kill()
	}
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if trouble {
		return errTransient
	}
	return nil
}

func pauseErr(ctx context.Context, ms int) error {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func tickRecord(at schemas.Micros) []byte {
	b, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
	if err != nil {
		panic(err)
	}
	return b
}

// simRegistry is reference data: one site of two cameras, one polluting car, one listed plate.
type simRegistry struct {
	cams  map[string]*schemas.Camera
	entry schemas.ListEntry
}

func newSimRegistry() *simRegistry {
	from, _ := schemas.ParseDay("2015-01-01")
	lane := schemas.Lane{Limits: []schemas.SpeedLimit{{Limit: 500, Surround: "built_up", LegalBasis: "test", Verified: true}}}
	r := &simRegistry{cams: map[string]*schemas.Camera{}}
	for i, id := range []string{"front", "rear"} {
		r.cams[id] = &schemas.Camera{
			ID: id, Index: uint32(i), Site: "s", SiteHash: 7, InsideLEZ: true, AllowedLateness: schemas.Minute,
			Purposes: schemas.PurposeLEZ | schemas.PurposeSpeed | schemas.PurposeHotlist, Lanes: []schemas.Lane{lane},
			Certificates: []schemas.Certificate{{Serial: "x", Approval: "y", ValidFrom: from.Start(), ValidTo: from.AddMonths(600).Start()}},
		}
	}
	r.entry = schemas.ListEntry{List: "stolen", ID: "1", Plate: schemas.MustPlate("1ABC128"), Reason: "theft", Confusable: true}
	return r
}

func (r *simRegistry) Version() string { return "sim" }
func (r *simRegistry) Camera(id string) (*schemas.Camera, bool) {
	c, ok := r.cams[id]
	return c, ok
}

func (r *simRegistry) Vehicle(p schemas.Plate, _ schemas.Country, _ schemas.Micros) (schemas.Vehicle, bool) {
	v := schemas.Vehicle{Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Petrol, Euro: schemas.Euro6}
	if p.At(p.Len()-1) == '1' {
		v.Fuel, v.Euro = schemas.Diesel, schemas.Euro4
	}
	return v, true
}
func (r *simRegistry) RegisterAsOf(schemas.Country) (schemas.Micros, bool) { return 1 << 60, true }
func (r *simRegistry) Exemption(schemas.Plate, schemas.Family, schemas.Day) (schemas.Exemption, bool) {
	return schemas.Exemption{}, false
}
func (r *simRegistry) DayPass(schemas.Plate, schemas.Day) bool { return false }
func (r *simRegistry) Registration(schemas.Plate, schemas.Country, schemas.Day) (schemas.Registration, bool) {
	return schemas.Registration{}, false
}

func (r *simRegistry) Entries(dst []*schemas.ListEntry, c schemas.Class, _ schemas.Micros) []*schemas.ListEntry {
	if c == r.entry.Plate.Class() {
		dst = append(dst, &r.entry)
	}
	return dst
}

// fill writes a seeded day to the log: passings with several reads, variants, retransmissions, parked cars, late reads,
// rejects, all ending with a tick that closes what is open.
func fill(l *simLog, rng *rand.Rand, n int) {
	plates := []string{"1ABC128", "1ABC12B", "1ABC121", "2XYZ001", "2XYZOO1", "1AAA111", "1KLM453", "1PQR777"}
	parts := len(l.records)
	clock := schemas.MicrosOf(time.Now())
	var sent []*anprv1.PlateRead
	for i := range n {
		clock += schemas.Micros(rng.IntN(400)) * schemas.Millisecond
		m := &anprv1.PlateRead{
			CameraId: []string{"front", "rear"}[rng.IntN(2)], CapturedAtUs: int64(clock) - int64(rng.IntN(3_000_000)), ReceivedAtUs: int64(clock),
			RawPlate: plates[rng.IntN(len(plates))], Country: "BE", ConfidencePm: uint32(800 + rng.IntN(200)), CountryConfidencePm: 990,
			SpeedDkmh: uint32(400 + rng.IntN(250)), CameraEventId: strconv.Itoa(i),
		}
		switch rng.IntN(25) {
		case 0:
			m.CameraId = "nobody"
		case 1:
			m.CapturedAtUs = 1
		case 2, 3:
			if len(sent) > 20 {
				m = proto.Clone(sent[len(sent)-1-rng.IntN(20)]).(*anprv1.PlateRead)
				m.ReceivedAtUs = int64(clock)
			}
		}
		sent = append(sent, m)
		value, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		if rng.IntN(50) == 0 {
			value = value[:len(value)/2]
		}
		p, _ := schemas.PlateFrom(m.GetRawPlate())
		l.append(int32(schemas.Partition(p.Class(), "", parts)), value)
	}
	for p := range parts {
		l.append(int32(p), tickRecord(clock+30*schemas.Second))
		l.append(int32(p), tickRecord(clock+60*schemas.Second))
	}
}

type simRun struct {
	tables  *simTables
	topics  *simTopics
	crashes atomic.Int64
	workers int
	stuck   bool // not done after maxWorkers workers
}

const maxWorkers = 500

var simEngine = sync.OnceValue(func() *rules.Engine {
	c, err := rules.Load(rules.Brussels())
	if err != nil {
		panic(err)
	}
	return rules.New(c)
})

// simulate works through the seed's log under faults, with a new worker after each crash, until all is committed. A
// crashed worker may be left running for a while as a zombie.
func simulate(t *testing.T, seed uint64, mutate func(*faults)) *simRun {
	t.Helper()
	run := &simRun{tables: newSimTables(), topics: &simTopics{seen: map[string]int{}}}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)))
		log := newSimLog(2)
		fill(log, rand.New(rand.NewPCG(seed, 1)), 3000)
		rng := rand.New(rand.NewPCG(seed, 2))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		run.topics.ctx = ctx
		var all sync.WaitGroup
		for !log.done() {
			if run.workers++; run.workers > maxWorkers {
				run.stuck = true
				break
			}
			life, kill := context.WithCancel(ctx)
			f := &faults{rng: rand.New(rand.NewPCG(seed, uint64(run.workers)+10)), kill: kill, ctx: life, crashes: &run.crashes}
			if mutate != nil {
				mutate(f)
			}
			worker := New(Config{
				Partitions: 2, Group: &simGroup{log: log, faults: f, member: life}, Sink: &simSink{run.tables, f}, State: &simSink{run.tables, f},
				Publisher: run.topics, World: func() World { return World{newSimRegistry(), simEngine()} }, Dedup: dedup.Config{RepeatIDs: 1 << 12},
				BatchRows: 150, Linger: 20 * time.Millisecond, TickAfter: time.Hour, Logger: zerolog.Nop(), Metrics: NewMetrics(prometheus.NewRegistry()),
			})
			ended := make(chan struct{})
			all.Go(func() {
				defer close(ended)
				if err := worker.Run(life); err != nil && life.Err() == nil {
					t.Errorf("seed %d: worker: %v", seed, err)
					cancel()
				}
			})
			limit := time.Duration(20+rng.IntN(600)) * time.Millisecond // beyond it the next worker starts beside this one
			for deadline := time.Now().Add(limit); !log.done() && time.Now().Before(deadline) && life.Err() == nil; {
				time.Sleep(10 * time.Millisecond)
			}
			if rng.IntN(3) > 0 || log.done() {
				kill()
				<-ended
			}
			if ctx.Err() != nil {
				break
			}
		}
		cancel()
		all.Wait()
	})
	return run
}

// undisturbed is the reference: the same log without faults.
func undisturbed(t *testing.T, seed uint64) *simRun { return simulate(t, seed, nil) }

// differences compares all tables but the ledger, whose ranges depend on timing.
func differences(want, got *simRun) (out []string) {
	for _, table := range simOrder[:len(simOrder)-1] {
		w, g := slices.Clone(want.tables.rows[table]), slices.Clone(got.tables.rows[table])
		slices.Sort(w)
		slices.Sort(g)
		if slices.Equal(w, g) {
			continue
		}
		out = append(out, fmt.Sprintf("%s: want %d rows, got %d", table, len(w), len(g)))
	}
	return out
}

func seeds(t *testing.T) []uint64 {
	n := 12
	if s := os.Getenv("ANPR_SIM_SEEDS"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal("ANPR_SIM_SEEDS: ", err)
		}
		n = v
	}
	if s := os.Getenv("ANPR_SIM_SEED"); s != "" {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal("ANPR_SIM_SEED: ", err)
		}
		return []uint64{v}
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

func TestCrashesChangeNothing(t *testing.T) {
	crashes, repeats := 0, 0
	for _, seed := range seeds(t) {
		want := undisturbed(t, seed)
		for _, table := range []string{"reads", "passages", "merges", "rejects", "hits", "offences"} {
			if len(want.tables.rows[table]) == 0 {
				t.Fatalf("seed %d: the undisturbed run has no %s: nothing would be tested", seed, table)
			}
		}
		got := simulate(t, seed, func(f *faults) { f.crash, f.trouble = 40, 15 })
		if d := differences(want, got); d != nil || got.stuck {
			t.Errorf("seed %d (%d crashes, %d workers): %v\nreplay: ANPR_SIM_SEED=%d go test ./pipeline -run CrashesChangeNothing", seed, got.crashes.Load(), got.workers, d, seed)
		}
		for id := range want.topics.seen {
			if got.topics.seen[id] == 0 {
				t.Errorf("seed %d: %s never published", seed, id)
			}
		}
		if len(got.topics.seen) != len(want.topics.seen) {
			t.Errorf("seed %d: %d distinct messages published, want %d", seed, len(got.topics.seen), len(want.topics.seen))
		}
		crashes, repeats = crashes+int(got.crashes.Load()), repeats+got.tables.repeat
	}
	t.Logf("%d crashes, %d repeated blocks dropped by their token", crashes, repeats)
	if crashes < 20 || repeats == 0 {
		t.Errorf("%d crashes and %d repeats are too few to prove anything", crashes, repeats)
	}
}

// TestHarnessCatchesAMissingFence checks the test itself: without the generation check duplicates or losses must appear.
func TestHarnessCatchesAMissingFence(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		want := undisturbed(t, seed)
		got := simulate(t, seed, func(f *faults) { f.crash, f.trouble, f.unfenced = 2000, 15, true })
		if got.stuck || differences(want, got) != nil {
			return
		}
	}
	t.Error("40 seeds without fencing gave the right tables: the harness does not see the fence")
}
