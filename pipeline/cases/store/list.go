package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Filter selects cases. A zero field selects all. Zones and Regimes bound what the caller may see.
type Filter struct {
	Zones        []string
	Regimes      []cases.Regime
	Queue        cases.Queue
	States       []cases.State
	Family       schemas.Family
	Regime       cases.Regime // within Regimes
	Zone         string
	Municipality uint32
	Site         string
	Camera       string
	DueBefore    schemas.Micros
	CapturedFrom schemas.Micros // inclusive
	CapturedTo   schemas.Micros // exclusive
	Mark         string
	HoldReason   string
	HoldDue      schemas.Micros // holds that end before
	AmountFrom   int64          // cents
	AmountTo     int64          // cents, inclusive
	Plate        string         // as sealed or as corrected
	Offence      schemas.OffenceID
	Number       string
}

// filter adds the conditions of a filter.
func (w *where) filter(f *Filter) {
	w.bound(f.Zones, f.Regimes)
	if f.Queue != "" {
		w.add("state = ?", string(f.Queue.State()))
	}
	if len(f.States) > 0 {
		w.add("state = ANY (?)", namesOf(f.States))
	}
	for _, t := range []struct{ column, value string }{
		{"family", string(f.Family)}, {"regime", string(f.Regime)}, {"zone", f.Zone}, {"site", f.Site}, {"camera", f.Camera}, {"hold_reason", f.HoldReason}, {"number", f.Number},
	} {
		if t.value != "" {
			w.add(t.column+" = ?", t.value)
		}
	}
	for _, t := range []struct {
		cond  string
		value schemas.Micros
	}{{"due_at < ?", f.DueBefore}, {"captured_at >= ?", f.CapturedFrom}, {"captured_at < ?", f.CapturedTo}, {"hold_until < ?", f.HoldDue}} {
		if t.value != 0 {
			w.add(t.cond, t.value.Time())
		}
	}
	if f.Municipality != 0 {
		w.add("municipality = ?", int64(f.Municipality))
	}
	if f.Mark != "" {
		w.add("? = ANY (marks)", f.Mark)
	}
	if f.AmountFrom != 0 {
		w.add("amount_cents >= ?", f.AmountFrom)
	}
	if f.AmountTo != 0 {
		w.add("amount_cents <= ?", f.AmountTo)
	}
	if f.Plate != "" {
		w.add("(plate = ? OR corrected = ?)", f.Plate, f.Plate)
	}
	if !f.Offence.IsZero() {
		w.add("offence_id = ?", uuidOf(f.Offence.ID))
	}
}

// Row is a case in a list, with its lease.
type Row struct {
	Case       cases.Case
	LeaseUser  string         // "" = nobody has it
	LeaseUntil schemas.Micros // of the lease
}

// MaxRows is the longest page of a list.
const MaxRows = 1000

// List returns at most limit cases, by due time and then age, and the cursor of the next page; "" = no more. The cursor
// holds no plate.
func (s *Store) List(ctx context.Context, f Filter, after string, limit int) (out []Row, next string, err error) {
	if limit < 1 || limit > MaxRows {
		return nil, "", &cases.Refusal{Code: cases.CodeInvalid, Field: "limit", Detail: fmt.Sprintf("1 to %d rows fit a page", MaxRows)}
	}
	w := &where{}
	w.filter(&f)
	if after != "" {
		due, taken, id, err := parseCursor(after)
		if err != nil {
			return nil, "", err
		}
		w.add("(due_at, taken_in_at, case_id) > (?, ?, ?)", due.Time(), taken.Time(), uuidOf(id.ID))
	}
	var now schemas.Micros
	var list []*caseRow
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		if now, err = s.readClock(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT "+rowColumns+" FROM cases"+w.sql()+fmt.Sprintf(" ORDER BY due_at, taken_in_at, case_id LIMIT %d", limit+1), w.args...)
		if err != nil {
			return err
		}
		list, err = collectRows(rows)
		return err
	})
	if err != nil {
		return nil, "", safeError("list cases", err)
	}
	if len(list) > limit {
		list = list[:limit]
		next = cursorOf(&list[limit-1].Case)
	}
	for _, r := range list {
		row := Row{Case: r.Case}
		row.Case.Settle(now)
		if r.lease != nil && r.lease.Until > now {
			row.LeaseUser, row.LeaseUntil = r.lease.User, r.lease.Until
		}
		out = append(out, row)
	}
	return out, next, nil
}

// cursorOf returns the place of a case in a list.
func cursorOf(c *cases.Case) string {
	return placeCursor(schemas.MicrosOf(dueAt(c)), c.TakenInAt, c.ID)
}

func placeCursor(first, second schemas.Micros, id cases.ID) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%d|%s", first, second, id))
}

func parseCursor(text string) (due, taken schemas.Micros, id cases.ID, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	part := strings.Split(string(raw), "|")
	if err == nil && len(part) == 3 {
		var d, t int64
		if d, err = strconv.ParseInt(part[0], 10, 64); err == nil {
			t, err = strconv.ParseInt(part[1], 10, 64)
		}
		if err == nil {
			id, err = cases.ParseID(part[2])
		}
		due, taken = schemas.Micros(d), schemas.Micros(t)
	}
	if err != nil || len(part) != 3 {
		return 0, 0, id, &cases.Refusal{Code: cases.CodeInvalid, Field: "after", Detail: "this is no cursor of a list"}
	}
	return due, taken, id, nil
}

