package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// forgedRow inserts a row that continues the log in form. The columns are seq, at, kind and more.
func forgedRow(seq, at, kind, more, values string) string {
	return fmt.Sprintf(`INSERT INTO look_ups (seq, at, kind, user_name, prev_sha256, entry_sha256%s)
		SELECT %s, %s, '%s', 'officer', entry_sha256, decode(repeat('ab', 32), 'hex')%s FROM look_up_head h`, more, seq, at, kind, values)
}

// close closes the damaged segment as two persons do.
func (b *books) close(witnesses ...access.Head) (access.Break, error) {
	auditor, supervisor := &access.User{Name: "auditor1", Role: access.Auditor}, &access.User{Name: "supervisor1", Role: access.GVCSupervisor}
	for _, u := range []*access.User{auditor, supervisor} {
		u.To = schemas.MicrosOf(time.Now().Add(time.Hour))
	}
	br, _, err := access.CloseSegment(b.t.Context(), b.logs, b.keys, auditor, supervisor, schemas.Sum{1}, "an administrator changed the table", witnesses, schemas.MicrosOf(time.Now()))
	return br, err
}

// The office's account cannot append an entry that would keep the log from going on.
func TestTheTableRefusesAnEntryThatNothingCouldFollow(t *testing.T) {
	b := newBooks(t)
	l := b.open()
	b.fill(l, 2)
	for name, sql := range map[string]string{
		"at infinity":              forgedRow("h.seq + 1", "'infinity'", "asked", "", ""),
		"at -infinity":             forgedRow("h.seq + 1", "'-infinity'", "asked", "", ""),
		"year 9999":                forgedRow("h.seq + 1", "'9999-12-31'", "asked", "", ""),
		"year 294276":              forgedRow("h.seq + 1", "'294276-12-31'", "identity", "", ""),
		"before Christ":            forgedRow("h.seq + 1", "'0044-03-15 BC'", "asked", "", ""),
		"break at infinity":        forgedRow("h.seq + 1", "'infinity'", "break", "", ""),
		"of a negative entry":      forgedRow("h.seq + 1", "now()", "disclosed", ", of_seq", ", -1"),
		"negative rows":            forgedRow("h.seq + 1", "now()", "disclosed", ", rows_shown", ", -9223372036854775808"),
		"negative plates":          forgedRow("h.seq + 1", "now()", "asked", ", plates", ", -1"),
		"negative time":            forgedRow("h.seq + 1", "now()", "asked", ", took_ms", ", -1"),
		"break with number 2^53-1": forgedRow("9007199254740991", "now()", "break", "", ""),
		"break with a far number":  forgedRow("h.seq + 100000001", "now()", "break", "", ""),
		"negative break":           forgedRow("-3", "now()", "break", "", ""),
		"many breaks at once":      forgedRow("h.seq + 100000000 * n", "now()", "break", "", "") + ", generate_series(1, 3) n",
		"a break among others":     forgedRow("h.seq + n", "now()", "break", "", "") + ", generate_series(1, 2) n",
	} {
		if _, err := b.logs.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	b.fill(l, 1)
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Entries != 6 {
		t.Errorf("got %+v, err %v, want 6 entries that hold", v, err)
	}
	// A break that leaves out numbers within the bound is an entry that no office signed, and two persons mend it.
	if _, err := b.logs.pool.Exec(t.Context(), forgedRow("h.seq + 100000000", "now()", "break", "", "")); err != nil {
		t.Fatal(err)
	}
	if br, err := b.close(); err != nil || br.FirstBad != 7 {
		t.Fatalf("got %+v, err %v, want entry 7", br, err)
	}
	b.fill(b.open(), 1)
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Head.Seq != 100000009 {
		t.Errorf("got %+v, err %v", v, err)
	}
}

// The tables' owner can store a row with a value that no entry has. The log names, exports and closes it.
func TestARowThatCannotBeReadIsAnEntryThatDoesNotHold(t *testing.T) {
	const free = `ALTER TABLE look_ups DROP CONSTRAINT IF EXISTS look_ups_bounds; ALTER TABLE look_ups DROP CONSTRAINT IF EXISTS look_ups_seq_check;
		ALTER TABLE look_ups DROP CONSTRAINT IF EXISTS look_ups_kind_check; ALTER TABLE look_ups DROP CONSTRAINT IF EXISTS look_ups_prev_sha256_check;
		ALTER TABLE look_ups DROP CONSTRAINT IF EXISTS look_ups_entry_sha256_check; ALTER TABLE asked_plates DROP CONSTRAINT IF EXISTS asked_plates_plate_hmac_check;
		ALTER TABLE look_ups ALTER at DROP NOT NULL, ALTER kind DROP NOT NULL, ALTER user_name DROP NOT NULL, ALTER body DROP NOT NULL, ALTER cut DROP NOT NULL,
		ALTER rows_shown DROP NOT NULL, ALTER signature DROP NOT NULL, ALTER prev_sha256 DROP NOT NULL, ALTER entry_sha256 DROP NOT NULL; `
	moveHead := "; UPDATE look_up_head SET (seq, entry_sha256) = (SELECT seq, entry_sha256 FROM look_ups ORDER BY seq DESC LIMIT 1)"
	for name, c := range map[string]struct {
		sql  string
		want uint64
	}{
		"at infinity":            {forgedRow("h.seq + 1", "'infinity'", "asked", "", "") + moveHead, 7},
		"at -infinity":           {"UPDATE look_ups SET at = '-infinity' WHERE seq = 3", 3},
		"at nothing":             {"UPDATE look_ups SET at = NULL WHERE seq = 3", 3},
		"year 9999":              {forgedRow("h.seq + 1", "'9999-12-31'", "asked", "", "") + moveHead, 7},
		"year 294276":            {"UPDATE look_ups SET at = '294276-12-31' WHERE seq = 6", 6},
		"no kind":                {"UPDATE look_ups SET kind = NULL WHERE seq = 1", 1},
		"an unknown kind":        {"UPDATE look_ups SET kind = 'NULL' WHERE seq = 1", 1},
		"no user":                {"UPDATE look_ups SET user_name = NULL WHERE seq = 2", 2},
		"the user NULL":          {"UPDATE look_ups SET user_name = 'NULL' WHERE seq = 2", 2},
		"no body":                {"UPDATE look_ups SET body = NULL WHERE seq = 2", 2},
		"a body that is no JSON": {forgedRow("h.seq + 1", "now()", "break", ", body", ", '{\"persons\":'") + moveHead, 7},
		"a body that is null":    {forgedRow("h.seq + 4", "now()", "break", ", body", ", 'null'") + moveHead, 7},
		"nothing for cut":        {"UPDATE look_ups SET cut = NULL WHERE seq = 4", 4},
		"nothing for rows":       {"UPDATE look_ups SET rows_shown = NULL WHERE seq = 4", 4},
		"negative rows":          {"UPDATE look_ups SET rows_shown = -2 WHERE seq = 4", 4},
		"a negative number":      {forgedRow("-5", "now()", "asked", "", ""), 1},
		"the number 0":           {forgedRow("0", "now()", "break", "", ""), 1},
		"no hash":                {"UPDATE look_ups SET entry_sha256 = NULL WHERE seq = 5", 5},
		"a longer hash":          {"UPDATE look_ups SET entry_sha256 = entry_sha256 || '\\x00' WHERE seq = 5", 5},
		"a shorter hash":         {"UPDATE look_ups SET prev_sha256 = '' WHERE seq = 5", 5},
		"a short HMAC":           {"INSERT INTO asked_plates VALUES (5, '', '\\x0102')", 5},
		"no signature":           {"UPDATE look_ups SET signature = NULL WHERE seq = 6", 6},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t)
			l := b.open()
			b.fill(l, 3)
			key := &b.keys.Site.PublicKey
			b.attack(free + c.sql)
			v, err := access.VerifyStore(t.Context(), b.logs, key)
			if err != nil || v.FirstBad != c.want {
				t.Fatalf("got entry %d (%s), err %v, want %d", v.FirstBad, v.Problem, err, c.want)
			}
			if _, err := b.logs.FindEntries(t.Context(), &Filter{Limit: 100}); err != nil {
				t.Errorf("an auditor's list: %v", err)
			}
			var file bytes.Buffer
			if _, err := access.ExportLog(t.Context(), b.logs, key, &file); err != nil {
				t.Fatal(err)
			}
			x, err := access.ReadExport(bytes.NewReader(file.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if w, err := access.VerifyStore(t.Context(), x, key); err != nil || w.FirstBad != v.FirstBad || w.Problem != v.Problem {
				t.Errorf("the exported log: got %+v, err %v, want %+v", w, err, v)
			}
			if br, err := b.close(); err != nil || br.FirstBad != c.want {
				t.Fatalf("got %+v, err %v, want entry %d", br, err, c.want)
			}
			again := b.open()
			b.fill(again, 1)
			if v, err := again.Verify(t.Context()); err != nil || !v.OK() || len(v.Segments) != 2 {
				t.Errorf("after the break: got %+v, err %v", v, err)
			}
		})
	}
}

// No number is left after the greatest one: the break says so, and names the cure.
func TestABreakThatFindsNoNumberSaysSo(t *testing.T) {
	b := newBooks(t)
	b.fill(b.open(), 1)
	b.attack(forgedRow("9007199254740991", "now()", "break", "", ""))
	if v, err := access.VerifyStore(t.Context(), b.logs, &b.keys.Site.PublicKey); err != nil || v.FirstBad != 3 {
		t.Fatalf("got %+v, err %v, want entry 3", v, err)
	}
	if _, err := b.close(); err == nil || errors.Is(err, access.ErrDamaged) || !strings.Contains(err.Error(), "the owner of the tables takes that entry out") {
		t.Errorf("got %v", err)
	}
	b.attack("DELETE FROM look_ups WHERE seq = 9007199254740991")
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("got %+v, err %v", v, err)
	}
}
