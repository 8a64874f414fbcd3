package sink

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// hasty settles retries for tests.
var hasty = Breaker{OpenFor: 5 * time.Millisecond, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond}

func TestLostAcknowledgementsDoNotCountTwice(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	addr, db := testkit.Database(t)
	p := newProxy(t, addr, func(p *proxy) {
		p.answer = func(int) int { // three of four connections break somewhere in an answer
			mu.Lock()
			defer mu.Unlock()
			if rnd.IntN(4) == 0 {
				return -1
			}
			return rnd.IntN(6000)
		}
	})
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: addr, Database: db}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	m := newGauged()
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: p.address(), Database: db}, Breaker: hasty, Metrics: m.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const ranges = 20
	var start int64
	for range ranges {
		b := newBatch(start)
		b.addEveryKind(march)
		start = b.rg.End
		if err := b.insertInto(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := platform.ClickHouse{Addr: addr, Database: db}.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for table, want := range map[string]uint64{
		"reads": ranges, "merges": ranges, "rejects": ranges, "decisions": 2 * ranges,
		"offences": ranges, "batches": ranges,
	} {
		if got := rowsOf(t, conn, table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
	if got := m.valueOf(t, "anpr_sink_insert_retries_total", causeConnection); got == 0 {
		t.Error("no connection broke: the test proved nothing")
	}
	if got := m.valueOf(t, "anpr_sink_inserts_waiting", ""); got != 0 {
		t.Errorf("%v inserts are still waiting", got)
	}
}

func TestInsertWaitsForTheServerAndThenStores(t *testing.T) {
	addr, db := testkit.Database(t)
	p := newProxy(t, addr, nil)
	p.refuse.Store(true)
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: addr, Database: db}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	m := newGauged()
	var opened atomic.Bool
	logger := zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, msg string) {
		if strings.HasPrefix(msg, "circuit breaker") {
			opened.Store(true)
			p.refuse.Store(false) // the server comes up when the breaker has opened
		}
	}))
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: p.address(), Database: db}, Breaker: hasty, Metrics: m.Metrics, Logger: logger})
	if err != nil {
		t.Fatalf("a server that is down at the start is not an error: %v", err)
	}
	defer c.Close()
	b := newBatch(0)
	b.addEveryKind(march)
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !opened.Load() {
		t.Error("the breaker never opened")
	}
	if got := m.valueOf(t, "anpr_sink_breaker_state", ""); got != 0 {
		t.Errorf("breaker state %v after success, want 0", got)
	}
	if got := m.valueOf(t, "anpr_sink_inserted_rows_total", "batches"); got != 1 {
		t.Errorf("%v ledger rows acknowledged, want 1", got)
	}
}

func TestInsertEndsWithItsContext(t *testing.T) {
	addr, db := testkit.Database(t)
	p := newProxy(t, addr, nil)
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: p.address(), Database: db}, Breaker: hasty})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, set := range map[string]func(bool){
		"server refuses": func(on bool) { p.refuse.Store(on); p.cutConns() },
		"server stalls":  func(on bool) { p.stall.Store(on); p.cutConns() },
	} {
		set(true)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		b := newBatch(0)
		b.addEveryKind(march)
		begin := time.Now()
		err := b.insertInto(ctx, c)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ingest.ErrStop) {
			t.Errorf("%s: error %v, want the context's", name, err)
		}
		if took := time.Since(begin); took > 20*time.Second { // InsertTimeout is 30 s
			t.Errorf("%s: Insert outlived its context by %s", name, took)
		}
		set(false)
	}
}

