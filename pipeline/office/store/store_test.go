package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var officer = access.User{Name: "officer", Role: access.ZoneOfficer, Zones: []string{"5339"}}

func scopeOf(t testing.TB, plate string) access.Scope {
	t.Helper()
	s, r := access.Authorise(&officer, access.Request{
		Route: access.RouteSearch, Purpose: access.Judicial, Reason: "stolen car, rue Neuve", Query: `{"plate":"` + plate + `"}`, Plates: []string{plate},
		SignIn: "s1", Address: "192.0.2.7",
	}, schemas.MicrosOf(time.Now()))
	if r != nil {
		t.Fatal(r)
	}
	return s
}

// books is a look-up log in a separate database.
type books struct {
	t    testing.TB
	pg   *pgxpool.Pool // the tables' owner, and the attacker
	logs *LookUps
	keys *access.Keys
}

func newBooks(t testing.TB) *books {
	t.Helper()
	at := testkit.StartPostgres(t)
	open := func(p platform.Postgres, most int32) *pgxpool.Pool {
		pool, err := p.Open(t.Context(), "test", most)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	keys, err := access.LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &books{t, open(testkit.PostgresAs(at, embedded.PostgresMigrator), 2), NewLookUps(open(at, 8)), keys}
}

func (b *books) open() *access.Log {
	b.t.Helper()
	l, err := access.OpenLog(b.t.Context(), b.logs, b.keys)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// fill makes n look-ups with their disclosures: two entries each.
func (b *books) fill(l *access.Log, n int) {
	b.t.Helper()
	for i := range n {
		p, err := l.Grant(b.t.Context(), scopeOf(b.t, fmt.Sprintf("1ABC%d", i)))
		if err != nil {
			b.t.Fatal(err)
		}
		if err := l.Disclose(b.t.Context(), p, access.Disclosure{Rows: 2, Plates: []string{"1ABC123", fmt.Sprintf("2XYZ%d", i)}}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// withoutTriggers lets the tables' owner switch off the triggers.
const (
	withoutTriggers = "BEGIN; ALTER TABLE look_ups DISABLE TRIGGER USER; ALTER TABLE asked_plates DISABLE TRIGGER USER; ALTER TABLE disclosed DISABLE TRIGGER USER; ALTER TABLE look_up_plates DISABLE TRIGGER USER; ALTER TABLE look_up_head DISABLE TRIGGER USER; "
	withTriggers    = "; ALTER TABLE look_ups ENABLE TRIGGER USER; ALTER TABLE asked_plates ENABLE TRIGGER USER; ALTER TABLE disclosed ENABLE TRIGGER USER; ALTER TABLE look_up_plates ENABLE TRIGGER USER; ALTER TABLE look_up_head ENABLE TRIGGER USER; COMMIT"
)

// attack runs SQL as the tables' owner, without the triggers.
func (b *books) attack(sql string) {
	b.t.Helper()
	if _, err := b.pg.Exec(b.t.Context(), withoutTriggers+sql+withTriggers, pgx.QueryExecModeSimpleProtocol); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

const headBack = "; UPDATE look_up_head SET (seq, entry_sha256) = (SELECT seq, entry_sha256 FROM look_ups ORDER BY seq DESC LIMIT 1)"

func TestEveryAttackOnTheLogIsFoundWithTheNumberOfTheEntry(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want uint64
	}{
		"nothing":                  {"SELECT 1", 0},
		"reason":                   {"UPDATE look_ups SET reason = 'something better' WHERE seq = 3", 3},
		"user":                     {"UPDATE look_ups SET user_name = 'somebody else' WHERE seq = 1", 1},
		"time":                     {"UPDATE look_ups SET at = at + interval '1 microsecond' WHERE seq = 4", 4},
		"address":                  {"UPDATE look_ups SET address = '' WHERE seq = 5", 5},
		"rows":                     {"UPDATE look_ups SET rows_shown = 1 WHERE seq = 6", 6},
		"hash":                     {"UPDATE look_ups SET entry_sha256 = decode(repeat('00', 32), 'hex') WHERE seq = 4", 4},
		"one deleted":              {"DELETE FROM look_ups WHERE seq = 2", 2},
		"two swapped":              {"UPDATE look_ups SET seq = 1003 WHERE seq = 3; UPDATE look_ups SET seq = 3 WHERE seq = 4; UPDATE look_ups SET seq = 4 WHERE seq = 1003", 3},
		"a disclosed plate gone":   {"DELETE FROM disclosed WHERE seq = 4 AND plate_hmac = (SELECT max(plate_hmac) FROM disclosed WHERE seq = 4)", 4},
		"a disclosed plate more":   {"INSERT INTO disclosed VALUES (6, '', decode(repeat('11', 32), 'hex'))", 6},
		"an asked plate changed":   {"UPDATE asked_plates SET plate_hmac = decode(repeat('11', 32), 'hex') WHERE seq = 7", 7},
		"end cut":                  {"DELETE FROM look_ups WHERE seq >= 9", 9},
		"end cut with the head":    {"DELETE FROM look_ups WHERE seq >= 9" + headBack, 9},
		"all deleted":              {"DELETE FROM look_ups", 1},
		"the head back":            {"UPDATE look_up_head SET seq = 3", 3},
		"one forged at the end":    {"INSERT INTO look_ups SELECT 13, at, kind, 'forged', role, zones, sign_in, address, operation, purpose, purpose_id, reason, case_ref, prosecutor_ref, asked, outcome, code, refusal, of_seq, rows_shown, 0, '', '', '', took_ms, cut, body, entry_sha256, entry_sha256, signature FROM look_ups WHERE seq = 12" + headBack, 13},
		"one doubled far away":     {"INSERT INTO look_ups SELECT 90, at, kind, user_name, role, zones, sign_in, address, operation, purpose, purpose_id, reason, case_ref, prosecutor_ref, asked, outcome, code, refusal, of_seq, rows_shown, plates, key_id, plates_sha256, pictures, took_ms, cut, body, prev_sha256, entry_sha256, signature FROM look_ups WHERE seq = 3", 13},
		"plates in clear (lawful)": {"DELETE FROM look_up_plates", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t)
			l := b.open()
			b.fill(l, 6)
			witness := l.Head()
			b.attack(c.sql)
			check := func(how string, v access.Verification, err error) {
				t.Helper()
				if err != nil || v.FirstBad != c.want || v.OK() != (c.want == 0) {
					t.Errorf("%s: got entry %d (%s), err %v, want %d", how, v.FirstBad, v.Problem, err, c.want)
				}
			}
			v, err := l.Verify(t.Context())
			check("running", v, err)
			v, err = access.VerifyStore(t.Context(), b.logs, &b.keys.Site.PublicKey, witness)
			if name != "the head back" { // no row of the log is touched
				check("stopped", v, err)
			}
		})
	}
}

// When the whole database is put back to an older copy, stopped or running, the heads noted outside show the roll-back.
func TestARollBackOfTheWholeDatabaseIsFound(t *testing.T) {
	b := newBooks(t)
	l := b.open()
	b.fill(l, 3)
	b.attack("CREATE TABLE copy_l AS TABLE look_ups; CREATE TABLE copy_h AS TABLE look_up_head; CREATE TABLE copy_a AS TABLE asked_plates; CREATE TABLE copy_d AS TABLE disclosed")
	b.fill(l, 3)
	witness := l.Head()
	b.attack("DELETE FROM look_up_plates; DELETE FROM look_ups; INSERT INTO look_ups TABLE copy_l; DELETE FROM look_up_head; INSERT INTO look_up_head TABLE copy_h; DELETE FROM asked_plates; INSERT INTO asked_plates TABLE copy_a; DELETE FROM disclosed; INSERT INTO disclosed TABLE copy_d")
	if _, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); !errors.Is(err, access.ErrDamaged) {
		t.Errorf("the office that runs: got %v, want no look-up under a number that was given", err)
	}
	again := b.open() // the database alone cannot tell a new office
	if v, err := again.Verify(t.Context(), witness); err != nil || v.FirstBad != 7 {
		t.Errorf("got %+v, err %v, want entry 7", v, err)
	}
	b.fill(again, 5) // other entries take the numbers
	if v, err := again.Verify(t.Context(), witness); err != nil || v.FirstBad != witness.Seq {
		t.Errorf("got %+v, err %v, want entry %d", v, err, witness.Seq)
	}
}

// A fork: an office with the keys wrote a second chain on a copy. The witnesses know one chain.
func TestAForkIsFoundByTheWitnesses(t *testing.T) {
	b := newBooks(t)
	l := b.open()
	b.fill(l, 2)
	b.attack("CREATE TABLE copy_l AS TABLE look_ups; CREATE TABLE copy_a AS TABLE asked_plates; CREATE TABLE copy_d AS TABLE disclosed")
	b.fill(l, 2)
	one := l.Head()
	b.attack("DELETE FROM look_up_plates; DELETE FROM look_ups; INSERT INTO look_ups TABLE copy_l; DELETE FROM asked_plates; INSERT INTO asked_plates TABLE copy_a; DELETE FROM disclosed; INSERT INTO disclosed TABLE copy_d" + headBack)
	m := b.open()
	b.fill(m, 2)
	if v, err := m.Verify(t.Context(), one); err != nil || v.FirstBad != one.Seq {
		t.Errorf("got %+v, err %v, want entry %d", v, err, one.Seq)
	}
	if v, err := m.Verify(t.Context(), one, m.Head()); err != nil || v.OK() {
		t.Errorf("two heads of one number: got %+v, err %v", v, err)
	}
}

func TestTheLogIsOnlyAddedTo(t *testing.T) {
	b := newBooks(t)
	b.fill(b.open(), 2)
	for _, table := range []string{"look_ups", "asked_plates", "disclosed"} {
		for _, sql := range []string{"UPDATE %s SET seq = seq", "DELETE FROM %s", "TRUNCATE %s"} {
			if _, err := b.pg.Exec(t.Context(), fmt.Sprintf(sql, table)); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v, want it refused", fmt.Sprintf(sql, table), err)
			}
		}
	}
	for _, sql := range []string{
		"DELETE FROM look_up_head", "TRUNCATE look_up_head",
		"INSERT INTO look_ups (seq, at, kind, prev_sha256, entry_sha256) VALUES (9, now(), 'asked', decode(repeat('00', 32), 'hex'), decode(repeat('01', 32), 'hex'))",
		"INSERT INTO look_ups (seq, at, kind, prev_sha256, entry_sha256) VALUES (5, now(), 'asked', decode(repeat('00', 32), 'hex'), decode(repeat('01', 32), 'hex'))",
		"INSERT INTO disclosed VALUES (1, '', decode(repeat('11', 32), 'hex'))", "INSERT INTO asked_plates VALUES (99, '', decode(repeat('11', 32), 'hex'))",
		"INSERT INTO look_up_plates VALUES (2, decode(repeat('11', 32), 'hex'), '1ABC123')",
		"INSERT INTO look_ups (seq, at, kind, prev_sha256, entry_sha256) VALUES (2, now(), 'break', decode(repeat('00', 32), 'hex'), decode(repeat('01', 32), 'hex'))",
	} {
		if _, err := b.pg.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: not refused", sql)
		}
	}
	for _, c := range []struct{ days, want int }{{365, 0}, {367, 2}, {368, 0}} {
		n := -1
		if err := b.pg.QueryRow(t.Context(), "SELECT delete_clear_plates(now() + $1 * interval '1 day')", c.days).Scan(&n); err != nil || n != c.want {
			t.Errorf("after %d days: %d plates in clear deleted, err %v, want %d", c.days, n, err, c.want)
		}
	}
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Entries != 4 {
		t.Errorf("got %+v, err %v, want the chain to hold without plates in clear", v, err)
	}
}

