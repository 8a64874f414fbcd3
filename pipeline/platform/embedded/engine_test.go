package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sys/unix"
)

func startEngine(t testing.TB, cfg ClickHouseConfig) *ClickHouseEngine {
	t.Helper()
	c, err := StartClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = c.Stop(ctx) // tests of Stop check the result themselves
	})
	return c
}

func dial(t testing.TB, opt ch.Options) *ch.Client {
	t.Helper()
	conn, err := ch.Dial(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a failed query has closed the connection
	return conn
}

func exec1(t testing.TB, conn *ch.Client, statement string) {
	t.Helper()
	if err := conn.Do(t.Context(), ch.Query{Body: statement}); err != nil {
		t.Fatalf("%.100s: %v", statement, err)
	}
}

// one returns the single number that a query answers; the query must cast it to UInt64.
func one(t testing.TB, conn *ch.Client, query string) uint64 {
	t.Helper()
	var n proto.ColUInt64
	err := conn.Do(t.Context(), ch.Query{Body: query, Result: proto.Results{{Data: &n}}})
	if err != nil {
		t.Fatalf("%.100s: %v", query, err)
	}
	if n.Rows() != 1 {
		t.Fatalf("%.100s: %d rows, want 1", query, n.Rows())
	}
	return n.Row(0)
}

// insertNumbers inserts the range [from, to) under a token.
func insertNumbers(ctx context.Context, conn *ch.Client, table, token string, from, to int) error {
	var col proto.ColUInt64
	for n := from; n < to; n++ {
		col.Append(uint64(n))
	}
	return conn.Do(ctx, ch.Query{
		Body: "INSERT INTO " + table + " (n) VALUES", Input: proto.Input{{Name: "n", Data: &col}},
		Settings: []ch.Setting{ch.SettingInt("insert_deduplicate", 1), {Key: "insert_deduplication_token", Value: token, Important: true}},
	})
}

const crashRows = 1000 // rows of an insert

// crashLog is the knowledge of a client in the crash test: the number of acknowledged blocks, and for each block the
// attempt in the insert token. A dying engine may have noted the token of a block and then lost the block. The repeat
// needs a new token, as in package sink (plan.go, lookUp).
type crashLog struct {
	acked int
	lives []int
}

// insert inserts the i-th block under the block's token.
func (l *crashLog) insert(ctx context.Context, conn *ch.Client, i int) error {
	for len(l.lives) <= i {
		l.lives = append(l.lives, 1)
	}
	return insertNumbers(ctx, conn, "kept.t", fmt.Sprint("token ", i, "/", l.lives[i]), i*crashRows, (i+1)*crashRows)
}

// check compares the rows after a crash with the acknowledgements. All acknowledged rows are there, and the insert
// under way may be there, once.
func (l *crashLog) check(t *testing.T, conn *ch.Client) {
	t.Helper()
	switch count := one(t, conn, "SELECT count() FROM kept.t"); {
	case count == uint64((l.acked+1)*crashRows):
	case count != uint64(l.acked*crashRows):
		t.Fatalf("%d rows, want %d or one insert more", count, l.acked*crashRows)
	case l.acked < len(l.lives): // the insert under way is missing
		l.lives[l.acked]++
	}
}

// untilKilled inserts from the first unacknowledged block until the engine is gone, and kills the engine's parent after
// enough inserts.
func (l *crashLog) untilKilled(t *testing.T, p *process, conn *ch.Client, enough int) {
	t.Helper()
	for {
		if l.insert(t.Context(), conn, l.acked) != nil {
			p.kill()
			return
		}
		l.acked++
		if enough--; enough == 0 {
			go p.kill() // in the middle of the following inserts
		}
	}
}

func TestEngineKeepsEverythingItAcknowledgedThroughKill(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	var l crashLog
	for round := range 4 {
		p := startProcess(t, "engine", dir)
		conn := dial(t, ch.Options{Address: p.first})
		if round == 0 {
			exec1(t, conn, "CREATE DATABASE kept")
			exec1(t, conn, `CREATE TABLE kept.t (n UInt64) ENGINE = ReplacingMergeTree ORDER BY n
				SETTINGS non_replicated_deduplication_window = 1000`)
		}
		l.check(t, conn)
		l.untilKilled(t, p, conn, 3+rng.IntN(20)) // the first repeats the insert that the crash left undecided
		awaitGone(t, dir)
	}
	c := startEngine(t, testConfig(dir))
	conn := dial(t, ch.Options{Address: c.NativeAddr()})
	l.check(t, conn)
	for i := range l.acked + 1 { // every token is remembered
		if err := l.insert(t.Context(), conn, i); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{"SELECT count() FROM kept.t", "SELECT uniqExact(n) FROM kept.t"} {
		if got, want := one(t, conn, query), uint64((l.acked+1)*crashRows); got != want {
			t.Errorf("%s: %d after repeating all inserts, want %d", query, got, want)
		}
	}
	t.Logf("%d inserts of %d rows over 4 kills", l.acked, crashRows)
}

// awaitGone waits for the end of a killed process's engine: until then the engine holds the lock of the directory.
func awaitGone(t *testing.T, dir string) {
	t.Helper()
	lock, err := lockDir(t.Context(), dir, lockFile, 10*time.Second)
	if err != nil {
		t.Fatalf("the engine outlived its parent by 10 s: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStopEndsTheEngineInGoodOrder(t *testing.T) {
	c := startEngine(t, testConfig(t.TempDir()))
	if c.Kind() != modeLibrary || !strings.HasPrefix(c.Version(), "26.7.") {
		t.Errorf("engine %s %s, want library 26.7.*", c.Kind(), c.Version())
	}
	if err := c.Err(); err != nil {
		t.Errorf("Err of a running engine: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 2 {
		if err := c.Stop(ctx); err != nil {
			t.Fatalf("stop: %v", err)
		}
	}
	select {
	case <-c.Done():
	default:
		t.Error("Done is not closed after Stop")
	}
	var d net.Dialer
	if conn, err := d.DialContext(ctx, "tcp", c.NativeAddr()); err == nil {
		_ = conn.Close()
		t.Errorf("%s still answers", c.NativeAddr())
	}
}

func TestStopEndsAnEngineThatDoesNotListen(t *testing.T) {
	c := startEngine(t, testConfig(t.TempDir()))
	if err := unix.Kill(c.PID(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// on a loaded machine the stop takes effect a moment later, and the engine would end in good order
	for state := "R"; state != "T"; {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.PID()))
		if err != nil {
			break // no /proc on this system
		}
		_, after, _ := strings.Cut(string(text), ") ")
		state = after[:1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := c.Stop(ctx)
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("stop said %v, want that it took SIGKILL", err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("Done is not closed after Stop")
	}
}

func TestUnexpectedDeathIsReported(t *testing.T) {
	cfg := testConfig(t.TempDir())
	c := startEngine(t, cfg)
	if err := unix.Kill(c.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("Done is not closed 20 s after the engine was killed")
	}
	err := c.Err()
	if err == nil || !strings.Contains(err.Error(), "died") || !strings.Contains(err.Error(), filepath.Join(cfg.DataDir, logFile)) {
		t.Errorf("Err = %v, want that the engine died, and its log", err)
	}
}

func TestEngineSaysWhatIsWrong(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	running := filepath.Join(dir, "running")
	startEngine(t, testConfig(running))
	garbage := filepath.Join(dir, "garbage.so")
	if err := os.WriteFile(garbage, []byte("\x7fELF, but no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*ClickHouseConfig)
		want   []string
	}{
		"native port in use": {func(c *ClickHouseConfig) { c.NativeAddr = l.Addr().String() }, []string{"port " + taken, "in use", FlagNative}},
		"HTTP port in use":   {func(c *ClickHouseConfig) { c.HTTPAddr = l.Addr().String() }, []string{"port " + taken, "in use", FlagHTTP}},
		"two hosts":          {func(c *ClickHouseConfig) { c.HTTPAddr = "127.0.0.2:0" }, []string{"one host", FlagNative, FlagHTTP}},
		"open to the network": {
			func(c *ClickHouseConfig) { c.NativeAddr, c.HTTPAddr = "0.0.0.0:0", "0.0.0.0:0" },
			[]string{"without a password"},
		},
		"directory occupied": {func(c *ClickHouseConfig) { c.DataDir, c.patience = running, time.Millisecond }, []string{"another engine", running, FlagDataDir}},
		"directory a file":   {func(c *ClickHouseConfig) { c.DataDir = garbage }, []string{garbage, FlagDataDir}},
		"no directory":       {func(c *ClickHouseConfig) { c.DataDir = "" }, []string{FlagDataDir}},
		"library damaged":    {func(c *ClickHouseConfig) { c.library = garbage }, []string{"damaged", envCache, garbage}},
		"no such binary":     {func(c *ClickHouseConfig) { c.Binary = filepath.Join(dir, "missing") }, []string{"missing", "no such file"}},
		"user without password": {
			func(c *ClickHouseConfig) { c.Users = []EngineUser{{Name: "a"}} },
			[]string{`"a"`, "no password"},
		},
		"user of the engine":  {func(c *ClickHouseConfig) { c.Users = []EngineUser{{Name: "default", Password: "x"}} }, []string{`"default"`, "reserved"}},
		"no user":             {func(c *ClickHouseConfig) { c.Users = nil }, []string{"no users"}},
		"user name is markup": {func(c *ClickHouseConfig) { c.Users = []EngineUser{{Name: "a/><b", Password: "x"}} }, []string{"letters"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(filepath.Join(t.TempDir(), "data"))
			c.change(&cfg)
			e, err := StartClickHouse(t.Context(), cfg)
			if err == nil {
				_ = e.Stop(t.Context())
				t.Fatal("started, want an error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
}

func TestErrorsOfTheDiskNameTheWayOut(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{unix.ENOSPC, "disk is full"},
		{unix.EDQUOT, "disk is full"},
		{unix.EROFS, "cannot be written"},
		{unix.EACCES, "cannot be written"},
	} {
		got := dirError(&os.PathError{Op: "write", Path: "d", Err: c.err}, "d", FlagDataDir)
		if !strings.Contains(got.Error(), c.want) || !strings.Contains(got.Error(), FlagDataDir) || !errors.Is(got, c.err) {
			t.Errorf("%v: %q, want %q and %s", c.err, got, c.want, FlagDataDir)
		}
	}
}

// The library's own handling of such clients ends the process; see stdinAsTerminal.
func TestEngineOutlivesClientsThatMisbehave(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.HTTPAddr = "127.0.0.1:0"
	cfg.Users = []EngineUser{{Name: "writer", Password: "w", Grants: []string{"GRANT SELECT ON system.numbers"}}}
	c := startEngine(t, cfg)
	send := func(addr string, bytes []byte, reset bool) {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(bytes); err != nil {
			t.Fatal(err)
		}
		if reset {
			if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.Close()
	}
	good := ch.Options{Address: c.NativeAddr(), User: "writer", Password: "w"}
	for name, misbehave := range map[string]func(){
		"wrong password": func() {
			if conn, err := ch.Dial(t.Context(), ch.Options{Address: c.NativeAddr(), User: "writer", Password: "no"}); err == nil {
				_ = conn.Close()
				t.Error("a wrong password was accepted")
			}
		},
		"the engine's own user": func() {
			if conn, err := ch.Dial(t.Context(), ch.Options{Address: c.NativeAddr()}); err == nil {
				if err := conn.Do(t.Context(), ch.Query{Body: "SELECT 1"}); err == nil {
					t.Error("somebody else is the user that the engine starts as")
				}
				_ = conn.Close()
			}
		},
		"HTTP on the native port":   func() { send(c.NativeAddr(), []byte("GET / HTTP/1.1\r\n\r\n"), false) },
		"reset during the greeting": func() { send(c.NativeAddr(), []byte{0, 3, 'a'}, true) },
		"reset during an HTTP answer": func() {
			send(c.HTTPAddr(), []byte("GET /?user=writer&password=w&query=SELECT+number+FROM+numbers(1000000) HTTP/1.1\r\nHost: localhost\r\n\r\n"), true)
		},
		"cancelled query": func() {
			conn, err := ch.Dial(t.Context(), good)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var n proto.ColUInt64
			err = conn.Do(ctx, ch.Query{
				Body: "SELECT number FROM system.numbers", Result: proto.Results{{Name: "number", Data: &n}},
				OnResult: func(context.Context, proto.Block) error { cancel(); return nil },
			})
			if err == nil {
				t.Error("an endless query ended by itself")
			}
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				misbehave()
			}
			if got := one(t, dial(t, good), "SELECT toUInt64(7)"); got != 7 {
				t.Errorf("the engine answers %d, want 7", got)
			}
			if err := c.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestServerBinaryIsRunLikeTheLibrary(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n" + roleEnv + "=server exec '" + os.Args[0] + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "clickhouse"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	cfg := testConfig(filepath.Join(dir, "data"))
	cfg.Binary = "" // found on PATH
	c := startEngine(t, cfg)
	if c.Kind() != modeServer {
		t.Errorf("kind %s, want %s", c.Kind(), modeServer)
	}
	conn := dial(t, ch.Options{Address: c.NativeAddr()})
	exec1(t, conn, "CREATE DATABASE d")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Fatalf("stop: %v", err)
	}
	again := startEngine(t, cfg) // needs the lock, so the server itself has ended
	if got := one(t, dial(t, ch.Options{Address: again.NativeAddr()}), "SELECT count() FROM system.databases WHERE name = 'd'"); got != 1 {
		t.Error("the database is gone after a restart")
	}
}

func TestEngineLogDoesNotQuoteQueries(t *testing.T) {
	cfg := testConfig(t.TempDir())
	c := startEngine(t, cfg)
	const plate = "1ABC123"
	for _, q := range []string{"SELECT toInt8('" + plate + "')", "SELECT '" + plate, "SELECT count() FROM numbers(5) WHERE toString(number) = '" + plate + "'"} {
		conn := dial(t, ch.Options{Address: c.NativeAddr()})
		_ = conn.Do(t.Context(), ch.Query{Body: q}) // two queries fail, and then the engine would log
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, logFile))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "--- start") || strings.Contains(string(text), plate) {
		t.Errorf("the log holds a plate, or is not the log:\n%s", text)
	}
}
