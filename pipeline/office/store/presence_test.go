package store

import (
	"context"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// openPeople opens the store of an office.
func openPeople(t *testing.T, at platform.Postgres) *People {
	t.Helper()
	pool, err := at.Open(t.Context(), "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return NewPeople(pool)
}

// An office's slots are free as soon as the session ends, and not before, whatever time they were taken for.
func TestTheSlotsOfAnOfficeEndWithItsSession(t *testing.T) {
	at := testkit.StartPostgres(t)
	one, two := openPeople(t, at), openPeople(t, at)
	for round := range 2 { // in the second the office has lost a session
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

// StayPresent opens a new session when the server has ended one, and none is left when the office ends.
func TestAnOfficeStaysPresentUntilItEnds(t *testing.T) {
	at := testkit.StartPostgres(t)
	one, two := openPeople(t, at), openPeople(t, at)
	isPresent := func(office int32) (present bool) {
		t.Helper()
		if err := two.pool.QueryRow(t.Context(), "SELECT office_is_present($1)", office).Scan(&present); err != nil {
			t.Fatal(err)
		}
		return present
	}
	await := func(what string, holds func() bool) {
		t.Helper()
		for began := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > time.Minute {
				t.Fatalf("not within a minute: %s", what)
			}
		}
	}
	life, end := context.WithCancel(t.Context())
	defer end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		one.StayPresent(life)
	}()
	await("a session", func() bool { return one.present.Load() != 0 })
	first := one.present.Load()
	if !isPresent(first) {
		t.Error("the office is not present")
	}
	var gone bool
	err := two.pool.QueryRow(t.Context(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2", presenceClass, first).Scan(&gone)
	if err != nil || !gone {
		t.Fatalf("end the session: %t, %v", gone, err)
	}
	await("another session", func() bool { n := one.present.Load(); return n != 0 && n != first })
	second := one.present.Load()
	if isPresent(first) || !isPresent(second) {
		t.Errorf("present are %d: %t, and %d: %t; want the second alone", first, isPresent(first), second, isPresent(second))
	}
	end()
	<-ended
	await("no session", func() bool { return !isPresent(second) })
	if n := one.present.Load(); n != 0 {
		t.Errorf("an office that has ended takes slots as number %d", n)
	}
}
