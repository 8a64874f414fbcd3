// Package testkit gives tests of other packages a real ClickHouse engine and a Kafka-protocol broker. A package
// that uses testkit has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// because the engine runs in a child of the test binary. All tests of a binary share an engine. The engine starts
// with the first test that asks and stops after the last. Each test has a separate database.
package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// HarnessUsers returns a user "default" without a password, with the rights of a harness, for tests on made-up
// data. Such an engine is open to this machine. Like the roles, the user cannot reach out of the database.
func HarnessUsers() []embedded.EngineUser {
	return []embedded.EngineUser{embedded.HarnessUser("default", "")}
}

// shared is the engine of this test binary.
var shared struct {
	main   atomic.Bool // Main was called
	once   sync.Once
	dir    string
	engine *embedded.ClickHouseEngine
	err    error
	seq    atomic.Uint64
}

// Main is the body of TestMain: it runs the tests, or the engine in a child process, and does not return. After
// the tests, and before the engine stops, Main calls after.
func Main(m *testing.M, after ...func()) {
	embedded.MaybeRunEngineChild()
	shared.main.Store(true)
	code := m.Run()
	for _, f := range after {
		f()
	}
	if err := stopEngine(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func stopEngine() error {
	err := stopPostgres()
	if shared.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = errors.Join(err, shared.engine.Stop(ctx))
	}
	if shared.dir != "" {
		err = errors.Join(err, os.RemoveAll(shared.dir))
	}
	return err
}

func startEngine() {
	shared.dir, shared.err = os.MkdirTemp("", "anpr-testkit-")
	if shared.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // the first use downloads the engine
	defer cancel()
	shared.engine, shared.err = embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{
		DataDir:    filepath.Join(shared.dir, "clickhouse"),
		NativeAddr: "127.0.0.1:0",
		Users:      HarnessUsers(),
		MaxMemory:  2 << 30,
		Progress:   os.Stderr,
	})
}

// ClickHouse returns the engine of this test binary and starts it on the first call. A failed start ends the test.
func ClickHouse(tb testing.TB) *embedded.ClickHouseEngine {
	tb.Helper()
	if !shared.main.Load() {
		tb.Fatal("testkit: this package needs func TestMain(m *testing.M) { testkit.Main(m) }")
	}
	shared.once.Do(startEngine)
	if shared.err != nil {
		tb.Fatal("testkit: ", shared.err)
	}
	if err := shared.engine.Err(); err != nil {
		tb.Fatal("testkit: ", err)
	}
	return shared.engine
}

// Database creates an empty database for this test, dropped when the test ends, and returns the native address and the
// database's name. The user is "default", without password.
func Database(tb testing.TB) (addr, db string) {
	tb.Helper()
	addr = ClickHouse(tb).NativeAddr()
	db = fmt.Sprintf("test_%d_%d", os.Getpid(), shared.seq.Add(1))
	if err := Exec(context.Background(), addr, "CREATE DATABASE "+db); err != nil {
		tb.Fatal("testkit: ", err)
	}
	tb.Cleanup(func() {
		if err := Exec(context.Background(), addr, "DROP DATABASE "+db+" SYNC"); err != nil {
			tb.Error("testkit: ", err)
		}
	})
	return addr, db
}

// Exec runs one statement that returns no rows, waiting at most 30 s.
func Exec(ctx context.Context, addr, statement string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := ch.Dial(ctx, ch.Options{Address: addr})
	if err != nil {
		return fmt.Errorf("connect to ClickHouse: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.Do(ctx, ch.Query{Body: statement}); err != nil {
		return fmt.Errorf("%.80s: %w", statement, err)
	}
	return nil
}

// Broker starts a broker with these topics (partitions by name) in a temporary directory, closed when the test
// ends, and returns its address.
func Broker(tb testing.TB, topics map[string]int) (addr string) {
	tb.Helper()
	b, err := embedded.StartBroker(embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: tb.TempDir(), Topics: topics})
	if err != nil {
		tb.Fatal("testkit: ", err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error("testkit: ", err)
		}
	})
	return b.Addr()
}
