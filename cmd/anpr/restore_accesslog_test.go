// Commands one after the other, against what the tests of their packages run under the race detector.

//go:build !race

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// oneMachine is an `anpr up` whose access log is lost and restored as the runbook says.
type oneMachine struct {
	*rehearsal.Rehearsal
	t   *testing.T
	dir string
}

func (m *oneMachine) up() {
	m.t.Helper()
	m.Rehearsal = &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: 1, Rate: 10, Seed: 1}, Out: &bytes.Buffer{}, Log: zerolog.Nop()}
	if err := m.Start(m.t.Context(), m.dir); err != nil {
		m.t.Fatal(err)
	}
}

func (m *oneMachine) down() {
	m.t.Helper()
	if m.Rehearsal == nil {
		m.t.Fatal("it does not run: an earlier step failed")
	}
	if err := m.Close(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	m.Rehearsal = nil
}

// anpr runs a command on the machine's directory.
func (m *oneMachine) anpr(code int, says string, args ...string) string {
	m.t.Helper()
	got, out := captured(m.t, append(args, "--data="+m.dir)...)
	if got != code || !strings.Contains(out, says) {
		m.t.Fatalf("anpr %s: exit code %d, want %d and %q\n%s", strings.Join(args, " "), got, code, says, out)
	}
	return out
}

// lookUp asks the office and returns the number of the entry in the access log.
func (m *oneMachine) lookUp() uint64 {
	m.t.Helper()
	q := ask.ClientFlags{User: "prosecutor1", DataFlags: flags.DataFlags{Data: m.dir}}
	c, err := q.NewClient()
	if err != nil {
		m.t.Fatal(err)
	}
	a, err := c.Hits(m.t.Context(), office.HitsQuery{Justification: office.Justification{Purpose: "judicial", Reason: "a restore that is rehearsed", CaseRef: "BR.30.L1.004711/2026"}})
	if err != nil {
		m.t.Fatal(err)
	}
	return a.Scope.LogSeq
}

var headLine = regexp.MustCompile(`entry (\d+) has ([0-9a-f]{64})`)

// head verifies the log in the table and returns what is noted elsewhere.
func (m *oneMachine) head(witness ...string) []string {
	m.t.Helper()
	found := headLine.FindStringSubmatch(m.anpr(0, "the chain holds", append([]string{"access-log", "verify"}, witness...)...))
	if found == nil {
		m.t.Fatal("the verification names nothing to note")
	}
	return []string{"--seq=" + found[1], "--sha256=" + found[2]}
}

// oldEntries puts n entries into the table that held the access log before, chained as it documented.
func (m *oneMachine) oldEntries(n int) {
	m.t.Helper()
	conn, err := m.Machine.Engines.Tables(embedded.Ingest).Open()
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var prev [32]byte
	for i := range n {
		at := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Microsecond)
		texts := []string{"prosecutor1", "prosecutor", "", "reads", "judicial", "a test of everything", "", "", `{"plate":"9OLD999"}`, "granted", ""}
		b := append([]byte{}, prev[:]...)
		str := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
		str("access/1")
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(i+1)), uint64(at.UnixMicro()))
		for _, s := range texts {
			str(s)
		}
		sum := sha256.Sum256(b)
		err := conn.Exec(m.t.Context(), `INSERT INTO access_log (seq, at, user, role, zone, action, purpose, reason, case_ref, prosecutor_ref, query, outcome, refusal, prev_sha256, entry_sha256)
			SELECT ?, fromUnixTimestamp64Micro(?, 'UTC'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?), unhex(?)`,
			uint64(i+1), at.UnixMicro(), texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8], texts[9], texts[10],
			hex.EncodeToString(prev[:]), hex.EncodeToString(sum[:]))
		if err != nil {
			m.t.Fatal(err)
		}
		prev = sum
	}
}

// The log that was kept in ClickHouse is taken over once, found by the auditor, and its table comes back from its own backup.
func TestTheAccessLogThatWasKeptBeforeIsTakenOverAndKept(t *testing.T) {
	m := &oneMachine{t: t, dir: filepath.Join(t.TempDir(), "data")}
	defer func() {
		if m.Rehearsal != nil {
			m.down()
		}
	}()
	m.up()
	m.oldEntries(5)
	m.anpr(0, "backup access-1", "backup", "access-1", "--only=access_log")
	m.down()
	m.up()
	if n := m.lookUp(); n != 8 { // after five, the entry of the take-over, and the entry of the purpose
		t.Errorf("the first look-up after the take-over has number %d, want 8", n)
	}
	m.head()
	out := m.anpr(0, "prosecutor1", "query", "--user=auditor1", "access-log", "--plate=9OLD999", "--purpose=oversight", "--reason=weekly check of the log")
	if n := strings.Count(out, "9OLD999"); n < 5 {
		t.Errorf("the auditor finds %d old entries of the plate, want 5:\n%s", n, out)
	}
	noted := m.head()
	m.down()
	m.loseTables()
	m.anpr(0, "is rebuilt", "restore", "--from-log")
	m.anpr(1, "there is no backup", "restore", "--only=access_log", "--from-backup=access-9")
	m.anpr(0, "5 entries, the chain holds", "restore", "--only=access_log", "--from-backup=access-1")
	m.up()
	m.head(noted...) // and nothing is taken over a second time
	for _, args := range [][]string{
		{"restore", "--only=reads", "--from-backup=access-1"}, {"restore", "--only=access_log", "--from-log"}, {"restore", "--from-log", "--replace"},
	} {
		if code, out := captured(t, append(args, "--data="+m.dir)...); code == 0 || !strings.Contains(out, "--only") {
			t.Errorf("%q: exit code %d\n%s", args, code, out)
		}
	}
}

