package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// HourSum is a number of ids in an hour, and their sum: two sets of random ids with one number and one sum are the same set.
type HourSum struct {
	Hour schemas.Micros
	N    int64
	Mix  int64 // exclusive or of the last eight bytes of each id
}

// mixOf is the exclusive or of the ids of a column.
func mixOf(column string) string {
	return "coalesce(bit_xor(('x' || right(replace(" + column + "::text, '-', ''), 16))::bit(64)::bigint), 0)"
}

// CountByHour counts the cases of attempt 1 with a capture in [from, to), by hour.
func (s *Store) CountByHour(ctx context.Context, from, to schemas.Micros) ([]HourSum, error) {
	return s.sumHours(ctx, "count cases by hour", "SELECT date_trunc('hour', captured_at, 'UTC'), count(*), "+mixOf("offence_id")+
		" FROM cases WHERE attempt = 1 AND captured_at >= $1 AND captured_at < $2 GROUP BY 1 ORDER BY 1", from, to)
}

// PublishedByHour counts the events recorded in [from, to) that have left the outbox, by hour.
func (s *Store) PublishedByHour(ctx context.Context, from, to schemas.Micros) ([]HourSum, error) {
	return s.sumHours(ctx, "count events by hour", "SELECT date_trunc('hour', recorded_at, 'UTC'), count(*), "+mixOf("e.event_id")+
		" FROM case_events e WHERE recorded_at >= $1 AND recorded_at < $2 AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_id = e.event_id) GROUP BY 1 ORDER BY 1", from, to)
}

func (s *Store) sumHours(ctx context.Context, what, sql string, from, to schemas.Micros) ([]HourSum, error) {
	rows, err := s.pool.Query(ctx, sql, from.Time(), to.Time())
	if err != nil {
		return nil, safeError(what, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h HourSum, err error) {
		var at time.Time
		err = row.Scan(&at, &h.N, &h.Mix)
		h.Hour = schemas.MicrosOf(at)
		return h, err
	})
	return out, safeError(what, err)
}

// EventPlace says where an event is.
type EventPlace struct {
	Case    cases.ID
	Event   cases.ID
	Waiting bool // in the outbox
}

// EventsIn lists the events recorded in [from, to), in the order of case and number.
func (s *Store) EventsIn(ctx context.Context, from, to schemas.Micros) ([]EventPlace, error) {
	rows, err := s.pool.Query(ctx, `SELECT case_id, event_id, EXISTS (SELECT FROM outbox o WHERE o.event_id = e.event_id) FROM case_events e
		WHERE recorded_at >= $1 AND recorded_at < $2 ORDER BY case_id, n`, from.Time(), to.Time())
	if err != nil {
		return nil, safeError("list events", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e EventPlace, err error) {
		err = row.Scan(&e.Case, &e.Event, &e.Waiting)
		return e, err
	})
	return out, safeError("list events", err)
}

// Republish puts events into the outbox again, as they left the first time, and returns how many: those in the outbox
// already are not counted. Whoever counts events counts distinct ids, so a repeat changes nothing. The error names the
// cases whose events do not hold; their events stay away.
func (s *Store) Republish(ctx context.Context, events []EventPlace) (n int, err error) {
	wanted := map[cases.ID]bool{}
	var ids [][16]byte
	for _, e := range events {
		if wanted[e.Event] = true; len(ids) == 0 || ids[len(ids)-1] != e.Case.ID {
			ids = append(ids, e.Case.ID)
		}
	}
	var bad []error
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		n, bad = 0, nil
		stored, err := readEvents(ctx, tx, ids)
		if err != nil {
			return err
		}
		w := &recorder{}
		for _, id := range ids {
			if err := w.queueAgain(stored[cases.ID{ID: id}], wanted, &n); err != nil {
				bad = append(bad, fmt.Errorf("case %s: %w", schemas.ID(id), err))
			}
		}
		return w.send(ctx, tx)
	})
	return n, errors.Join(append(bad, safeError("publish events again", err))...)
}

// queueAgain queues the wanted events of a case for the outbox, with the case as it was after each.
func (w *recorder) queueAgain(found *storedEvents, wanted map[cases.ID]bool, n *int) error {
	if found.problem != "" {
		return errors.New(found.problem)
	}
	if _, err := cases.Fold(found.events); err != nil {
		return err
	}
	var c cases.Case
	for i := range found.events {
		e := &found.events[i]
		c.Apply(e)
		if !wanted[e.ID] {
			continue
		}
		queued, err := w.queueReview(&c, e)
		if err != nil {
			return err
		}
		queued.Exec(func(tag pgconn.CommandTag) error {
			*n += int(tag.RowsAffected())
			return nil
		})
	}
	return nil
}