// A caller that gives up says nothing about the server, whatever the error it leaves behind: a partition taken away in
// the middle of a dial, a handshake or an insert opens no breaker for the partitions that stay.
func TestACallerThatGivesUpOpensNoBreaker(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	addr, db := testkit.Tables(t)
	p := newProxy(t, addr, nil)
	var said atomic.Int64
	logger := zerolog.New(io.Discard).Hook(zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, msg string) {
		if strings.HasPrefix(msg, "circuit breaker") {
			said.Add(1)
		}
	}))
	breaker := hasty
	breaker.Failures = 1
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: p.address(), Database: db}, Breaker: breaker, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20 {
		p.stall.Store(i%4 == 3) // new connections get no answer to their handshake
		var callers sync.WaitGroup
		for k := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Duration(rnd.IntN(25_000))*time.Microsecond, cancel)
			callers.Go(func() {
				b := newBatch(int64(1000*i + 100*k))
				b.addEveryKind(march)
				if err := b.insertInto(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		callers.Wait()
	}
	if n := said.Load(); n > 0 {
		t.Errorf("the breaker changed %d times, and every failure was a caller's", n)
	}
}

func TestAStalledServerIsLeftForANewConnection(t *testing.T) {
	addr, db := testkit.Database(t)
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: addr, Database: db}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, addr, func(p *proxy) {
		p.stall.Store(true)
		p.stalls = 2
	})
	m := newGauged()
	c, err := NewClickHouse(t.Context(), Config{
		ClickHouse: platform.ClickHouse{Addr: p.address(), Database: db, DialTimeout: 100 * time.Millisecond},
		Breaker:    hasty,
		Parallel:   1,
		Metrics:    m.Metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := newBatch(0)
	b.addEveryKind(march)
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := p.conns.Load(); got < 3 {
		t.Errorf("%d connections, want more than the 2 that hang", got)
	}
}

func TestErrorsThatNoRetryMendsStopAndSayWhatToDo(t *testing.T) {
	for _, tc := range []struct {
		name, statement, want string
	}{
		{"a missing table", "DROP TABLE %.offences SYNC", "run anpr migrate"},
		{"a missing column", "ALTER TABLE %.reads DROP COLUMN colour", "run anpr migrate"},
		{"a missing ledger", "DROP TABLE %.batches SYNC", "run anpr migrate"},
		{"a column of another type", "ALTER TABLE %.reads MODIFY COLUMN alternatives Array(UUID)", "run anpr migrate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := newMigratedSink(t, nil)
			sql := strings.ReplaceAll(tc.statement, "%", c.cfg.Database)
			if err := testkit.Exec(t.Context(), c.cfg.Addr, sql); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			b := newBatch(0)
			b.addEveryKind(march)
			err := b.insertInto(ctx, c)
			if !errors.Is(err, ingest.ErrStop) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that stops and says %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "1ABC") {
				t.Errorf("error %q names a plate", err)
			}
		})
	}
}

func TestNewClickHouseRefusesWhatCannotWork(t *testing.T) {
	addr, db := testkit.Database(t)
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"no address":         {Config{}, "host:port"},
		"no port":            {Config{ClickHouse: platform.ClickHouse{Addr: "127.0.0.1"}}, "host:port"},
		"an unknown user":    {Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db, User: "nobody"}}, "user and password"},
		"a missing database": {Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: "absent"}}, "run anpr migrate"},
		"pauses reversed":    {Config{ClickHouse: platform.ClickHouse{Addr: addr}, Breaker: Breaker{MinWait: time.Hour}}, "pause"},
	} {
		if _, err := NewClickHouse(t.Context(), tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

func TestSeveralAddressesAreTriedInTurn(t *testing.T) {
	addr, db := testkit.Database(t)
	p := newProxy(t, addr, nil)
	p.refuse.Store(true)
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: p.address() + ", " + addr, Database: db}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("the second address was not used: %v", err)
	}
}

func TestBackoffGrowsToItsBoundAndNoFurther(t *testing.T) {
	for try := range 100 {
		want := 2 * time.Second
		if try < 6 {
			want = 50 * time.Millisecond << try
		}
		for range 20 {
			if d := backoffPause(50*time.Millisecond, 2*time.Second, try); d < want/2 || d > want {
				t.Fatalf("pause %d is %s, want %s to %s", try, d, want/2, want)
			}
		}
	}
}

func TestSleepEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := pauseFor(t.Context(), 3*time.Second); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("slept %s, error %v, want 3s", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if err := pauseFor(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("slept %s, error %v, want 1s and the context's error", time.Since(begin), err)
		}
	})
}
