package delivery

import (
	"context"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// TestAnOutageOfTheDatabaseChangesNothing stops and kills the engine under load: consumption pauses, the log holds the
// backlog, and the same worker goes on when the engine is back.
func TestAnOutageOfTheDatabaseChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine := startEngine(t, dir, "127.0.0.1:0", "")
	addr, http := engine.NativeAddr(), engine.HTTPAddr()
	t.Cleanup(func() { stopEngine(t, engine) })
	if err := testkit.Exec(t.Context(), addr, "CREATE DATABASE outage"); err != nil {
		t.Fatal(err)
	}
	u := newUniverseOn(t, readsInLog/2, addr, "outage")
	u.fault, u.struck = "F03 ClickHouse stopped, then killed, under load", 2
	rng := rand.New(rand.NewPCG(u.seed, 5))
	j := u.job
	j.BatchRows = 60
	p := start(t, j)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, end := range []func(){
		func() { stopEngine(t, engine) },
		func() {
			if err := syscall.Kill(-engine.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-engine.Done()
		},
	} {
		u.send(rng, 0.3*float64(i+1))
		if _, ok := p.await(ctx, func(e event) bool { return e.step == afterInsert }); !ok {
			t.Fatalf("the worker does nothing: %v\n%s", p.err, p.log.tail())
		}
		end()
		u.send(rng, 0.3*float64(i+1)+0.05)
		opened := p.waitForOpenings(ctx, p.openings()+1)
		before, _ := u.committed(j.Group)
		u.send(rng, 0.3*float64(i+1)+0.1)
		p.waitForOpenings(ctx, opened+1) // the worker tried the engine in vain once more
		if after, _ := u.committed(j.Group); after != before {
			t.Errorf("offsets went from %v to %v while the engine was down", before, after)
		}
		engine = startEngine(t, dir, addr, http)
	}
	u.send(rng, 1)
	u.drained(j.Group, func(time.Duration) error { return p.alive() })
	p.stop()
	u.verify()
}

// openings counts how often the worker's circuit breaker opened.
func (p *process) openings() int { return strings.Count(p.log.all(), `"to":"open"`) }

// waitForOpenings returns how often the breaker opened when that is at least n.
func (p *process) waitForOpenings(ctx context.Context, n int) int {
	p.t.Helper()
	for {
		if have := p.openings(); have >= n {
			return have
		}
		if err := p.alive(); err != nil || ctx.Err() != nil {
			p.t.Fatalf("the circuit breaker did not open: %v %v\n%s", err, ctx.Err(), p.log.tail())
		}
		poll(ctx)
	}
}

// tmpfs is the type of the small disks (TMPFS_MAGIC of statfs(2)).
const tmpfs = 0x01021994

func startEngine(t *testing.T, dir, native, http string) *embedded.ClickHouseEngine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// On a full disk the engine runs as `anpr up` runs it, with fsync.
	var fs syscall.Statfs_t
	small := syscall.Statfs(dir, &fs) == nil && fs.Type == tmpfs
	e, err := embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{DataDir: dir, NativeAddr: native, HTTPAddr: http, Users: testkit.HarnessUsers(), MaxMemory: 1 << 30, Fsync: small})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func stopEngine(t *testing.T, e *embedded.ClickHouseEngine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	if err := e.Stop(ctx); err != nil {
		t.Error(err)
	}
}
