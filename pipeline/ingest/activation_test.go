package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// announced are the activations of a simulated run, in order, with the places that owners recorded. It is the topic: it
// outlives every worker.
type announced struct {
	instants []schemas.Micros
	versions map[string]*shard.Versions // by activation

	mu     sync.Mutex // guards places and errs
	places map[string]int64
	errs   []string
}

var otherVersions = sync.OnceValue(func() map[string]*shard.Versions {
	out := map[string]*shard.Versions{"": simVersions()}
	for i := range 2 {
		files := fstest.MapFS{}
		names, err := fs.Glob(rules.Brussels(), "*.yaml")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(rules.Brussels(), name)
			if err != nil {
				panic(err)
			}
			files[name] = &fstest.MapFile{Data: fmt.Appendf(text, "\n# catalogue %d\n", i)}
		}
		catalogue, err := rules.Load(files)
		if err != nil {
			panic(err)
		}
		r := simRegistered()
		out[fmt.Sprint("a", i)] = &shard.Versions{Reference: r, Engine: rules.NewEngine(catalogue, slices.Collect(maps.Values(r.cams)), sitePairs{})}
	}
	if len(out) != 3 || out["a0"].Names() == out[""].Names() || out["a0"].Names() == out["a1"].Names() {
		panic("the catalogues have one name")
	}
	return out
})

func placeKey(p int32, id string) string { return fmt.Sprintf("%d %s", p, id) }

func (a *announced) next(p int32, after string) (Activation, bool) {
	i := 0
	if after != "" {
		_, _ = fmt.Sscanf(after, "a%d", &i)
		i++
	}
	if i >= len(a.instants) {
		return Activation{}, false
	}
	next := Activation{ID: fmt.Sprint("a", i), Instant: a.instants[i], Offset: -1}
	if place, ok := a.places[placeKey(p, next.ID)]; ok {
		next.Offset = place
	}
	return next, true
}

// simActivations is one worker's view of them. Recording is a step at which anything may happen.
type simActivations struct {
	*announced
	w *simWorker
}

func (a *simActivations) Await(context.Context, time.Time) error { return nil }

func (a *simActivations) Resume(p int32, offset int64, planned string) (string, error) {
	if a.w.sim.mut.forgetsPlace {
		return "", nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		next, ok := a.next(p, planned)
		if !ok || next.Offset < 0 || next.Offset > offset {
			return planned, nil
		}
		planned = next.ID
	}
}

func (a *simActivations) Next(p int32, after string) (Activation, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	next, ok := a.next(p, after)
	if a.w.sim.mut.forgetsPlace {
		next.Offset = -1
	}
	return next, ok
}

func (a *simActivations) Versions(_ context.Context, id string) (shard.Versions, error) {
	return *a.versions[id], nil
}

func (a *simActivations) Record(ctx context.Context, p int32, id string, offset int64) error {
	a.mu.Lock()
	_, known := a.places[placeKey(p, id)]
	a.mu.Unlock()
	if known {
		return nil
	}
	return a.w.sim.s.awaitOp(ctx, a.w, opCommit, fmt.Sprintf("w%d p%d %s begins at %d", a.w.id, p, id, offset), func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if before, known := a.places[placeKey(p, id)]; known && before != offset {
			a.errs = append(a.errs, fmt.Sprintf("partition %d begins with %s at %d and at %d", p, id, before, offset))
		}
		a.places[placeKey(p, id)] = offset
		return nil
	})
}

// runActivations runs the seed's log with activations two and five minutes after its beginning. clock is what every
// worker's clock shows.
func runActivations(t *testing.T, seed uint64, prof profile, mut mutation, clock schemas.Micros) (*sim, *announced) {
	t.Helper()
	a := &announced{
		instants: []schemas.Micros{simStart + 2*schemas.Minute, simStart + 5*schemas.Minute}, versions: otherVersions(), places: map[string]int64{},
	}
	m := runSim(t, seed, prof, func(m *sim) {
		m.mut = mut
		m.config = func(c *Config) {
			c.Activations = &simActivations{a, c.Group.(*simGroup).w}
			c.now = func() time.Time { return clock.Time() }
		}
	})
	m.bad = append(m.bad, a.errs...)
	return m, a
}

// choose returns the versions for a record by the rule alone: the first record with which the log's time is past the
// instant, record by record. clock is what the workers' clocks showed.
func (a *announced) choose(clock schemas.Micros) func(*shard.Shard, int32, *shard.Records) *shard.Versions {
	now := map[int32]string{}
	return func(sh *shard.Shard, p int32, one *shard.Records) *shard.Versions {
		none := announced{instants: a.instants}
		for {
			next, ok := none.next(p, now[p])
			if !ok || clock < next.Instant || sh.FirstPast(a.versions[now[p]], one, 0, 1, next.Instant) == 1 {
				return a.versions[now[p]]
			}
			now[p] = next.ID
		}
	}
}

