package store

import (
	"path/filepath"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestCasesGoOnAfterARestore(t *testing.T) {
	d := openDesk(t)
	id := twoPersons(d)
	path := filepath.Join(t.TempDir(), "b.zip")
	if _, err := recovery.BackUpPostgres(t.Context(), testkit.PostgresAs(d.at, embedded.PostgresBackup), path); err != nil {
		t.Fatal(err)
	}
	back := openDesk(t)
	back.pass(d.shift())
	if _, err := recovery.RestorePostgres(t.Context(), testkit.PostgresAs(back.at, embedded.PostgresMigrator), path, false); err != nil {
		t.Fatal(err)
	}
	if got := back.stateOf(id); got != cases.Confirmed {
		t.Errorf("the case is %s", got)
	}
	done, err := back.Do(t.Context(), &Request{Case: id, IfVersion: 3, Key: "n", Command: cases.Note{Text: "after the restore"}, By: supervisor("su")})
	if err != nil || done.Event.N != 4 {
		t.Fatalf("%+v, %v", done.Event, err)
	}
	if got := back.takeIn(newIntake(0, back.now()), newIntake(1, back.now())); got != (Taken{New: 1, Repeated: 1}) {
		t.Errorf("the topic once more: %+v", got)
	}
	out, err := back.Outbox(t.Context(), 10)
	if err != nil || len(out) != 5 || out[3].Event != done.Event.ID {
		t.Errorf("the outbox has %d events, %v", len(out), err)
	}
	back.allHolds()
}
