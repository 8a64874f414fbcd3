package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// FiguresTime is how far back the figures of persons and rules go: four weeks.
const FiguresTime = 28 * 24 * time.Hour

// Team is what a supervisor must know, of one moment.
type Team struct {
	Now       schemas.Micros
	Work      []WorkCount // by queue, due class and zone
	DueBy     []DueCount  // undecided work by the day on which it becomes overdue
	Decided   []PaceCount // cases decided on each of the last working days
	PaceDays  []schemas.Day
	Inbox     map[InboxPart]Inbox
	Holds     []TeamHold
	Hours     []HourCount
	Rules     []Agreement // by rule
	Persons   []PersonFigures
	Leases    []LeaseCount
	Intake    []IntakeHour
	Brought   []BroughtCount
	Approvals []string // ids of approvals that wait for anybody
}

// TeamQuery bounds the figures of a team.
type TeamQuery struct {
	Zones   []string
	Regimes []cases.Regime
	Rows    int // first rows of each part of the inbox
}

// DueCount is the number of undecided cases of a zone that become overdue at the end of a day.
type DueCount struct {
	Zone string
	Day  schemas.Day // the last day; a case of an earlier day is overdue
	N    int64
}

// PaceCount is the number of cases of a zone whose verdict took effect on a day.
type PaceCount struct {
	Zone string
	Day  schemas.Day
	N    int64
}

// paceDays is the number of working days of a pace.
const paceDays = 5

// lastWorkingDays returns the last whole days before today from Monday to Friday, the oldest first.
func lastWorkingDays(today schemas.Day) []schemas.Day {
	out := make([]schemas.Day, paceDays)
	for i, d := paceDays-1, today-1; i >= 0; d-- {
		if IsWorkingDay(d) {
			out[i] = d
			i--
		}
	}
	return out
}

// IsWorkingDay reports whether the day is a Monday to Friday. Public holidays count: on them a pace is low, which makes a
// forecast careful.
func IsWorkingDay(d schemas.Day) bool {
	w := d.Start().Time().In(schemas.Brussels()).Weekday()
	return w != time.Saturday && w != time.Sunday
}

