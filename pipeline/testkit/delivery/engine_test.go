//go:build kafka || faults || soak

package delivery

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// ownEngine is an engine with a database for a single test, which may stop, kill and starve the engine.
type ownEngine struct {
	*embedded.ClickHouseEngine

	dir, addr, http string
}

func newEngine(t *testing.T, dir string) *ownEngine {
	t.Helper()
	e := startEngine(t, dir, "127.0.0.1:0", "")
	o := &ownEngine{e, dir, e.NativeAddr(), e.HTTPAddr()}
	t.Cleanup(func() { stopEngine(t, o.ClickHouseEngine) })
	if err := testkit.Exec(t.Context(), o.addr, "CREATE DATABASE faults"); err != nil {
		t.Fatal(err)
	}
	return o
}

// signal goes to the engine's process group.
func (o *ownEngine) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-o.PID(), sig); err != nil {
		t.Fatalf("signal %v to the engine: %v", sig, err)
	}
}

// longer scales a duration: short in CI, full length with ANPR_FAULTS=full.
func longer(t *testing.T, short, full time.Duration) time.Duration {
	t.Helper()
	if fullLength() {
		return full
	}
	t.Logf("shortened from %v to %v; %s=full does it at full length", full, short, envFaults)
	return short
}

// pass waits for d, unless the test ends.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
