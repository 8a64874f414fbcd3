package store

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// sweepRows is the number of cases of one sweep.
const sweepRows = 200

// Sweep writes what the clock has done: verdicts that took effect, holds by hand that ended, cases overdue or to drop. It
// returns the number of cases; more may wait when it is not 0. Any office may call it, each second: offices
// take different rows. A case that cannot be written stays for ten minutes, and does not stop the others.
func (s *Store) Sweep(ctx context.Context) (n int, err error) {
	n, err = s.sweepSome(ctx, nil)
	if !isRowError(err) {
		return n, safeError("sweep cases", err)
	}
	return s.sweepSingly(ctx)
}

// sweepSome does one part in one transaction. only = nil takes whatever is due.
func (s *Store) sweepSome(ctx context.Context, only *cases.ID) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		w := &where{}
		w.add("sweep_at <= ?", now.Time())
		if only != nil {
			w.add("case_id = ?", uuidOf(only.ID))
		}
		rows, err := tx.Query(ctx, "SELECT "+rowColumns+" FROM cases"+w.sql()+" ORDER BY sweep_at LIMIT "+strconv.Itoa(sweepRows)+" FOR UPDATE SKIP LOCKED", w.args...)
		if err != nil {
			return err
		}
		list, err := collectRows(rows)
		if err == nil {
			err = foldOlder(ctx, tx, list)
		}
		if err != nil {
			return err
		}
		rec := &recorder{}
		for _, r := range list {
			if err := s.sweepCase(rec, r, now); err != nil {
				return err
			}
		}
		n = len(list)
		return rec.send(ctx, tx)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sweepCase queues what the clock does to one case.
func (s *Store) sweepCase(w *recorder, r *caseRow, now schemas.Micros) error {
	c := r.Case
	c.Settle(now)
	if cmd := c.DueCommand(now); cmd != nil {
		by := cases.SystemActor()
		e, err := cases.Act(&c, cmd, &by, &cases.Moment{Now: now, Policy: s.o.Policy()})
		if err == nil {
			err = w.record(&c, e)
		}
		if err != nil {
			return err
		}
		w.queueLeaseEnd(c.ID, r.lease)
	}
	return w.updateRow(&c)
}

// sweepSingly sweeps each due case in a transaction of its own, and puts off those that cannot be written.
func (s *Store) sweepSingly(ctx context.Context) (n int, err error) {
	rows, err := s.pool.Query(ctx, "SELECT case_id FROM cases WHERE sweep_at <= clock_timestamp() + $1::interval ORDER BY sweep_at LIMIT $2", s.shift(), sweepRows)
	if err != nil {
		return 0, safeError("sweep cases", err)
	}
	ids, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (id cases.ID, err error) {
		err = row.Scan(&id)
		return id, err
	})
	var failed []error
	for _, id := range ids {
		done, err := s.sweepSome(ctx, &id)
		n += done
		if err == nil {
			continue
		}
		failed = append(failed, safeError("sweep case "+id.String(), err))
		if !isRowError(err) {
			break
		}
		_, err = s.pool.Exec(ctx, "UPDATE cases SET sweep_at = clock_timestamp() + $2::interval + interval '10 minutes' WHERE case_id = $1", uuidOf(id.ID), s.shift())
		failed = append(failed, err)
	}
	return n, errors.Join(append(failed, err)...)
}
