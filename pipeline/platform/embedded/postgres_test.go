package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// testPostgres is a downloaded server on a free port.
func testPostgres(dir string) PostgresConfig {
	return PostgresConfig{DataDir: dir, Addr: "127.0.0.1:0", Binary: "-", Passwords: NewPostgresPasswords(), Progress: os.Stderr}
}

// startPostgres starts a server that is stopped at the end of the test at the latest.
func startPostgres(t *testing.T, cfg PostgresConfig) *PostgresEngine {
	t.Helper()
	p, err := StartPostgres(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Log(err)
		}
	})
	return p
}

// logIn connects as an account, or returns the reason of the failure.
func logIn(ctx context.Context, addr string, account PostgresAccount, password string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@%s/anpr?sslmode=disable", account, password, addr))
}

// ask runs a statement as an account, on a new connection, and returns the first column of the first row.
func ask(t *testing.T, addr string, account PostgresAccount, password, statement string) (out string, err error) {
	t.Helper()
	conn, err := logIn(t.Context(), addr, account, password)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(t.Context()))) }()
	rows, err := conn.Query(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		if len(rows.FieldDescriptions()) > 0 {
			out = string(rows.RawValues()[0])
		}
	}
	return out, rows.Err()
}

func mustAsk(t *testing.T, addr string, account PostgresAccount, password, statement string) string {
	t.Helper()
	out, err := ask(t, addr, account, password, statement)
	if err != nil {
		t.Fatalf("%s as %s: %v", statement, account, err)
	}
	return out
}

func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

func TestPostgresKeepsItsDataAndTakesNewPasswords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postgres")
	cfg := testPostgres(dir)
	p := startPostgres(t, cfg)
	old := cfg.Passwords[PostgresMigrator]
	mustAsk(t, p.Addr(), PostgresMigrator, old, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (41), (42)")
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Errorf("after a stop in good order: %v", err)
	}
	cfg.Passwords = NewPostgresPasswords()
	p = startPostgres(t, cfg)
	if got := mustAsk(t, p.Addr(), PostgresMigrator, cfg.Passwords[PostgresMigrator], "SELECT sum(n) FROM kept"); got != "83" {
		t.Errorf("sum = %q, want 83", got)
	}
	if _, err := ask(t, p.Addr(), PostgresMigrator, old, "SELECT 1"); sqlState(err) != "28P01" {
		t.Errorf("the password of the start before: %v, want it refused", err)
	}
	if !strings.HasPrefix(p.Version(), "18.") || p.Kind() != "embedded" {
		t.Errorf("version %q, kind %q", p.Version(), p.Kind())
	}
}

func TestPostgresTrustsNobody(t *testing.T) {
	cfg := testPostgres(filepath.Join(t.TempDir(), "postgres"))
	p := startPostgres(t, cfg)
	for _, a := range append(PostgresAccounts(), accountsAccount, "postgres", "nobody") {
		for _, password := range []string{"", "postgres", "x"} {
			for _, db := range []string{"anpr", "postgres", "template1"} {
				conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", a, password, p.Addr(), db))
				if err == nil {
					_ = conn.Close(t.Context())
					t.Errorf("%s may log in to %s with the password %q", a, db, password)
				}
			}
		}
	}
	for _, a := range PostgresAccounts() {
		password := cfg.Passwords[a]
		if got := mustAsk(t, p.Addr(), a, password, "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication FROM pg_roles WHERE rolname = current_user"); got != "f" {
			t.Errorf("%s may do more than its job: %s", a, got)
		}
		for _, statement := range []string{
			"COPY (SELECT 1) TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')", "ALTER SYSTEM SET fsync = off", "ALTER ROLE postgres LOGIN",
			"SELECT rolpassword FROM pg_authid", "SET ROLE " + accountsAccount,
		} {
			if _, err := ask(t, p.Addr(), a, password, statement); sqlState(err) != "42501" {
				t.Errorf("%s: %s: %v, want it refused", a, statement, err)
			}
		}
		if a == PostgresMigrator {
			continue
		}
		if _, err := ask(t, p.Addr(), a, password, "CREATE TABLE mine (n int)"); sqlState(err) != "42501" {
			t.Errorf("%s makes tables: %v", a, err)
		}
	}
}

func TestPostgresFilesAreNobodyElses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postgres")
	startPostgres(t, testPostgres(dir))
	for path, want := range map[string]os.FileMode{"": 0o700, clusterDir: 0o700, passwordFile: 0o600, logFile: 0o600, clusterDir + "/postgresql.conf": 0o600, clusterDir + "/pg_hba.conf": 0o600} {
		st, err := os.Stat(filepath.Join(dir, path))
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", path, st.Mode(), err, want)
		}
	}
	hba, err := os.ReadFile(filepath.Join(dir, clusterDir, "pg_hba.conf"))
	if err != nil || strings.Contains(string(hba), "trust") {
		t.Errorf("pg_hba.conf: %v\n%s", err, hba)
	}
	if os.Geteuid() != 0 {
		return
	}
	st, err := os.Stat(filepath.Join(dir, clusterDir))
	if err != nil {
		t.Fatal(err)
	}
	uid := st.Sys().(*syscall.Stat_t).Uid
	if hasAccount(uid) || uid == 0 {
		t.Errorf("the server's files are of user id %d, which has an account", uid)
	}
	var running syscall.Stat_t
	if err := syscall.Stat("/proc/"+strconv.Itoa(readPID(dir)), &running); err != nil || running.Uid != uid {
		t.Errorf("the server runs under user id %d (%v), its files are of %d", running.Uid, err, uid)
	}
}
