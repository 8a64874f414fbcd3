package flags

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// A command beside an anpr up takes reference data and users from the run file. The command notices when another
// anpr up runs in the same place, because the passwords are then others.
func TestACommandKnowsTheAnprUpThatRuns(t *testing.T) {
	dir := t.TempDir()
	start := func(at time.Time) *embedded.Claim {
		t.Helper()
		c, err := embedded.ClaimRun(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(embedded.RunFile{Started: at, Reference: "/data/reference", Users: "/data/people.yaml", Postgres: "127.0.0.1:1"}, embedded.NewSecrets()); err != nil {
			t.Fatal(err)
		}
		return c
	}
	find := func() *Local {
		t.Helper()
		l, err := (&DataFlags{Data: dir}).FindRunning()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := start(time.Unix(1, 0))
	l := find()
	var reference ReferenceFlags
	users := ""
	l.FillReference(&reference, &users)
	if reference.Reference != "/data/reference" || users != "/data/people.yaml" || reference.IndexDir() == "" {
		t.Errorf("got %+v and %q", reference, users)
	}
	reference, users = ReferenceFlags{Reference: "/other"}, ""
	l.FillReference(&reference, &users)
	if reference.Reference != "/other" || users != "" {
		t.Errorf("what was given became %+v and %q", reference, users)
	}
	short, cancel := context.WithTimeout(t.Context(), 2*nextRunLook+nextRunLook/2)
	defer cancel()
	if err := l.AwaitNext(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it runs: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	defer start(time.Unix(2, 0)).Close()
	if err := l.AwaitNext(t.Context()); err != nil {
		t.Errorf("after another start: %v", err)
	}
	if l.Secrets.Postgres[embedded.PostgresOffice] == find().Secrets.Postgres[embedded.PostgresOffice] {
		t.Error("both runs have one password: this test tests nothing")
	}
}

// A command that begins anew waits until an `anpr up` runs and has published its addresses. It takes no other addresses.
func TestACommandThatBeginsAnewWaitsForTheAnprUp(t *testing.T) {
	f := &DataFlags{Data: t.TempDir()}
	waits := func(when string) {
		t.Helper()
		short, cancel := context.WithTimeout(t.Context(), nextRunLook/4)
		defer cancel()
		if l, err := f.AwaitRunning(short); l != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %+v, err %v, want to wait", when, l, err)
		}
	}
	waits("nothing runs")
	c, err := embedded.ClaimRun(f.Data)
	if err != nil {
		t.Fatal(err)
	}
	waits("it starts")
	if err := c.Publish(embedded.RunFile{Started: time.Unix(1, 0)}, embedded.NewSecrets()); err != nil {
		t.Fatal(err)
	}
	if l, err := f.AwaitRunning(t.Context()); err != nil || l == nil {
		t.Errorf("it runs: got %+v, err %v", l, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	waits("it was stopped")
}
