package store

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// An expired row goes, and a row that is a minute younger stays. The look-up log and refused numbers stay too. An
// office deletes by the database's periods alone.
func TestWhatIsOverItsTimeIsDeletedAndNothingSooner(t *testing.T) {
	at := testkit.StartPostgres(t)
	open := func(account embedded.PostgresAccount) *pgxpool.Pool {
		pool, err := testkit.PostgresAs(at, account).Open(t.Context(), "test", 2)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	owner, office := open(embedded.PostgresMigrator), open(embedded.PostgresOffice)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	const purpose = `INSERT INTO purposes (purpose_id, user_name, role, zones, sign_in, purpose, reason, case_ref, prosecutor_ref, opened_at, ends_at)
		VALUES ($1, 'u', 'zone_officer', '{}', 's', 'judicial', 'r', '', '', %[1]s, %[1]s)`
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	exec(fmt.Sprintf(purpose, "now()"), id(1))
	periods := map[string]struct{ insert, period string }{
		"searches":        {`INSERT INTO searches (purpose_id, user_name, question, made_at) VALUES ('` + id(1) + `', '%[2]d', '{}', %[1]s)`, "2 days"},
		"approvals":       {`INSERT INTO approvals (kind, subject_key, question, purpose_id, user_name, role, zones, asked_at) VALUES ('rows', '', '{}', '` + id(1) + `', '%[2]d', 'r', '{}', %[1]s)`, "31 days"},
		"plates_asked":    {`INSERT INTO plates_asked (user_name, plate_key, asked_at) VALUES ('%[2]d', '', %[1]s)`, "2 hours"},
		"sign_ins":        {`INSERT INTO sign_ins (token_sha256, user_name, issuer, subject, address, user_sha256, authenticated_at, began_at, used_at) VALUES (sha256('%[2]d'), 'u', '', '', '', sha256(''), now(), %[1]s, now())`, "31 days"},
		"sign_in_invites": {`INSERT INTO sign_in_invites (token_sha256, user_name, made_at, until) VALUES (sha256('%[2]d'), 'u', now(), %[1]s)`, "31 days"},
		"prosecutor_decisions": {`INSERT INTO prosecutor_decisions (prosecutor_ref, first_stated, last_stated, outcome) VALUES ('%[2]d', %[1]s, %[1]s, ''),
			('c%[2]d', %[1]s, %[1]s, 'confirmed')`, "400 days"},
	}
	for _, p := range periods {
		for i, age := range []string{"+ '1 minute'", "- '1 minute'"} { // younger, older
			exec(fmt.Sprintf(p.insert, "now() - interval '"+p.period+"' "+age+"::interval", i))
		}
	}
	exec(`INSERT INTO prosecutor_decisions (prosecutor_ref, first_stated, last_stated, outcome) VALUES ('refused', now() - interval '9 years', now() - interval '9 years', 'refused')`)
	for i, days := range []int{31, 32} {
		exec("INSERT INTO rows_disclosed VALUES ('u', (now() AT TIME ZONE 'Europe/Brussels')::date - $1::int, $2, 1)", days, i)
	}
	exec(fmt.Sprintf(purpose, "now() - interval '400 days' + interval '1 minute'"), id(2))
	exec(fmt.Sprintf(purpose, "now() - interval '400 days' - interval '1 minute'"), id(3))
	exec(fmt.Sprintf(purpose, "now() - interval '400 days' - interval '1 minute'"), id(4)) // a search still stands under it
	exec(`INSERT INTO searches (purpose_id, user_name, question) VALUES ($1, 'late', '{}')`, id(4))
	exec(fmt.Sprintf(purpose, "now() - interval '500 days'"), id(5)) // its search goes with it
	exec(`INSERT INTO searches (purpose_id, user_name, question, made_at) VALUES ($1, 'early', '{}', now() - interval '500 days')`, id(5))

	people := NewPeople(office)
	want := map[string]int64{
		"searches": 2, "approvals": 1, "plates_asked": 1, "rows_disclosed": 1, "purposes": 2, "prosecutor_decisions": 2, "sign_ins": 1, "sign_in_invites": 1, "look_up_plates": 0, "bundles": 0, // files of bundles: bundles_test.go of the office
	}
	left := map[string]int64{
		"searches": 2, "approvals": 1, "plates_asked": 1, "rows_disclosed": 1, "purposes": 3, "prosecutor_decisions": 3, "sign_ins": 1, "sign_in_invites": 1,
	}
	for round := range 2 {
		gone, err := people.DeleteExpired(t.Context())
		if err != nil || len(gone) != len(want) {
			t.Fatalf("got %v, %v", gone, err)
		}
		for _, e := range gone {
			if n := want[e.Table]; round == 0 && e.Rows != n || round == 1 && e.Rows != 0 {
				t.Errorf("round %d, %s: %d rows went, want %d", round, e.Table, e.Rows, n)
			}
			var n int64
			if err := owner.QueryRow(t.Context(), "SELECT count(*) FROM "+e.Table).Scan(&n); err != nil || n != left[e.Table] {
				t.Errorf("%s: %d rows are left, err %v, want %d", e.Table, n, err, left[e.Table])
			}
		}
	}
	if _, err := open(embedded.PostgresRetention).Exec(t.Context(), "SELECT * FROM delete_expired()"); err != nil {
		t.Errorf("the account of retention: %v", err)
	}
	if _, err := open(embedded.PostgresBackup).Exec(t.Context(), "SELECT * FROM delete_expired()"); err == nil {
		t.Error("the account of backups may delete")
	}
	for _, table := range []string{"searches", "approvals", "purposes", "prosecutor_decisions", "sign_ins", "sign_in_invites", "look_ups"} {
		if _, err := office.Exec(t.Context(), "DELETE FROM "+table); err == nil {
			t.Errorf("an office may delete from %s whatever it likes", table)
		}
	}
	if _, err := office.Exec(t.Context(), "SELECT delete_clear_plates(now() + interval '366 days')"); err == nil {
		t.Error("an office may delete plates in clear sooner")
	}
}

// When two offices delete at once, one deletes, and neither waits for the other.
func TestOneOfficeDeletesAtATime(t *testing.T) {
	at := testkit.StartPostgres(t)
	pool, err := at.Open(t.Context(), "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT * FROM delete_expired()"); err != nil {
		t.Fatal(err)
	}
	people := NewPeople(pool)
	if gone, err := people.DeleteExpired(t.Context()); err != nil || len(gone) != 0 {
		t.Errorf("while another is at it: %v, %v", gone, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone, err := people.DeleteExpired(t.Context()); err != nil || len(gone) == 0 {
		t.Errorf("afterwards: %v, %v", gone, err)
	}
}
