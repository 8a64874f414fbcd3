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

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// sharedPostgres is the server of this test binary.
var sharedPostgres struct {
	once      sync.Once
	dir       string
	server    *embedded.PostgresEngine
	passwords embedded.PostgresPasswords
	err       error
	seq       atomic.Uint64
}

// templateDatabase has all migrations; each test gets a copy.
const templateDatabase = "migrated"

// StartPostgres returns a migrated database of the real PostgreSQL for this test, with the office's account. The
// database is dropped when the test ends. All tests of a binary share a server, which starts with the first test
// that asks.
func StartPostgres(tb testing.TB) platform.Postgres {
	tb.Helper()
	s := PostgresServer(tb)
	name := fmt.Sprintf("test_%d", sharedPostgres.seq.Add(1))
	if err := s.CreateDatabase(tb.Context(), name, templateDatabase); err != nil {
		tb.Fatal("testkit: ", err)
	}
	tb.Cleanup(func() {
		if err := s.DropDatabase(context.Background(), name); err != nil {
			tb.Error("testkit: ", err)
		}
	})
	return postgresAs(name, embedded.PostgresOffice)
}

// PostgresAs returns the same database for another account.
func PostgresAs(p platform.Postgres, a embedded.PostgresAccount) platform.Postgres {
	return p.As(string(a), sharedPostgres.passwords[a])
}

// PostgresServer returns the server of this test binary and starts it on the first call. A failed start ends the
// test.
func PostgresServer(tb testing.TB) *embedded.PostgresEngine {
	tb.Helper()
	if !shared.main.Load() {
		tb.Fatal("testkit: this package needs func TestMain(m *testing.M) { testkit.Main(m) }")
	}
	sharedPostgres.once.Do(startPostgres)
	if sharedPostgres.err != nil {
		tb.Fatal("testkit: ", sharedPostgres.err)
	}
	if err := sharedPostgres.server.Err(); err != nil {
		tb.Fatal("testkit: ", err)
	}
	return sharedPostgres.server
}

func startPostgres() {
	s := &sharedPostgres
	if s.dir, s.err = os.MkdirTemp("", "anpr-testkit-pg-"); s.err != nil {
		return
	}
	s.passwords = embedded.NewPostgresPasswords()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // the first use downloads the server
	defer cancel()
	s.server, s.err = embedded.StartPostgres(ctx, embedded.PostgresConfig{
		DataDir: filepath.Join(s.dir, "postgres"), Addr: "127.0.0.1:0", Database: templateDatabase, Passwords: s.passwords, Binary: "-", Progress: os.Stderr,
	})
	if s.err == nil {
		s.err = platform.MigratePostgres(ctx, postgresAs(templateDatabase, embedded.PostgresMigrator), zerolog.Nop())
	}
}

func postgresAs(database string, a embedded.PostgresAccount) platform.Postgres {
	return platform.NewPostgres(sharedPostgres.server.Addr(), database, string(a), sharedPostgres.passwords[a])
}

func stopPostgres() (err error) {
	if sharedPostgres.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = sharedPostgres.server.Stop(ctx)
	}
	if sharedPostgres.dir != "" {
		err = errors.Join(err, os.RemoveAll(sharedPostgres.dir))
	}
	return err
}