// Count returns the number of cases that the filter selects.
func (s *Store) Count(ctx context.Context, f Filter) (n int64, err error) {
	w := &where{}
	w.filter(&f)
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM cases"+w.sql(), w.args...).Scan(&n)
	return n, safeError("count cases", err)
}

// Due classes of the work list.
const (
	DueOverdue   = "overdue"
	DueToday     = "today"
	DueThreeDays = "three_days"
	DueLater     = "later"
)

// WorkCount is the number of cases of a queue by due class and zone.
type WorkCount struct {
	Queue cases.Queue
	Due   string
	Zone  string
	N     int64
	Free  int64 // nobody has them
}

// HoldCount is the number of holds of a reason.
type HoldCount struct {
	Reason string
	N      int64
	Oldest schemas.Micros // beginning of the oldest hold
	Next   schemas.Micros // nearest end of a hold; 0 = none known
}

// Counts returns the numbers of the work list in the zones and regimes; empty = all.
func (s *Store) Counts(ctx context.Context, zones []string, regimes []cases.Regime) (work []WorkCount, holds []HoldCount, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		if work, err = countWork(ctx, tx, zones, regimes, now); err != nil {
			return err
		}
		if len(zones) == 0 && len(regimes) == 0 {
			holds, err = sumHolds(ctx, tx)
		} else {
			holds, err = countHolds(ctx, tx, zones, regimes)
		}
		return err
	})
	return work, holds, safeError("count the work", err)
}

// countWork adds up the counts that each change keeps. What people hold is counted from the leases, because an index that had
// them would make each heartbeat dear.
func countWork(ctx context.Context, tx pgx.Tx, zones []string, regimes []cases.Regime, now schemas.Micros) ([]WorkCount, error) {
	sql, args := workStatement(zones, regimes, now)
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c WorkCount, err error) {
		var state string
		err = row.Scan(&state, &c.Due, &c.Zone, &c.N, &c.Free)
		c.Queue = cases.QueueOf(cases.State(state))
		return c, err
	})
}

// workStatement selects the numbers of the queues by due class and zone, with those that somebody holds. The counts are by the day at
// whose end a case is overdue; which cases of today are overdue already is read from the indexes of due times. OFFSET keeps the
// planner at the leases, who else reads the rows of all queues.
func workStatement(zones []string, regimes []cases.Regime, now schemas.Micros) (sql string, args []any) {
	today := now.Day()
	w := &where{args: []any{now.Time(), (today + 1).Start().Time(), (today + 4).Start().Time(), today.Start().Time(), int32(today)}}
	w.bound(zones, regimes)
	bound := ""
	if len(w.conds) > 0 {
		bound = " AND " + strings.Join(w.conds, " AND ")
	}
	const (
		classes = "state, CASE WHEN due_at <= $1 THEN 'overdue' WHEN due_at <= $2 THEN 'today' WHEN due_at <= $3 THEN 'three_days' ELSE 'later' END, zone"
		passed  = "SELECT state, class, zone, sign * count(*), 0 FROM cases CROSS JOIN (VALUES ('overdue', 1), ('today', -1)) AS v (class, sign) WHERE due_at > $4 AND due_at <= $1 AND state "
	)
	return `SELECT state, due, zone, sum(n)::bigint, sum(n - held)::bigint FROM (
			SELECT kind, CASE WHEN day < $5 THEN 'overdue' WHEN day = $5 THEN 'today' WHEN day <= $5 + 3 THEN 'three_days' ELSE 'later' END, zone, sum(n), 0 FROM case_work
				WHERE kind IN ('open', 'second', 'keying', 'arbitration', 'confirmed')` + bound + ` GROUP BY 1, 2, 3
			UNION ALL ` + passed + `IN ('open', 'second', 'keying', 'arbitration')` + bound + ` GROUP BY state, class, zone, sign
			UNION ALL ` + passed + `= 'confirmed'` + bound + ` GROUP BY state, class, zone, sign
			UNION ALL SELECT ` + classes + `, 0, count(*) FROM case_leases l CROSS JOIN LATERAL (SELECT * FROM cases c WHERE c.case_id = l.case_id AND c.lease_id = l.lease_id OFFSET 0) c
				WHERE state IN ('open', 'second', 'keying', 'arbitration') AND lease_until >= $1` + bound + ` GROUP BY 1, 2, 3
		) AS t (state, due, zone, n, held) GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3`, w.args
}

func countHolds(ctx context.Context, tx pgx.Tx, zones []string, regimes []cases.Regime) ([]HoldCount, error) {
	w := &where{}
	w.add("state = 'held'")
	w.bound(zones, regimes)
	rows, err := tx.Query(ctx, "SELECT hold_reason, count(*), min(held_since), min(hold_until) FROM cases"+w.sql()+" GROUP BY 1 ORDER BY 2 DESC, 1", w.args...)
	if err != nil {
		return nil, err
	}
	return collectHolds(rows)
}

func collectHolds(rows pgx.Rows) ([]HoldCount, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c HoldCount, err error) {
		var oldest, next *time.Time
		err = row.Scan(&c.Reason, &c.N, &oldest, &next)
		c.Oldest, c.Next = microsOrZero(oldest), microsOrZero(next)
		return c, err
	})
}

func microsOrZero(t *time.Time) schemas.Micros {
	if t == nil {
		return 0
	}
	return schemas.MicrosOf(*t)
}
