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

// Totals returns the numbers in one snapshot. It reads the counts that each change keeps, and by indexes what they do not have:
// neither all cases nor their events.
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
		if t.Holds, err = sumHolds(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, overlongHolds, int64(now-schemas.Hour)).Scan(&t.Overlong)
	})
	return t, safeError("count cases", err)
}

const (
	overlongHolds   = "SELECT count(*) FROM cases WHERE state IN ('held', 'keying') AND (present->>'hold_longest')::bigint < $1"
	settledVerdicts = "SELECT settles_to, count(*) FROM cases WHERE state = 'settling' AND effective_at <= $1 GROUP BY 1"
	countedStates   = "SELECT state, sum(n)::bigint, sum(first)::bigint, sum(versions)::bigint FROM case_counts GROUP BY 1 HAVING sum(n) <> 0"
	countedHolds    = `SELECT hold_reason, n, (SELECT min(held_since) FROM cases WHERE state = 'held' AND hold_reason = r.hold_reason),
			(SELECT min(hold_until) FROM cases WHERE state = 'held' AND hold_reason = r.hold_reason)
		FROM (SELECT hold_reason, sum(n)::bigint AS n FROM case_counts WHERE state = 'held' GROUP BY 1 HAVING sum(n) > 0) r ORDER BY 2 DESC, 1`
)

// sumStates adds the counts up. A verdict that took effect and that no sweep has written counts as what it became.
func sumStates(ctx context.Context, tx pgx.Tx, t *Totals, now schemas.Micros) error {
	var state string
	var n, first, events int64
	rows, err := tx.Query(ctx, countedStates)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&state, &n, &first, &events}, func() error {
		t.ByState[cases.State(state)] += n
		t.Cases, t.Offences, t.Attempts, t.Events = t.Cases+n, t.Offences+first, t.Attempts+n-first, t.Events+events
		return nil
	})
	if err != nil {
		return err
	}
	if rows, err = tx.Query(ctx, settledVerdicts, now.Time()); err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error {
		t.ByState[cases.State(state)] += n
		if t.ByState[cases.Settling] -= n; t.ByState[cases.Settling] == 0 {
			delete(t.ByState, cases.Settling)
		}
		return nil
	})
	return err
}

// sumHolds returns the holds by reason.
func sumHolds(ctx context.Context, tx pgx.Tx) ([]HoldCount, error) {
	rows, err := tx.Query(ctx, countedHolds)
	if err != nil {
		return nil, err
	}
	return collectHolds(rows)
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
	sql, args := incidentsStatement(zones, regimes, limit)
	rows, err := s.pool.Query(ctx, sql, args...)
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

// incidentsStatement finds the case of each open incident by its id: there are few of them, and many cases.
func incidentsStatement(zones []string, regimes []cases.Regime, limit int) (sql string, args []any) {
	w := &where{}
	w.bound(zones, regimes)
	w.add("c.case_id = i.case_id")
	return "SELECT i.case_id, i.n, i.kind, i.text, i.opened_at FROM incidents i WHERE closed_at IS NULL AND EXISTS (SELECT FROM cases c" + w.sql() + " OFFSET 0) ORDER BY opened_at LIMIT " +
		strconv.Itoa(limit), w.args
}
