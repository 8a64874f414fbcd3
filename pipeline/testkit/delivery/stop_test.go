//go:build faults

package delivery

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
)

// probe writes a row to a separate table.
func probe(ctx context.Context, addr string) error {
	err := testkit.Exec(ctx, addr, "CREATE TABLE IF NOT EXISTS faults.probe (a UInt8) ENGINE = MergeTree ORDER BY a")
	if err == nil {
		err = testkit.Exec(ctx, addr, "INSERT INTO faults.probe VALUES (1)")
	}
	return err
}

// TestTheDatabaseStandsStill stops the engine with SIGSTOP for longer than inserts and sessions last.
func TestTheDatabaseStandsStill(t *testing.T) {
	t.Parallel()
	stand := longer(t, 8*time.Second, 5*time.Minute)
	databaseFault(t, fmt.Sprintf("F17 ClickHouse stopped with SIGSTOP for %v, twice", stand), 2, func(ctx context.Context, e *ownEngine) {
		e.signal(t, syscall.SIGSTOP)
		pass(ctx, stand)
		e.signal(t, syscall.SIGCONT)
	})
}

// TestALongOutageOfTheDatabase keeps the engine down while the log grows.
func TestALongOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	away := longer(t, 10*time.Second, 10*time.Minute)
	databaseFault(t, fmt.Sprintf("F03 ClickHouse killed and down for %v", away), 1, func(ctx context.Context, e *ownEngine) {
		e.signal(t, syscall.SIGKILL)
		<-e.Done()
		pass(ctx, away)
		e.ClickHouseEngine = startEngine(t, e.dir, e.addr, e.http)
	})
}

// TestTheDatabaseIsKilledAgainAndAgain kills the engine at random moments under load.
func TestTheDatabaseIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(runSeed(), 51))
	databaseFault(t, "F03 ClickHouse killed at random moments", 8, func(ctx context.Context, e *ownEngine) {
		pass(ctx, time.Duration(rng.IntN(900))*time.Millisecond)
		e.signal(t, syscall.SIGKILL)
		<-e.Done()
		e.ClickHouseEngine = startEngine(t, e.dir, e.addr, e.http)
	})
}

// databaseFault runs two workers under a steady stream while strike disturbs a separate engine. The sessions are
// short, so a worker that waits for the engine without a heartbeat would lose its partitions, and must not.
func databaseFault(t *testing.T, name string, times int, strike func(context.Context, *ownEngine)) {
	databaseFaultIn(t, t.TempDir(), name, times, strike)
}

func databaseFaultIn(t *testing.T, dir, name string, times int, strike func(context.Context, *ownEngine)) {
	e := newEngine(t, dir)
	u := newUniverseOn(t, readsInLog, e.addr, "faults")
	u.fault = name
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	s := u.stream(ctx, 100)
	w := &team{u: u, j: u.job}
	w.j.BatchRows, w.j.InsertTimeout = 60, 3*time.Second
	w.grow(2)
	done := w.progress(ctx, s, "before the fault", 0)
	for range times {
		if s.sent.Load() < int64(len(u.records)) {
			u.struck++
		}
		strike(ctx, e)
		done = w.progress(ctx, s, "after the fault", done)
	}
	if u.struck == 0 {
		t.Error("no fault while there was work")
	}
	s.finish()
	w.rest()
	u.verify()
}

// TestRollingRestartWithAnotherCatalogue replaces two workers by two with another catalogue version, killing the
// first between insert and commit, in the middle of an insert and after its plan: the batch under way is finished
// by a worker of the new version. The versions say the same in other words, so all rows must equal those of an
// undisturbed worker but for the version they carry.
func TestRollingRestartWithAnotherCatalogue(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{
		"between insert and commit": {At: afterInsert, Nth: 3}, "in the middle of an insert": {At: insideInsert, Nth: 3, After: 3 * time.Millisecond},
		"after the plan": {At: afterPlan, Nth: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUniverse(t, readsInLog/2)
			u.fault, u.struck = "F17 rolling restart with another catalogue, the old worker killed "+name, 1
			rng := rand.New(rand.NewPCG(u.seed, 61))
			u.send(rng, 0.4)
			old := u.job
			old.BatchRows, old.Fault = 60, f
			old.Fault.Signal = syscall.SIGKILL
			u.dies(old)
			young := u.job
			young.Catalogue = otherCatalogue(t)
			p := start(t, young)
			other := start(t, u.job) // mixed versions: an old worker beside a new worker
			u.send(rng, 0.7)
			u.drained(u.job.Group, func(time.Duration) error { return p.alive() })
			other.stop()
			u.send(rng, 1)
			p.stop()
			u.finish(young)
			u.mixed = true
			u.versions()
			u.verify()
		})
	}
}

// otherCatalogue is the built-in catalogue with a comment more: another version with the same rules.
func otherCatalogue(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, rules.Brussels()); err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(os.DirFS(dir), "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalogue files: %v", err)
	}
	path := filepath.Join(dir, files[0])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "\n# the same in other words\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// versions checks that both versions decided something, and that every decision carries the version of its batch.
// Only the batch under way may hold rows of both, because the old worker's inserts stay.
func (u *universe) versions() {
	u.t.Helper()
	s := open(u.t, u.job)
	var versions, strange uint64
	s.numbers("SELECT uniqExact(catalogue_version) FROM batches", &versions)
	if versions != 2 {
		u.t.Errorf("batches of %d catalogue versions, want both", versions)
	}
	for _, table := range []string{"decisions", "offences"} {
		s.numbers(fmt.Sprintf(`SELECT uniqExact(kafka_partition, start_offset) FROM %s AS d JOIN batches AS b USING (kafka_partition)
			WHERE kafka_offset >= start_offset AND kafka_offset < end_offset AND d.catalogue_version != b.catalogue_version`, table), &strange)
		if strange > partitions { // the killed worker may have had a batch under way in each
			u.t.Errorf("%s: rows of %d batches carry another version than their batch, at most the %d that were under way may", table, strange, partitions)
		}
	}
}

// TestSIGTERMUnderLoad ends the only worker in good order while there is work, and measures how long it takes.
func TestAWorkerEndsInGoodOrderUnderLoad(t *testing.T) {
	t.Parallel()
	u := newUniverse(t, readsInLog)
	u.fault = "F17 worker told to end under load"
	rng := rand.New(rand.NewPCG(u.seed, 71))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var worst time.Duration
	for i := range 5 {
		u.send(rng, 0.2*float64(i+1))
		p := start(t, vary(u.job, rng))
		if _, ok := p.await(ctx, func(e event) bool { return e.step == afterCommit }); !ok {
			t.Fatalf("the worker does nothing: %v\n%s", p.err, p.log.tail())
		}
		began := time.Now()
		p.stop()
		worst = max(worst, time.Since(began))
		u.struck++
	}
	u.detail = fmt.Sprintf("ended within %v (target 30 s)", worst.Round(time.Millisecond))
	if worst > 30*time.Second {
		t.Errorf("a worker took %v to end, want at most 30 s", worst)
	}
	u.finish(u.job)
	u.verify()
}
