package recovery_test

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Tables of every kind that a migration may make: references, an append-only log, a generated column, an identity,
// partitions, odd names.
var oddTables = []string{
	"CREATE TABLE zone (id text PRIMARY KEY, name text)",
	"CREATE TABLE a_case (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, zone text NOT NULL REFERENCES zone, of bigint REFERENCES a_case, doubled bigint GENERATED ALWAYS AS (id * 2) STORED, raw bytea, at timestamptz, \"Odd \"\"name\" text)",
	"CREATE TABLE a_log (seq bigserial PRIMARY KEY, text text)",
	"CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON a_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
	"CREATE TABLE part (n int PRIMARY KEY) PARTITION BY RANGE (n)",
	"CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10)",
	"CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (10) TO (20)",
	"CREATE TABLE keyless (v float8)",
}

var oddRows = []string{
	"INSERT INTO zone VALUES ('1000', 'Brussel \\ Bruxelles'), ('1050', E'tab\\there\\nline'), ('1070', NULL)",
	"INSERT INTO a_case (zone, of, raw, at, \"Odd \"\"name\") VALUES ('1050', NULL, '\\xdeadbeef', '2026-11-28 23:59:59.123456+01', '\\.'), ('1000', 1, NULL, 'infinity', '')",
	"INSERT INTO a_log (text) SELECT 'entry ' || n FROM generate_series(1, 500) n",
	"INSERT INTO part VALUES (1), (11)", "INSERT INTO keyless VALUES (0.1), ('NaN'), (1e300)",
}

func execAll(t *testing.T, p platform.Postgres, statements ...string) error {
	t.Helper()
	pool, err := p.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, s := range statements {
		if _, err := pool.Exec(t.Context(), s); err != nil {
			return err
		}
	}
	return nil
}

