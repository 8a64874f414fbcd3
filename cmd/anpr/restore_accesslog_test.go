package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
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
	a, err := c.Hits(m.t.Context(), office.HitsQuery{Ask: office.Ask{Purpose: "judicial", Reason: "a test of everything", CaseRef: "1"}})
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

func TestTheAccessLogOfOneMachineComesBackFromItsOwnBackup(t *testing.T) {
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
	m.anpr(0, "backup of-the-day", "backup", "of-the-day")
	for range 2 {
		m.lookUp()
	}
	m.anpr(0, "backup access-1", "backup", "access-1", "--only=access_log")
	noted := m.head()
	// A restore beside the office would lose the entries written meanwhile.
	m.anpr(1, "stop the office first", "restore", "--only=access_log", "--from-backup=access-1")
	m.down()

	t.Run("after everything was rebuilt from the log", func(t *testing.T) {
		m.t = t
		m.loseTables()
		m.anpr(0, "is rebuilt", "restore", "--from-log")
		elsewhere := filepath.Join(t.TempDir(), "backups") // as the unit has them
		move := func(from, to string) {
			// a start makes the directory again, empty
			if err := errors.Join(os.RemoveAll(to), os.Rename(from, to)); err != nil {
				t.Fatal(err)
			}
		}
		move(filepath.Join(m.dir, "backups"), elsewhere)
		m.anpr(1, "there is no backup", "restore", "--only=access_log", "--from-backup=access-1")
		t.Setenv("ANPR_BACKUPS", elsewhere)
		m.anpr(0, "5 entries, the chain holds", "restore", "--only=access_log", "--from-backup=access-1")
		move(elsewhere, filepath.Join(m.dir, "backups"))
		m.goesOn(noted, 6)
	})
	t.Run("after an earlier backup of everything", func(t *testing.T) {
		m.t = t
		m.down()
		m.loseTables()
		m.anpr(0, "is rebuilt", "restore", "--from-backup=of-the-day")
		m.anpr(0, "5 entries, the chain holds", "restore", "--only=access_log", "--from-backup=access-1")
		m.goesOn(noted, 6)
	})
	t.Run("look-ups that the backup lacks are not thrown away", func(t *testing.T) {
		m.t = t
		later := m.head()
		m.down()
		m.anpr(1, "nothing was changed", "restore", "--only=access_log", "--from-backup=access-1")
		m.anpr(1, "there is no backup", "restore", "--only=access_log", "--from-backup=access-9")
		m.up()
		m.head(later...)
		m.down()
		m.anpr(0, "is kept as anpr_access_log.access_log_replaced_", "restore", "--only=access_log", "--from-backup=access-1", "--replace")
		m.goesOn(noted, 6)
	})
	for _, args := range [][]string{
		{"restore", "--only=reads", "--from-backup=access-1"}, {"restore", "--only=access_log", "--from-log"}, {"restore", "--from-log", "--replace"},
	} {
		if code, out := captured(t, append(args, "--data="+m.dir)...); code == 0 || !strings.Contains(out, "--only") {
			t.Errorf("%q: exit code %d\n%s", args, code, out)
		}
	}
}

// loseTables moves the database aside, as the runbook says.
func (m *oneMachine) loseTables() {
	m.t.Helper()
	aside := filepath.Join(m.dir, "clickhouse.aside")
	if err := errors.Join(os.RemoveAll(aside), os.Rename(filepath.Join(m.dir, "clickhouse"), aside)); err != nil {
		m.t.Fatal(err)
	}
}

// goesOn starts the machine: the noted entry is there, and the next look-up has the number after the last one.
func (m *oneMachine) goesOn(noted []string, next uint64) {
	m.t.Helper()
	m.up()
	m.head(noted...)
	if n := m.lookUp(); n != next {
		m.t.Errorf("the next look-up has entry %d, want %d", n, next)
	}
}
