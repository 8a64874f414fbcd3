package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// watchedStore is the store of one office. inSeal runs each time that entries are sealed.
type watchedStore struct {
	*LookUps
	seals  int
	inSeal func()
}

func (s *watchedStore) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	return s.LookUps.Append(ctx, es, func(end access.End) error {
		s.seals++
		if s.inSeal != nil {
			s.inSeal()
		}
		return seal(end)
	})
}

// openWatched opens an office with a separate store.
func (b *books) openWatched() (*watchedStore, func()) {
	b.t.Helper()
	s := &watchedStore{LookUps: NewLookUps(b.logs.pool)}
	l, err := access.OpenLog(b.t.Context(), s, b.keys)
	if err != nil {
		b.t.Fatal(err)
	}
	appendOne := func() {
		b.t.Helper()
		s.seals = 0
		if _, err := l.LogIdentity(b.t.Context(), access.Identity{What: "sign_in", User: &officer}); err != nil {
			b.t.Fatal(err)
		}
	}
	return s, appendOne
}

// While an office seals entries, the head is free for others: a slow or killed office keeps nobody waiting.
func TestAnOfficeAloneLocksTheHeadForNoRoundTrip(t *testing.T) {
	b := newBooks(t)
	s, appendOne := b.openWatched()
	appendOne()
	appendOne() // now the office knows that nobody else appends
	free := false
	s.inSeal = func() {
		_, err := b.pg.Exec(t.Context(), "SELECT FROM look_up_head FOR UPDATE NOWAIT")
		free = err == nil
	}
	appendOne()
	if !free || s.seals != 1 {
		t.Errorf("the head was free: %t; sealed %d times, want once", free, s.seals)
	}
}

// When the log changed between sealing and adding, entries are sealed again, on the new end and with the new time.
func TestEntriesAreSealedAnewWhenTheLogWentOn(t *testing.T) {
	for name, disturb := range map[string]func(b *books, s *watchedStore, other func()){
		"another office appends": func(_ *books, _ *watchedStore, other func()) { other() },
		"the clock of the machine was put": func(_ *books, s *watchedStore, _ func()) {
			s.left.end.Now -= schemas.Micros(time.Hour.Microseconds())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t)
			s, appendOne := b.openWatched()
			_, other := b.openWatched()
			for range 3 {
				appendOne()
			}
			s.inSeal = func() {
				s.inSeal = nil
				disturb(b, s, other)
			}
			if name != "another office appends" {
				s.inSeal()
			}
			appendOne()
			if s.seals != 2 {
				t.Errorf("sealed %d times, want 2", s.seals)
			}
			other()
			appendOne()
			var before schemas.Micros
			err := b.logs.Scan(t.Context(), 1, func(e *access.Entry) error {
				if since := time.Since(e.At.Time()); e.At < before || since > 10*time.Minute {
					t.Errorf("entry %d is of %s, %s ago; the one before of %s", e.Seq, e.At, since, before)
				}
				before = e.At
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() {
				t.Errorf("got %+v, err %v", v, err)
			}
		})
	}
}

// The head is unlocked before the disk has the entries; the caller waits until the disk has them, even where other
// commits do not wait.
func TestWhatIsAppendedIsOnTheDisk(t *testing.T) {
	for _, setting := range []string{"on", "off"} {
		t.Run("synchronous_commit="+setting, func(t *testing.T) {
			b := newBooks(t)
			cfg := b.logs.pool.Config()
			cfg.ConnConfig.RuntimeParams["synchronous_commit"] = setting
			pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			b.logs = NewLookUps(pool)
			_, appendOne := b.openWatched()
			durable := 0
			for range 20 {
				appendOne()
				var yes bool
				if err := b.pg.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()").Scan(&yes); err != nil {
					t.Fatal(err)
				}
				if yes {
					durable++
				}
			}
			if durable < 10 { // the server also writes now and then
				t.Errorf("after %d of 20 appends the disk had everything", durable)
			}
		})
	}
}

// Committed entries are added once, even when the wait for the disk fails; the caller then gets an error.
func TestEntriesThatWereCommittedAreNotAddedTwice(t *testing.T) {
	b := newBooks(t)
	s := NewLookUps(b.logs.pool)
	l, err := access.OpenLog(t.Context(), s, b.keys)
	if err != nil {
		t.Fatal(err)
	}
	appendOne := func() error {
		_, err := l.LogIdentity(t.Context(), access.Identity{What: "sign_in", User: &officer})
		return err
	}
	for range 2 { // by now it knows that nobody else appends
		if err := appendOne(); err != nil {
			t.Fatal(err)
		}
	}
	const body = "CREATE OR REPLACE FUNCTION look_up_flush() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN %s; END $$"
	for _, statement := range []string{"RAISE EXCEPTION 'not on the disk'", "PERFORM pg_logical_emit_message(true, 'anpr', '')"} {
		if _, err := b.pg.Exec(t.Context(), fmt.Sprintf(body, statement)); err != nil {
			t.Fatal(err)
		}
		if err := appendOne(); (err == nil) == strings.HasPrefix(statement, "RAISE") {
			t.Errorf("%s: got %v", statement, err)
		}
	}
	var entries int
	if err := b.pg.QueryRow(t.Context(), "SELECT count(*) FROM look_ups").Scan(&entries); err != nil || entries != 4 {
		t.Errorf("got %d entries, err %v, want 4 of 4 appends", entries, err)
	}
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("got %+v, err %v", v, err)
	}
}

// An office that stands still with the head's lock delays the others for a bounded time, and goes on when it runs again.
func TestAnOfficeThatStandsStillHoldsTheHeadForABoundedTime(t *testing.T) {
	before := holdTime
	holdTime = "200ms"
	t.Cleanup(func() { holdTime = before })
	b := newBooks(t)
	s := &watchedStore{LookUps: NewLookUps(b.logs.pool)}
	l, err := access.OpenLog(t.Context(), s, b.keys)
	if err != nil {
		t.Fatal(err)
	}
	_, other := b.openWatched()
	other()
	s.inSeal = func() { // the first append of an office seals under the lock
		s.inSeal = nil
		other()
	}
	if _, err := l.LogIdentity(t.Context(), access.Identity{What: "sign_in", User: &officer}); !errors.Is(err, access.ErrUnavailable) {
		t.Errorf("the office that stood still: got %v", err)
	}
	if _, err := l.LogIdentity(t.Context(), access.Identity{What: "sign_in", User: &officer}); err != nil {
		t.Errorf("when it runs again: %v", err)
	}
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Head.Seq != 3 {
		t.Errorf("got %+v, err %v, want 3 entries", v, err)
	}
}
