package store

import (
	"testing"
	"time"
)

// A row of an instant that has not come, or that is none, shuts no office and hides no finding.
func TestAFindingOfAnInstantThatHasNotComeIsNone(t *testing.T) {
	b := newBooks(t)
	for i, at := range []string{"infinity", "-infinity", "3000-01-01 00:00:00+00"} {
		if _, err := b.pg.Exec(t.Context(), "INSERT INTO look_up_findings (at, seq, first_bad, problem) VALUES ($1::text::timestamptz, $2, 1, 'of no instant')", at, i); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := b.logs.NewestFinding(t.Context(), time.Time{}); err != nil || f != nil {
		t.Errorf("got %+v, err %v, want none", f, err)
	}
	if err := b.logs.NoteFinding(t.Context(), DamageFinding{Seq: 6, FirstBad: 2, Problem: "its content does not have its hash"}); err != nil {
		t.Fatal(err)
	}
	f, err := b.logs.NewestFinding(t.Context(), time.Time{})
	if err != nil || f == nil || f.FirstBad != 2 || f.Seq != 6 {
		t.Fatalf("got %+v, err %v, want the finding", f, err)
	}
	if f, err := b.logs.NewestFinding(t.Context(), f.At); err != nil || f != nil {
		t.Errorf("after it: %+v, err %v, want none", f, err)
	}
}