// Team returns the figures of the zones and regimes, in one snapshot.
func (s *Store) Team(ctx context.Context, q TeamQuery) (*Team, error) {
	t := &Team{Inbox: map[InboxPart]Inbox{}}
	err := pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		var err error
		if t.Now, err = s.readClock(ctx, tx); err != nil {
			return err
		}
		for _, read := range []func(context.Context, pgx.Tx, *Team, *TeamQuery) error{
			readWork, readForecast, readInbox, s.readHolds, readHours, readAgreement, readPersons, readLeases, readIntake, readBrought, readApprovals,
		} {
			if err := read(ctx, tx, t, &q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, safeError("read the figures of a team", err)
	}
	return t, nil
}

func readWork(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) (err error) {
	t.Work, err = countWork(ctx, tx, q.Zones, q.Regimes, t.Now)
	return err
}

// brusselsDayOf is the Brussels day of an instant, in days since 1970, as [schemas.Day] counts.
func brusselsDayOf(instant string) string {
	return "(((" + instant + ") AT TIME ZONE 'Europe/Brussels')::date - date '1970-01-01')"
}

// readForecast counts what becomes overdue on which day, and what was decided on the last working days.
func readForecast(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	w := &where{}
	w.bound(q.Zones, q.Regimes)
	w.add("kind IN ('open', 'second', 'keying', 'arbitration')")
	w.add("day < ?", int32((farFuture - 1).Day()))
	rows, err := tx.Query(ctx, "SELECT zone, day, sum(n)::bigint FROM case_work"+w.sql()+" GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2", w.args...)
	if err != nil {
		return err
	}
	if t.DueBy, err = pgx.CollectRows(rows, scanDayCount[DueCount]); err != nil {
		return err
	}
	t.PaceDays = lastWorkingDays(t.Now.Day())
	w = &where{}
	w.bound(q.Zones, q.Regimes)
	w.add("state IN ('confirmed', 'transmitted', 'returned', 'annulled', 'rejected')")
	w.add("effective_at >= ? AND effective_at < ?", t.PaceDays[0].Start().Time(), t.Now.Day().Start().Time())
	days := make([]int32, len(t.PaceDays))
	for i, d := range t.PaceDays {
		days[i] = int32(d)
	}
	w.add(brusselsDayOf("effective_at")+" = ANY (?)", days)
	if rows, err = tx.Query(ctx, "SELECT zone, "+brusselsDayOf("effective_at")+" AS day, count(*) FROM cases"+w.sql()+" GROUP BY 1, 2 ORDER BY 1, 2", w.args...); err != nil {
		return err
	}
	t.Decided, err = pgx.CollectRows(rows, scanDayCount[PaceCount])
	return err
}

// scanDayCount reads a number of a zone and day.
func scanDayCount[C DueCount | PaceCount](row pgx.CollectableRow) (C, error) {
	var zone string
	var day int32
	var n int64
	err := row.Scan(&zone, &day, &n)
	return C{Zone: zone, Day: schemas.Day(day), N: n}, err
}

// TeamHold is the number of holds of a reason, by their age.
type TeamHold struct {
	HoldCount
	WaitsFor string   // date, copy, keying or hand
	Ages     [4]int64 // held for less than a day, up to three days, up to ten days, longer
}

// readHolds counts holds by reason and age. Cases to be keyed wait for two persons.
func (s *Store) readHolds(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	w := &where{args: []any{t.Now.Time()}}
	w.add("state IN ('held', 'keying')")
	w.bound(q.Zones, q.Regimes)
	rows, err := tx.Query(ctx, `SELECT hold_reason, count(*), min(held_since), min(hold_until), bool_or(hold_until IS NOT NULL),
			count(*) FILTER (WHERE held_since > $1::timestamptz - interval '1 day'), count(*) FILTER (WHERE held_since <= $1::timestamptz - interval '1 day' AND held_since > $1::timestamptz - interval '3 days'),
			count(*) FILTER (WHERE held_since <= $1::timestamptz - interval '3 days' AND held_since > $1::timestamptz - interval '10 days'), count(*) FILTER (WHERE held_since <= $1::timestamptz - interval '10 days')
		FROM cases`+w.sql()+" GROUP BY 1 ORDER BY 1", w.args...)
	if err != nil {
		return err
	}
	policy := s.o.Policy()
	t.Holds, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h TeamHold, err error) {
		var oldest, next *time.Time
		var dated bool
		err = row.Scan(&h.Reason, &h.N, &oldest, &next, &dated, &h.Ages[0], &h.Ages[1], &h.Ages[2], &h.Ages[3])
		h.Oldest, h.Next = microsOrZero(oldest), microsOrZero(next)
		switch rule := policy.Holds[h.Reason]; {
		case rule.ByKeying:
			h.WaitsFor = "keying"
		case rule.ByHand:
			h.WaitsFor = "hand"
		case dated:
			h.WaitsFor = "date"
		default:
			h.WaitsFor = "copy"
		}
		return h, err
	})
	return err
}

// HourCount is the number of answers to items of a queue in an hour. An answer that was taken back is none.
type HourCount struct {
	Hour  schemas.Micros
	Queue cases.Queue
	N     int64
}

// hoursShown is the time of the answers by hour.
const hoursShown = 24 * time.Hour

// takenBack selects the ids of the answers since $1 that were taken back.
const takenBack = "SELECT (convert_from(body, 'UTF8')::jsonb->>'of')::uuid FROM case_events WHERE kind = 'undone' AND recorded_at >= $1"

// eventsBound bounds events to the zones and regimes of their cases; the events are e, the cases c.
func eventsBound(q *TeamQuery, w *where) {
	if len(q.Zones) > 0 {
		w.add("c.zone = ANY (?)", q.Zones)
	}
	if len(q.Regimes) > 0 {
		w.add("c.regime = ANY (?)", namesOf(q.Regimes))
	}
}

