package store

import (
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// An office's slots are free as soon as the session ends, and not before, whatever time they were taken for.
func TestTheSlotsOfAnOfficeEndWithItsSession(t *testing.T) {
	at := testkit.StartPostgres(t)
	office := func() *People {
		pool, err := at.Open(t.Context(), "test", 2)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return NewPeople(pool)
	}
	one, two := office(), office()
	for round := range 2 { // an office that lost a session opens another
		conn, err := one.enterPresence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for slot := range 2 {
			if _, ok, err := one.TakeSlot(t.Context(), "u", 2, time.Hour); err != nil || !ok {
				t.Fatalf("round %d, slot %d: %t, %v", round, slot, ok, err)
			}
		}
		if _, ok, err := two.TakeSlot(t.Context(), "u", 2, time.Hour); err != nil || ok {
			t.Errorf("round %d: a third query beside two: %t, %v", round, ok, err)
		}
		var ended bool
		if err := two.pool.QueryRow(t.Context(), "SELECT pg_terminate_backend($1, 5000)", conn.PgConn().PID()).Scan(&ended); err != nil || !ended {
			t.Fatalf("end the session: %t, %v", ended, err)
		}
		if _, ok, err := one.TakeSlot(t.Context(), "u", 2, time.Hour); err != nil || ok {
			t.Errorf("round %d: an office that does not know yet that its session ended: %t, %v", round, ok, err)
		}
		release, ok, err := two.TakeSlot(t.Context(), "u", 2, time.Hour)
		if err != nil || !ok {
			t.Fatalf("round %d, after the office has ended: %t, %v", round, ok, err)
		}
		release()
		if _, err := two.pool.Exec(t.Context(), "DELETE FROM query_slots"); err != nil {
			t.Fatal(err)
		}
	}
	// Without a session an office's slots lapse by time alone.
	if _, ok, err := two.TakeSlot(t.Context(), "u", 1, time.Hour); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, err := one.TakeSlot(t.Context(), "u", 1, time.Hour); err != nil || ok {
		t.Errorf("a slot that has not lapsed: %t, %v", ok, err)
	}
}