// owned is a database of the odd tables, as its owner.
func owned(t *testing.T) platform.Postgres {
	t.Helper()
	p := testkit.PostgresAs(testkit.StartPostgres(t), embedded.PostgresMigrator)
	if err := execAll(t, p, oddTables...); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPostgresComesBackFromItsBackupRowForRow(t *testing.T) {
	from, path := owned(t), filepath.Join(t.TempDir(), "b.zip")
	if err := execAll(t, from, oddRows...); err != nil {
		t.Fatal(err)
	}
	made, err := recovery.BackUpPostgres(t.Context(), testkit.PostgresAs(from, embedded.PostgresBackup), path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want nothing for others", st.Mode(), err)
	}
	if _, err := recovery.VerifyPostgresBackup(path); err != nil {
		t.Error(err)
	}
	to := owned(t)
	if err := execAll(t, to, "INSERT INTO zone VALUES ('9999', 'goes')"); err != nil {
		t.Fatal(err)
	}
	back, err := recovery.RestorePostgres(t.Context(), to, path, false)
	if err != nil {
		t.Fatal(err)
	}
	if back.Rows() != made.Rows() || back.Rows() < 510 {
		t.Errorf("%d rows back of %d", back.Rows(), made.Rows())
	}
	if err := recovery.ComparePostgres(t.Context(), to, made); err != nil {
		t.Error(err)
	}
	// The restored database works: numbers go on, generated values are there, the log is still append-only.
	if err := execAll(t, to, "INSERT INTO a_log (text) VALUES ('next')", "INSERT INTO a_case (zone) VALUES ('1000')"); err != nil {
		t.Errorf("after the restore: %v", err)
	}
	pool, err := to.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var seq, id, doubled int64
	if err := pool.QueryRow(t.Context(), "SELECT (SELECT max(seq) FROM a_log), max(id), max(doubled) FROM a_case").Scan(&seq, &id, &doubled); err != nil || seq != 501 || id != 3 || doubled != 6 {
		t.Errorf("log at %d, case %d, doubled %d, %v; want 501, 3, 6", seq, id, doubled, err)
	}
	if err := execAll(t, to, "DELETE FROM a_log"); err == nil {
		t.Error("the log is not append-only after the restore")
	}
	if err := recovery.ComparePostgres(t.Context(), to, made); err == nil || !strings.Contains(err.Error(), "public.a_log") || !strings.Contains(err.Error(), "public.a_case") || strings.Contains(err.Error(), "public.zone") {
		t.Errorf("a database that went on: %v, want both changed tables and no other", err)
	}
}

func TestABackupOfPostgresIsOneMoment(t *testing.T) {
	from, dir := owned(t), t.TempDir()
	pool, err := from.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	stop, done := context.WithCancel(t.Context())
	writing := make(chan error, 1)
	go func() { // each transaction adds a row to two tables
		for n := 1; stop.Err() == nil; n++ {
			tx, err := pool.Begin(t.Context())
			if err == nil {
				_, err = tx.Exec(t.Context(), "INSERT INTO a_log (text) VALUES ('x')")
			}
			if err == nil {
				_, err = tx.Exec(t.Context(), "INSERT INTO keyless VALUES (1)")
			}
			if err == nil {
				err = tx.Commit(t.Context())
			}
			if err != nil {
				writing <- err
				return
			}
		}
		writing <- nil
	}()
	for n := range 5 {
		m, err := recovery.BackUpPostgres(t.Context(), testkit.PostgresAs(from, embedded.PostgresBackup), filepath.Join(dir, string(rune('a'+n))))
		if err != nil {
			t.Fatal(err)
		}
		rows := map[string]int64{}
		for _, table := range m.Tables {
			rows[table.Name] = table.Rows
		}
		if rows["public.a_log"] != rows["public.keyless"] {
			t.Errorf("%d rows in one table and %d in the other: not one moment", rows["public.a_log"], rows["public.keyless"])
		}
	}
	done()
	if err := <-writing; err != nil {
		t.Fatal(err)
	}
}

func TestARestoreOfPostgresIsAllOrNothing(t *testing.T) {
	from, dir := owned(t), t.TempDir()
	if err := execAll(t, from, oddRows...); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "b.zip")
	if _, err := recovery.BackUpPostgres(t.Context(), testkit.PostgresAs(from, embedded.PostgresBackup), path); err != nil {
		t.Fatal(err)
	}
	used := owned(t)
	if err := execAll(t, used, "INSERT INTO pulse VALUES (1, now())", "INSERT INTO zone VALUES ('mine', '')"); err != nil {
		t.Fatal(err)
	}
	ahead := owned(t)
	if err := execAll(t, ahead, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (12345, true)"); err != nil {
		t.Fatal(err)
	}
	fewer := testkit.PostgresAs(testkit.StartPostgres(t), embedded.PostgresMigrator)
	cut := filepath.Join(dir, "cut.zip")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		to   platform.Postgres
		path string
		want string
	}{
		"an office has worked on it": {used, path, "--replace"},
		"other migrations":           {ahead, path, "12345"},
		"tables are missing":         {fewer, path, "public."},
		"half a file":                {used, cut, "no whole backup"},
		"a row was changed":          {owned(t), changeEntry(t, path, "tables/public.zone.copy", "Brussel", "Bruksel"), "public.zone"},
		"no such file":               {used, filepath.Join(dir, "nowhere"), "nowhere"},
	} {
		if _, err := recovery.RestorePostgres(t.Context(), c.to, c.path, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := recovery.VerifyPostgresBackup(changeEntry(t, path, "tables/public.a_log.copy", "entry 7\n", "entry 8\n")); err == nil || !strings.Contains(err.Error(), "public.a_log") {
		t.Errorf("a changed backup verifies: %v", err)
	}
	if err := execAll(t, used, "INSERT INTO zone VALUES ('mine', '')"); err == nil {
		t.Error("a refused restore removed a row")
	}
	if _, err := recovery.BackUpPostgres(t.Context(), testkit.PostgresAs(from, embedded.PostgresBackup), path); err == nil {
		t.Error("a backup replaced another")
	}
	office, err := used.Open(t.Context(), "office-test", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := office.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := recovery.RestorePostgres(t.Context(), used, path, true); err == nil || !strings.Contains(err.Error(), "offices are open") {
		t.Errorf("under an office at work: %v", err)
	}
	office.Close()
	if _, err := recovery.RestorePostgres(t.Context(), used, path, true); err != nil {
		t.Errorf("with replace: %v", err)
	}
}

// changeEntry copies a backup with a changed entry.
func changeEntry(t *testing.T, path, entry, before, after string) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	out, err := os.Create(filepath.Join(t.TempDir(), "changed.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	w := zip.NewWriter(out)
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == entry {
			if !strings.Contains(string(text), before) {
				t.Fatalf("%s has no %q: this test tests nothing", entry, before)
			}
			text = []byte(strings.Replace(string(text), before, after, 1))
		}
		e, err := w.Create(f.Name)
		if err == nil {
			_, err = e.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}
