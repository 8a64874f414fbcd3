package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Totals are the numbers of one snapshot.
type Totals struct {
	Cases    int64 // all, with attempts
	Offences int64 // distinct
	Attempts int64 // cases beyond the first of an offence
	ByState  map[cases.State]int64
	Events   int64
	Outbox   int64          // events that wait for publication
	Oldest   schemas.Micros // recorded_at of the oldest of them; 0 = none
	Holds    []HoldCount
	Overlong int64 // holds past their longest time by more than an hour
}

// Totals returns the numbers in one snapshot.
func (s *Store) Totals(ctx context.Context) (t Totals, err error) {
	t.ByState = make(map[cases.State]int64)
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		if err := sumStates(ctx, tx, &t, now); err != nil {
			return err
		}
		var oldest *time.Time
		if err := tx.QueryRow(ctx, "SELECT count(*), min(recorded_at) FROM outbox").Scan(&t.Outbox, &oldest); err != nil {
			return err
		}
		t.Oldest = microsOrZero(oldest)
		if t.Holds, err = countHolds(ctx, tx, nil, nil); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT count(*) FROM cases WHERE state IN ('held', 'keying') AND (present->>'hold_longest')::bigint < $1", int64(now-schemas.Hour)).Scan(&t.Overlong)
	})
	return t, safeError("count cases", err)
}

func sumStates(ctx context.Context, tx pgx.Tx, t *Totals, now schemas.Micros) error {
	rows, err := tx.Query(ctx, `SELECT CASE WHEN state = 'settling' AND effective_at <= $1 THEN settles_to ELSE state END, count(*), count(*) FILTER (WHERE attempt = 1), sum(version)::bigint
		FROM cases GROUP BY 1`, now.Time())
	if err != nil {
		return err
	}
	var state string
	var n, first, events int64
	_, err = pgx.ForEachRow(rows, []any{&state, &n, &first, &events}, func() error {
		t.ByState[cases.State(state)] += n
		t.Cases, t.Offences, t.Attempts, t.Events = t.Cases+n, t.Offences+first, t.Attempts+n-first, t.Events+events
		return nil
	})
	return err
}

// MyLast returns the user's last n answers, newest first.
func (s *Store) MyLast(ctx context.Context, user string, n int) ([]cases.Event, error) {
	rows, err := s.pool.Query(ctx, `SELECT body, prev_sha256, sha256 FROM case_events WHERE user_name = $1 AND kind IN ('decided', 'second_decided', 'keyed', 'probe')
		ORDER BY recorded_at DESC LIMIT $2`, user, n)
	if err != nil {
		return nil, safeError("find answers", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (cases.Event, error) {
		var body, prev, sum []byte
		if err := row.Scan(&body, &prev, &sum); err != nil {
			return cases.Event{}, err
		}
		return cases.ParseEvent(schemas.Digest(prev), schemas.Digest(sum), body)
	})
	return out, safeError("find answers", err)
}

// Missing returns the offences that are no case, in the order given.
func (s *Store) Missing(ctx context.Context, offences []schemas.OffenceID) ([]schemas.OffenceID, error) {
	ids := make([][16]byte, len(offences))
	for i, o := range offences {
		ids[i] = o.ID
	}
	rows, err := s.pool.Query(ctx, "SELECT o FROM unnest($1::uuid[]) WITH ORDINALITY AS t (o, i) WHERE NOT EXISTS (SELECT FROM cases WHERE offence_id = o AND attempt = 1) ORDER BY i", ids)
	if err != nil {
		return nil, safeError("find missing cases", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o schemas.OffenceID, err error) {
		err = row.Scan(&o)
		return o, err
	})
	return out, safeError("find missing cases", err)
}

// OpenIncident is an incident that nobody has closed.
type OpenIncident struct {
	Case     cases.ID
	N        int64
	Kind     cases.IncidentKind
	Text     string
	OpenedAt schemas.Micros
}

// Incidents returns at most limit open incidents in the zones and regimes, oldest first.
func (s *Store) Incidents(ctx context.Context, zones []string, regimes []cases.Regime, limit int) ([]OpenIncident, error) {
	w := &where{}
	w.add("closed_at IS NULL")
	w.bound(zones, regimes)
	rows, err := s.pool.Query(ctx, "SELECT i.case_id, i.n, i.kind, i.text, i.opened_at FROM incidents i JOIN cases c USING (case_id)"+w.sql()+" ORDER BY opened_at LIMIT "+strconv.Itoa(limit), w.args...)
	if err != nil {
		return nil, safeError("list incidents", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i OpenIncident, err error) {
		var kind string
		var at time.Time
		err = row.Scan(&i.Case, &i.N, &kind, &i.Text, &at)
		i.Kind, i.OpenedAt = cases.IncidentKind(kind), schemas.MicrosOf(at)
		return i, err
	})
	return out, safeError("list incidents", err)
}
