package platform_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestPostgresNeverPrintsItsPassword(t *testing.T) {
	const secret = "s3cr3t"
	for _, raw := range []string{
		"postgres://anpr_office:" + secret + "@db.example:5432/anpr", "postgresql://u:" + secret + "@127.0.0.1/anpr",
		"postgres://u:" + secret + "@a:1,b:2/anpr?sslmode=disable",
	} {
		p, err := platform.ParsePostgres(raw, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			if out := fmt.Sprintf(verb, p); strings.Contains(out, secret) {
				t.Errorf("%s prints %s", verb, out)
			}
		}
		if err := p.Explain(&pgconn.PgError{Code: "28P01"}); strings.Contains(err.Error(), secret) {
			t.Errorf("an error prints %v", err)
		}
	}
	for _, raw := range []string{"", "db.example:5432", "host=x password=" + secret, "postgres://x/y?password=" + secret, "postgres://u:" + secret + "@:x/y", "mysql://u:" + secret + "@x/y", "postgres://u:" + secret + "%@x/y"} {
		if _, err := platform.ParsePostgres(raw, ""); err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "PostgreSQL") {
			t.Errorf("%q: %v, want a refusal that names PostgreSQL and no password", raw, err)
		}
	}
}

func TestPostgresEncryptsBeyondThisMachine(t *testing.T) {
	for raw, want := range map[string]string{
		"postgres://u@127.0.0.1:5433/anpr":                   "sslmode=disable",
		"postgres://u@localhost/anpr":                        "sslmode=disable",
		"postgres://u@[::1]:5433/anpr":                       "sslmode=disable",
		"postgres://u@db.example/anpr":                       "sslmode=verify-full",
		"postgres://u@10.0.0.3:5432/anpr?application_name=x": "sslmode=verify-full",
		"postgres://u@127.0.0.1,db.example/anpr":             "sslmode=verify-full",
		"postgres://u@db.example/anpr?sslmode=require":       "sslmode=require",
	} {
		p, err := platform.ParsePostgres(raw, "x")
		if err != nil || !strings.Contains(p.URL, want) || strings.Count(p.URL, "sslmode") != 1 {
			t.Errorf("%s: %v, %v, want %s once", raw, p, err, want)
		}
	}
	p, err := platform.ParsePostgres("postgres://u@a:1,b:2/anpr", "x")
	if err != nil || !strings.Contains(p.URL, "target_session_attrs=read-write") {
		t.Errorf("several hosts: %v, %v, want the one that takes writes", p, err)
	}
}

func TestPostgresMigrationsRunOnceHoweverManyStart(t *testing.T) {
	server := testkit.PostgresServer(t)
	const name = "many_offices"
	if err := server.CreateDatabase(t.Context(), name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.DropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	p := testkit.PostgresAs(platform.NewPostgres(server.Addr(), name, "", ""), embedded.PostgresMigrator)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = platform.MigratePostgres(t.Context(), p, zerolog.Nop()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	pool, err := p.Open(t.Context(), "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var twice, river, left int
	err = pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM (SELECT FROM goose_db_version GROUP BY version_id HAVING count(*) > 1) g),
		(SELECT max(version) FROM river.river_migration), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')`).Scan(&twice, &river, &left)
	if err != nil || twice != 0 || river != 8 || left != 0 {
		t.Errorf("%d migrations twice, river at %d, %d locks left, %v; want 0, 8, 0", twice, river, left, err)
	}
}

func TestPostgresAccountsDoTheirJobAndNoMore(t *testing.T) {
	p := testkit.StartPostgres(t)
	exec := func(a embedded.PostgresAccount, statement string) error {
		pool, err := testkit.PostgresAs(p, a).Open(t.Context(), "test", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		_, err = pool.Exec(t.Context(), statement)
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE a_log (n int)", "GRANT SELECT, INSERT ON a_log TO anpr_office",
		"CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE ON a_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
	} {
		if err := exec(embedded.PostgresMigrator, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, c := range []struct {
		as        embedded.PostgresAccount
		statement string
		may       bool
	}{
		{embedded.PostgresOffice, "INSERT INTO a_log VALUES (1)", true},
		{embedded.PostgresOffice, "SELECT * FROM a_log", true},
		{embedded.PostgresOffice, "UPDATE a_log SET n = 2", false},
		{embedded.PostgresOffice, "DELETE FROM a_log", false},
		{embedded.PostgresOffice, "TRUNCATE a_log", false},
		{embedded.PostgresOffice, "DROP TRIGGER keep ON a_log", false},
		{embedded.PostgresOffice, "CREATE TABLE other (n int)", false},
		{embedded.PostgresOffice, "INSERT INTO river.river_queue (name, updated_at) VALUES ('q', now())", true},
		{embedded.PostgresOffice, "SELECT * FROM goose_db_version", true},
		{embedded.PostgresOffice, "DELETE FROM goose_db_version", false},
		{embedded.PostgresMigrator, "UPDATE a_log SET n = 2", false},
		{embedded.PostgresMigrator, "DELETE FROM a_log", false},
		{embedded.PostgresMigrator, "TRUNCATE a_log", false},
		{embedded.PostgresBackup, "COPY a_log TO STDOUT", true},
		{embedded.PostgresBackup, "COPY river.river_queue TO STDOUT", true},
		{embedded.PostgresBackup, "INSERT INTO a_log VALUES (1)", false},
		{embedded.PostgresRetention, "SELECT * FROM a_log", false},
		{embedded.PostgresRetention, "DELETE FROM a_log", false},
	} {
		err := exec(c.as, c.statement)
		var pg *pgconn.PgError
		if refused := errors.As(err, &pg) && pg.Code == "42501"; (err == nil) != c.may || !c.may && !refused {
			t.Errorf("%s: %s: %v, may %v", c.as, c.statement, err, c.may)
		}
	}
}

func TestPostgresErrorsNameTheCure(t *testing.T) {
	p := testkit.StartPostgres(t)
	for name, c := range map[string]struct {
		at   platform.Postgres
		want string
	}{
		"nothing listens":  {platform.NewPostgres("127.0.0.1:1", "anpr", "u", "x"), "--postgres"},
		"a wrong password": {p.As(string(embedded.PostgresOffice), "wrong"), "ANPR_POSTGRES_PASSWORD"},
		"no such database": {testkit.PostgresAs(platform.NewPostgres(testkit.PostgresServer(t).Addr(), "nowhere", "", ""), embedded.PostgresOffice), "accounts.sql"},
		"not the migrator": {p, "anpr_migrator"},
	} {
		pool, err := c.at.Open(t.Context(), "test", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		_, err = pool.Exec(t.Context(), "CREATE TABLE x (n int)")
		if err = c.at.Explain(err); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	for code, want := range map[string]string{
		"53100": "free space",
		"42P01": "run anpr migrate", "42703": "run anpr migrate", "42883": "run anpr migrate; when a newer release has migrated, restart",
	} {
		if err := p.Explain(&pgconn.PgError{Code: code}); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", code, err, want)
		}
	}
}