// Somebody with the right to insert continues the log in form. Every office stops at the next look-up, and two persons
// mend the log.
func TestADamagedLogGoesOnAfterABreak(t *testing.T) {
	b := newBooks(t)
	l := b.open()
	b.fill(l, 3)
	if _, err := b.pg.Exec(t.Context(), `INSERT INTO look_ups (seq, at, kind, user_name, prev_sha256, entry_sha256)
		SELECT seq + 1, now(), 'asked', 'forged', entry_sha256, decode(repeat('01', 32), 'hex') FROM look_up_head`); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); !errors.Is(err, access.ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if _, err := access.OpenLog(t.Context(), b.logs, b.keys); !errors.Is(err, access.ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	br, err := b.close(l.Head())
	if err != nil || br.FirstBad != 7 {
		t.Fatalf("got %+v, err %v, want entry 7", br, err)
	}
	l = b.open()
	b.fill(l, 2)
	v, err := l.Verify(t.Context())
	if err != nil || !v.OK() || len(v.Segments) != 2 || v.Segments[0].FirstBad != 7 || v.Segments[1].First != 8 {
		t.Errorf("got %+v, err %v", v, err)
	}
	var file bytes.Buffer
	if _, err := access.ExportLog(t.Context(), b.logs, &b.keys.Site.PublicKey, &file); err != nil {
		t.Fatal(err)
	}
	x, err := access.ReadExport(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := access.VerifyStore(t.Context(), x, &b.keys.Site.PublicKey, l.Head()); err != nil || !w.OK() || w.Head != v.Head {
		t.Errorf("the exported log: got %+v, err %v", w, err)
	}
}

func TestManyOfficesMakeOneChain(t *testing.T) {
	b := newBooks(t)
	var wg sync.WaitGroup
	for range 3 {
		l := b.open()
		for w := range 4 {
			wg.Go(func() {
				for i := range 10 {
					p, err := l.Grant(context.WithoutCancel(t.Context()), scopeOf(t, fmt.Sprintf("1ABC%d%d", w, i)))
					if err == nil {
						err = l.Disclose(context.WithoutCancel(t.Context()), p, access.Disclosure{Rows: 1, Plates: []string{"1ABC123"}})
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Entries != 240 {
		t.Errorf("got %+v, err %v, want 240 entries that hold", v, err)
	}
}

func TestFindGivesWhatWasAskedAndWhatWasDisclosed(t *testing.T) {
	b := newBooks(t)
	b.fill(b.open(), 3)
	keys, err := b.keys.PlateKeys()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	find := func(f Filter) (seqs []uint64) {
		f.Limit = 100
		got, err := b.logs.FindEntries(t.Context(), &f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			seqs = append(seqs, got[i].Seq)
		}
		return seqs
	}
	marks := func(plate string) [][]byte { m := keys[0].Mark(plate); return [][]byte{m[:]} }
	for name, c := range map[string]struct {
		f    Filter
		want []uint64
	}{
		"all":             {Filter{}, []uint64{6, 5, 4, 3, 2, 1}},
		"asked":           {Filter{Marks: marks("1ABC1")}, []uint64{3}},
		"disclosed":       {Filter{Marks: marks("2XYZ2")}, []uint64{6}},
		"disclosed often": {Filter{Marks: marks("1ABC123")}, []uint64{6, 4, 2}},
		"never":           {Filter{Marks: marks("9ZZZ999")}, nil},
		"kind":            {Filter{Kind: "asked", Before: 5}, []uint64{3, 1}},
		"zone":            {Filter{Zones: []string{"5340"}}, nil},
		"own zone":        {Filter{Zones: []string{"5339", "5340"}, Before: 2}, []uint64{1}},
		"user":            {Filter{User: "officer", Operation: "search", Purpose: "judicial", Outcome: "granted", From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}, []uint64{5, 3, 1}},
	} {
		if got := find(c.f); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	got, err := b.logs.FindEntries(t.Context(), &Filter{Before: 2, Limit: 1})
	if err != nil || len(got) != 1 || len(got[0].Clear) != 1 || got[0].Clear[0].Plate != "1ABC0" || got[0].Address != "192.0.2.7" || got[0].SignIn != "s1" {
		t.Errorf("got %+v, err %v", got, err)
	}
}

// An office beside another release's tables names the cure.
func TestAnErrorOfAMissingTableNamesTheCure(t *testing.T) {
	for _, code := range []string{"42P01", "42703", "42883"} {
		if err := hideValues(&pgconn.PgError{Code: code, Message: "it does not exist"}); !strings.Contains(err.Error(), "run anpr migrate, or restart") {
			t.Errorf("%s: %v", code, err)
		}
	}
}