// A damaged log shuts the office alone, is named by every verification, and goes on after a break of two persons.
func TestADamagedAccessLogIsFoundAndMendedByTwoPersons(t *testing.T) {
	m := &oneMachine{t: t, dir: filepath.Join(t.TempDir(), "data")}
	defer func() {
		if m.Rehearsal != nil {
			m.down()
		}
	}()
	m.up()
	for range 3 {
		m.lookUp()
	}
	m.head()
	whole := m.spoilHeads()
	m.anpr(2, "not signed by the key of this site", "access-log", "verify")
	pool, err := m.Machine.Engines.PostgresAs(embedded.PostgresMigrator).Open(t.Context(), "attack", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pool.Exec(t.Context(), "ALTER TABLE look_ups DISABLE TRIGGER USER; UPDATE look_ups SET reason = 'something better' WHERE seq = 3; ALTER TABLE look_ups ENABLE TRIGGER USER", pgx.QueryExecModeSimpleProtocol)
	pool.Close()
	if err != nil {
		t.Fatal(err)
	}
	m.anpr(1, "DOES NOT HOLD at entry 3", "access-log", "verify") // whatever became of a witness
	whole()
	m.anpr(1, "DOES NOT HOLD at entry 3", "access-log", "verify")
	file := filepath.Join(t.TempDir(), "log.jsonl")
	m.anpr(0, "9 entries", "access-log", "export", "--out="+file)
	if code, out := captured(t, "access-log", "verify", file); code != 1 || !strings.Contains(out, "DOES NOT HOLD at entry 3") {
		t.Errorf("the exported log: exit code %d\n%s", code, out)
	}
	m.down()
	m.up() // the damage is found at the start, and nothing but the office stops
	deadline := time.Now().Add(time.Minute)
	for m.ready() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the office does not find the damage at its start")
		}
		time.Sleep(50 * time.Millisecond)
	}
	token := func(user string) string {
		text, err := m.token(user)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), user)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return "--token-file=" + path
	}
	why := "--reason=an administrator changed a row by hand"
	m.anpr(1, "both tokens are of auditor1", "access-log", "break", token("auditor1"), token("auditor1"), why)
	m.anpr(1, "no auditors", "access-log", "break", token("officer1"), token("prosecutor1"), why)
	usersFile := filepath.Join(m.Machine.Config.Reference.Dir, "users.yaml")
	raw, err := os.ReadFile(usersFile)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "users.yaml") // whoever writes the file is every person in it
	if err := os.WriteFile(copied, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	m.anpr(1, "is not the file of the office that runs here", "access-log", "break", token("auditor1"), token("prosecutor1"), why, "--users="+copied)
	m.anpr(1, "--users", "access-log", "break", token("auditor1"), token("prosecutor1"), why, "--users="+copied+".none")
	known := hex.EncodeToString(func() []byte { s := sha256.Sum256(raw); return s[:] }())
	if out := m.anpr(0, "closed as damaged from entry 3 on", "access-log", "break", token("auditor1"), token("prosecutor1"), why, "--users="+usersFile); !strings.Contains(out, known) {
		t.Errorf("the break does not name the file of the users %s:\n%s", known, out)
	}
	m.anpr(1, "there is no damaged segment", "access-log", "break", token("auditor1"), token("prosecutor1"), why)
	for m.ready() != nil {
		if time.Now().After(deadline.Add(time.Minute)) {
			t.Fatal("the office does not open after the break")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if n := m.lookUp(); n != 12 {
		t.Errorf("the first look-up after the break has number %d, want 12", n)
	}
	m.anpr(0, "entries 1 to 9 are damaged from entry 3 on", "access-log", "verify")
}

// spoilHeads replaces the checkpoint of the Merkle log with a forged one; the function returned puts it back.
func (m *oneMachine) spoilHeads() (putBack func()) {
	m.t.Helper()
	path := filepath.Join(m.dir, "look-ups", "heads", "checkpoint")
	whole, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte("forged"), 0o600)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
}

// ready asks the machine whether its office answers look-ups.
func (m *oneMachine) ready() error {
	m.t.Helper()
	resp, err := http.Get("http://" + m.Machine.Config.OpsAddr + "/readyz")
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(`"office":"ok"`)) {
		return errors.New(string(raw))
	}
	return nil
}

// token returns the token of a user of the sample.
func (m *oneMachine) token(user string) (string, error) {
	q := ask.ClientFlags{User: user, DataFlags: flags.DataFlags{Data: m.dir}}
	c, err := q.NewClient()
	if err != nil {
		return "", err
	}
	return c.Token, nil
}

// loseTables moves the database aside, as the runbook says.
func (m *oneMachine) loseTables() {
	m.t.Helper()
	aside := filepath.Join(m.dir, "clickhouse.aside")
	if err := errors.Join(os.RemoveAll(aside), os.Rename(filepath.Join(m.dir, "clickhouse"), aside)); err != nil {
		m.t.Fatal(err)
	}
}