func readHours(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	from := t.Now.Time().Add(-hoursShown).Truncate(time.Hour)
	w := &where{args: []any{from}}
	w.add("e.kind IN ('decided', 'second_decided', 'keyed', 'arbitrated') AND e.recorded_at >= $1 AND e.event_id NOT IN (" + takenBack + ")")
	eventsBound(q, w)
	rows, err := tx.Query(ctx, `SELECT date_trunc('hour', e.recorded_at, 'UTC'), CASE e.kind WHEN 'decided' THEN 'decide' WHEN 'second_decided' THEN 'second' WHEN 'keyed' THEN 'key' ELSE 'arbitration' END,
		count(*) FROM case_events e`+joinCases(q)+w.sql()+" GROUP BY 1, 2 ORDER BY 1, 2", w.args...)
	if err != nil {
		return err
	}
	t.Hours, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h HourCount, err error) {
		var at time.Time
		var queue string
		err = row.Scan(&at, &queue, &h.N)
		h.Hour, h.Queue = schemas.MicrosOf(at), cases.Queue(queue)
		return h, err
	})
	return err
}

// CountHeld counts the items that people hold now, by person, in all zones: how busy somebody is does not depend on who
// asks.
func (s *Store) CountHeld(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT lease_user, count(*) FROM case_leases JOIN cases USING (case_id, lease_id) WHERE lease_until > $1 GROUP BY 1", now.Time())
		if err != nil {
			return err
		}
		var user string
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&user, &n}, func() error {
			out[user] = n
			return nil
		})
		return err
	})
	return out, safeError("count what people hold", err)
}

// LeaseCount says which items a person holds.
type LeaseCount struct {
	User  string
	Queue cases.Queue
	N     int64
	Until schemas.Micros // of the lease that ends last
}

// readLeases counts what people hold. A known answer counts as an item to decide, which is what its holder sees.
func readLeases(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) error {
	w := &where{args: []any{t.Now.Time()}}
	w.add("lease_until > $1")
	w.bound(q.Zones, q.Regimes)
	rows, err := tx.Query(ctx, `SELECT lease_user, CASE WHEN lease_probe OR state = 'open' THEN 'decide' WHEN state = 'keying' THEN 'key' WHEN state IN ('confirmed', 'rejected') THEN 'counter' ELSE state END,
		count(*), max(lease_until) FROM case_leases JOIN cases USING (case_id, lease_id)`+w.sql()+" GROUP BY 1, 2 ORDER BY 1, 2", w.args...)
	if err != nil {
		return err
	}
	t.Leases, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (l LeaseCount, err error) {
		var queue string
		var until time.Time
		err = row.Scan(&l.User, &queue, &l.N, &until)
		l.Queue, l.Until = cases.Queue(queue), schemas.MicrosOf(until)
		return l, err
	})
	return err
}

// readApprovals lists the approvals that wait, for whomever. Who may decide which is the office's to say.
func readApprovals(ctx context.Context, tx pgx.Tx, t *Team, _ *TeamQuery) error {
	rows, err := tx.Query(ctx, "SELECT approval_id::text FROM approvals WHERE outcome = '' AND asked_at > clock_timestamp() - "+approvalWait+" ORDER BY asked_at")
	if err != nil {
		return err
	}
	t.Approvals, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}

// BroughtCount is the number of cases that a zone brings in a calendar year: confirmed by people and not taken back.
type BroughtCount struct {
	Zone string
	Year int // Brussels
	N    int64
}

// readBrought counts what the zones bring in the present year of Brussels.
func readBrought(ctx context.Context, tx pgx.Tx, t *Team, q *TeamQuery) (err error) {
	t.Brought, err = countBrought(ctx, tx, t.Now, q.Zones)
	return err
}

func countBrought(ctx context.Context, q rowsQuerier, now schemas.Micros, zones []string) ([]BroughtCount, error) {
	year := now.Time().In(schemas.Brussels()).Year()
	w := &where{}
	w.bound(zones, nil) // a quota is the zone's, whoever may see which of its cases
	w.add("kind = 'brought' AND day = ?", year)
	rows, err := q.Query(ctx, "SELECT zone, sum(n)::bigint FROM case_work"+w.sql()+" GROUP BY 1 HAVING sum(n) <> 0 ORDER BY 1", w.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b BroughtCount, err error) {
		b.Year = year
		err = row.Scan(&b.Zone, &b.N)
		return b, err
	})
}

// Brought counts what the zones bring in the present year; empty = all zones.
func (s *Store) Brought(ctx context.Context, zones []string) ([]BroughtCount, error) {
	now, err := s.readClock(ctx, s.pool)
	if err != nil {
		return nil, safeError("count what zones bring", err)
	}
	out, err := countBrought(ctx, s.pool, now, zones)
	return out, safeError("count what zones bring", err)
}