// Every partition changes its catalogue at the record that the log alone determines, whatever crashes, stalls, owners
// and cuts: the rows equal those of an undisturbed reading of the log, seal by seal, and the places recorded are those
// of the reading. With clocks far ahead the owners also write marks, which count like records.
func TestAnActivationBeginsAtTheSameRecordWhateverHappens(t *testing.T) {
	const each = 2
	begun, marks := 0, 0
	for seed := range uint64(each * len(profiles)) {
		clock := simStart + 5*schemas.Minute // no mark is due for the second
		if seed >= uint64(len(profiles)) {
			clock += schemas.Hour
		}
		m, a := runActivations(t, 1000+seed, profiles[seed%uint64(len(profiles))], mutation{}, clock)
		if faults := simReference(m.log, a.choose(clock)).faultsOf(m); len(faults) > 0 {
			t.Errorf("seed %d: %s", 1000+seed, strings.Join(faults, "; "))
		}
		begun += len(a.places)
		for p := range m.log.parts {
			for _, v := range m.log.parts[p].values {
				if strings.Contains(string(v), schemas.FormatMark) {
					marks++
				}
			}
		}
	}
	if begun < 60 || marks == 0 {
		t.Errorf("%d places and %d marks: too little was tried", begun, marks)
	}
}

// An owner that does not know where its partition changed decides otherwise, and the comparison sees it.
func TestTheComparisonSeesAForgottenPlace(t *testing.T) {
	clock := simStart + 5*schemas.Minute
	for seed := range uint64(20) {
		m, a := runActivations(t, 2000+seed, profile{workers: 2, crash: 40}, mutation{name: "forgets the place", forgetsPlace: true}, clock)
		if len(simReference(m.log, a.choose(clock)).faultsOf(m)) > 0 {
			return
		}
	}
	t.Error("20 runs without the place, and nothing was noticed")
}

// While a worker's own clock has not reached the instant, no record of a gateway whose clock is ahead begins it.
func TestAClockAheadDoesNotBeginAnActivation(t *testing.T) {
	m, a := runActivations(t, 7, profile{workers: 2}, mutation{}, simStart+2*schemas.Minute-1)
	if len(a.places) > 0 {
		t.Errorf("begun: %v", a.places)
	}
	if faults := simReference(m.log, a.choose(0)).faultsOf(m); len(faults) > 0 {
		t.Error(strings.Join(faults, "; "))
	}
}

var errGone = errors.New("the content is not there")

// missing is a run in which no worker can load the first activation's content for a while.
type missing struct {
	*simActivations
	there func() bool
}

func (a missing) Versions(ctx context.Context, id string) (shard.Versions, error) {
	if id != "" && !a.there() {
		return shard.Versions{}, fmt.Errorf("%w: %w", ErrStop, errGone)
	}
	return a.simActivations.Versions(ctx, id)
}

// A partition whose next catalogue cannot be had stores what comes before it and stands there, and goes on by itself
// when the content has come.
func TestAPartitionStandsAtAnActivationWithoutContent(t *testing.T) {
	clock := simStart + 5*schemas.Minute
	a := &announced{instants: []schemas.Micros{simStart + 2*schemas.Minute}, versions: otherVersions(), places: map[string]int64{}}
	var there bool
	stood := map[int32]int64{}
	m := runSim(t, 11, profile{workers: 2}, func(m *sim) {
		m.config = func(c *Config) {
			c.ParkedAsk = 500 * time.Millisecond
			c.Activations = missing{&simActivations{a, c.Group.(*simGroup).w}, func() bool { a.mu.Lock(); defer a.mu.Unlock(); return there }}
			c.now = func() time.Time { return clock.Time() }
		}
		m.s.executeAfter(time.Minute, "content comes", func() {
			for p, c := range m.log.committed {
				stood[p] = c.offset
			}
			a.mu.Lock()
			there = true
			a.mu.Unlock()
		})
		m.more = func() bool { return !there }
	})
	if faults := simReference(m.log, a.choose(clock)).faultsOf(m); len(faults) > 0 {
		t.Error(strings.Join(faults, "; "))
	}
	for p := range m.log.parts {
		if place, ok := a.places[placeKey(int32(p), "a0")]; !ok || stood[int32(p)] != place {
			t.Errorf("partition %d stood at offset %d, the activation begins at %d (%t)", p, stood[int32(p)], place, ok)
		}
	}
}
