package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// readyz returns the status and the text of a machine's readiness.
func readyz(t *testing.T, ops string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ops+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func awaitReadyz(t *testing.T, ops string, want int, part string) {
	t.Helper()
	var code int
	var text string
	for range 300 {
		if code, text = readyz(t, ops); code == want && strings.Contains(text, part) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("/readyz: %d %s, want %d with %q", code, text, want, part)
}

// TestAPostgresThatIsDeadShutsTheOfficeAlone kills the server and keeps it from starting again: cameras are served
// and reads are stored, the office says that it is not ready, and is ready by itself when the server can start.
func TestAPostgresThatIsDeadShutsTheOfficeAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: 1, Rate: 50, Seed: 1}, Out: &bytes.Buffer{}, Log: zerolog.Nop()}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := h.Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	ops := h.Machine.Config.OpsAddr
	awaitReadyz(t, ops, http.StatusOK, "")
	cluster := filepath.Join(dir, "postgres", "data")
	version := filepath.Join(cluster, "PG_VERSION")
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(version, []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitReadyz(t, ops, http.StatusServiceUnavailable, "postgres")
	if err := errors.Join(h.SendTraffic(t.Context()), h.WaitUntilProcessed(t.Context())); err != nil {
		t.Errorf("gateway or pipeline stopped with PostgreSQL: %v", err)
	}
	if err := os.WriteFile(version, []byte("18\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	awaitReadyz(t, ops, http.StatusOK, "")
}

// TestAnotherPostgresIsUsedInsteadOfTheEmbeddedOne runs the office of one machine on the server of another.
func TestAnotherPostgresIsUsedInsteadOfTheEmbeddedOne(t *testing.T) {
	passwords := embedded.NewPostgresPasswords()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{
		DataDir: filepath.Join(t.TempDir(), "postgres"), Addr: "127.0.0.1:0", Passwords: passwords, Binary: "-", Progress: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(t.TempDir(), "data")
	f := flags.MachineFlags{EngineFlags: flags.EngineFlags{Data: dir}}
	f.Postgres = "postgres://" + string(embedded.PostgresOffice) + "@" + server.Addr() + "/anpr"
	f.PostgresPassword = passwords[embedded.PostgresOffice]
	f.FillPorts()
	cfg, err := f.Config(zerolog.Nop(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Engines.PostgresAddr != "" || !strings.Contains(cfg.Office.Postgres.URL, server.Addr()) {
		t.Errorf("embedded at %q, office at %s; want none, and the server named", cfg.Engines.PostgresAddr, cfg.Office.Postgres)
	}
	// Its tables are made by the owner of the database.
	m := migrateCmd{}
	m.Postgres, m.PostgresPassword = "postgres://"+string(embedded.PostgresMigrator)+"@"+server.Addr()+"/anpr", passwords[embedded.PostgresMigrator]
	p, err := m.PostgresDatabase()
	if err != nil {
		t.Fatal(err)
	}
	if err := platform.MigratePostgres(t.Context(), p, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	pool, err := cfg.Office.Postgres.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), "INSERT INTO pulse (n, at) VALUES (1, now())"); err != nil {
		t.Error(err)
	}
}

func TestAPasswordOfPostgresIsNeverOnTheCommandLine(t *testing.T) {
	for _, args := range [][]string{
		{"office", "--postgres-password=s3cr3t"},
		{"office", "--postgres-password", "s3cr3t"},
		{"up", "--postgres=postgres://u:s3cr3t@db.example/anpr"},
		{"up", "--postgres", "postgres://u:s3cr3t@db.example/anpr"},
		{"migrate", "--postgres=postgresql://u:s3cr3t@a,b/anpr"},
	} {
		code, out := captured(t, args...)
		if code != 2 || !strings.Contains(out, "ANPR_POSTGRES_PASSWORD") || strings.Contains(out, "s3cr3t") {
			t.Errorf("anpr %q: exit code %d\n%s", args, code, out)
		}
	}
	if err := flags.RefuseShownPassword("--postgres=postgres://anpr_office@db.example:5432/anpr"); err != nil {
		t.Error(err)
	}
}
