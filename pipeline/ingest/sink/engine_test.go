package sink

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestInsertsConvergeThoughTheEngineIsKilled kills the engine with SIGKILL while four partitions insert, twice, and
// wants every range to be there exactly once in the end.
func TestInsertsConvergeThoughTheEngineIsKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	engineCfg := embedded.ClickHouseConfig{DataDir: t.TempDir(), NativeAddr: "127.0.0.1:0", Users: testkit.HarnessUsers(), MaxMemory: 1 << 30}
	start := func() *embedded.ClickHouseEngine {
		t.Helper()
		e, err := embedded.StartClickHouse(ctx, engineCfg)
		if err != nil {
			t.Fatal(err)
		}
		engineCfg.NativeAddr = e.NativeAddr()
		return e
	}
	e := start()
	cfg := Config{ClickHouse: platform.ClickHouse{Addr: e.NativeAddr(), Database: "anpr"}, Breaker: hasty}
	if err := platform.Migrate(ctx, cfg.ClickHouse, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	c, err := NewClickHouse(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	const partitions, ranges = 4, 60
	var done atomic.Int64
	third := make(chan struct{}, 2)
	errs := make([]error, partitions)
	var wg sync.WaitGroup
	for p := range errs {
		wg.Go(func() {
			var at int64
			for range ranges {
				b := newBatch(at)
				b.rg.Partition = int32(p)
				b.addEveryKind(march + schemas.Micros(p)*schemas.Hour) // ids of its own: equal rows replace one another
				at = b.rg.End
				if errs[p] = b.insertInto(ctx, c); errs[p] != nil {
					return
				}
				if n := done.Add(1); n == partitions*ranges/3 || n == 2*partitions*ranges/3 {
					third <- struct{}{}
				}
			}
		})
	}
	for range 2 {
		select {
		case <-third:
		case <-ctx.Done():
			t.Fatal("the inserts did not get on: ", ctx.Err())
		}
		if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-e.Done()
		e = start()
	}
	wg.Wait()
	defer func() {
		if err := e.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	conn, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for table, want := range map[string]uint64{
		"reads": 1, "passages": 1, "merges": 1, "rejects": 1, "hits": 1, "decisions": 2,
		"offences": 1, "batches": 1,
	} {
		if got := rowsOf(t, conn, table); got != want*partitions*ranges {
			t.Errorf("%s has %d rows without FINAL, want %d", table, got, want*partitions*ranges)
		}
	}
}
