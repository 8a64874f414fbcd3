//go:build faults && linux

package delivery

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// TestAFullDiskOfPostgresLosesNothingAndNamesTheCure fills the disk under commits, keeps the disk full over restarts, and frees the disk: what
// was committed is there, and the server comes back by itself.
func TestAFullDiskOfPostgresLosesNothingAndNamesTheCure(t *testing.T) {
	disk := smallDisk(t, 200, 0)
	cfg := embedded.PostgresConfig{DataDir: filepath.Join(disk, "postgres"), Addr: "127.0.0.1:0", Binary: "-", Passwords: embedded.NewPostgresPasswords(), Fsync: true}
	first, err := embedded.StartPostgres(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr = first.Addr()
	kept := embedded.Supervise(t.Context(), first, embedded.Supervision[*embedded.PostgresEngine]{
		Name: "PostgreSQL", KeepTrying: true,
		Start: func(ctx context.Context) (*embedded.PostgresEngine, error) { return embedded.StartPostgres(ctx, cfg) },
	})
	defer func() { _ = kept.Stop(context.Background()) }()
	at := platform.NewPostgres(cfg.Addr, embedded.PostgresDatabase, string(embedded.PostgresMigrator), cfg.Passwords[embedded.PostgresMigrator])
	pool, err := at.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "CREATE TABLE kept (n bigint, filler text)"); err != nil {
		t.Fatal(err)
	}
	free := fill(t, disk, "ballast", 24<<20)
	committed, said := insertUntilFull(t, pool)
	log, err := os.ReadFile(filepath.Join(cfg.DataDir, "engine.log"))
	if err != nil {
		t.Fatal(err)
	}
	// A table cannot grow, and says so; or the server's own log cannot, and the server ends for it.
	if said = at.Explain(said); !strings.Contains(said.Error(), "free space") && !strings.Contains(string(log), "No space left on device") {
		t.Errorf("neither the refusal (%v) nor the log names the cause:\n%s", said, log)
	}
	rest := fill(t, disk, "ballast.rest", 0)
	// A start on the full disk says so too, whatever the server itself could still do.
	_ = kept.Current().Stop(t.Context())
	other := cfg
	other.DataDir = filepath.Join(disk, "another")
	if _, err := embedded.StartPostgres(t.Context(), other); err == nil || !strings.Contains(err.Error(), "disk is full") || !strings.Contains(err.Error(), embedded.FlagDataDir) {
		t.Errorf("a start on a full disk: %v, want that the disk is full, and the flag", err)
	}
	rest()
	free()
	var n int64
	for began := time.Now(); time.Since(began) < time.Minute; poll(t.Context()) {
		if err = pool.QueryRow(t.Context(), "SELECT count(DISTINCT n) FROM kept WHERE n <= $1", committed).Scan(&n); err == nil {
			break
		}
	}
	if err != nil || n != committed {
		t.Errorf("%d of %d committed rows are there: %v", n, committed, err)
	}
	if _, err := pool.Exec(t.Context(), "INSERT INTO kept VALUES (0, '')"); err != nil {
		t.Errorf("after the disk was freed: %v", err)
	}
}

// insertUntilFull commits rows 1, 2, ... until one is refused, and returns the last that was committed, and why.
func insertUntilFull(t *testing.T, pool *pgxpool.Pool) (committed int64, why error) {
	t.Helper()
	for n := int64(1); n < 100_000; n++ {
		if _, err := pool.Exec(t.Context(), "INSERT INTO kept SELECT $1, string_agg(md5(random()::text), '') FROM generate_series(1, 2000)", n); err != nil {
			return committed, err
		}
		committed = n
	}
	t.Fatal("the disk did not become full: this test tests nothing")
	return 0, nil
}
