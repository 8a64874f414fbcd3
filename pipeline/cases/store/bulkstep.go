package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// bulkRows is the number of cases of one step.
const bulkRows = 100

// StepBulk does one step of the oldest approved act: at most 100 cases in one transaction. worked is false when no approved act
// has a case that can be done now. Any office may call it at any time: two offices take different cases, and a case is
// marked in the transaction of its event, so nothing is done twice. A case that refuses stops no other.
func (s *Store) StepBulk(ctx context.Context) (worked bool, err error) {
	acts, err := s.approvedActs(ctx)
	if err != nil {
		return false, safeError("find approved acts", err)
	}
	for i := range acts {
		n, err := s.stepAct(ctx, &acts[i], nil)
		if isRowError(err) {
			n, err = s.stepSingly(ctx, &acts[i])
		}
		if err != nil {
			return worked, safeError("do an act on many cases", err)
		}
		if n > 0 {
			return true, nil
		}
		ended, err := s.endAct(ctx, acts[i].ID)
		if err != nil {
			return worked, safeError("end an act on many cases", err)
		}
		worked = worked || ended
	}
	return worked, nil
}

// approvedActs lists the acts under way, and begins those that were approved.
func (s *Store) approvedActs(ctx context.Context) ([]BulkStatus, error) {
	_, err := s.pool.Exec(ctx, `UPDATE bulk_acts b SET approver = a.decided_by, began_at = clock_timestamp() FROM approvals a
		WHERE a.approval_id = b.approval_id AND a.outcome = 'approved' AND a.decided_by <> b.user_name AND b.began_at IS NULL`)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, "SELECT "+bulkColumns+" FROM "+bulkTables+" WHERE b.began_at IS NOT NULL AND b.ended_at IS NULL ORDER BY b.asked_at")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (BulkStatus, error) {
		st, err := scanBulk(row)
		if err != nil {
			return BulkStatus{}, err
		}
		return *st, nil
	})
}

// stepAct does some waiting cases of an act, or only one. It returns how many it took.
func (s *Store) stepAct(ctx context.Context, b *BulkStatus, only *cases.ID) (n int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		n = 0
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		list, err := waitingCases(ctx, tx, b.ID, only, now)
		if err == nil {
			err = foldOlder(ctx, tx, list)
		}
		if err != nil {
			return err
		}
		w := &recorder{}
		for _, r := range list {
			if err := s.actInBulk(w, b, r, now); err != nil {
				return err
			}
		}
		n = len(list)
		return w.send(ctx, tx)
	})
	return n, err
}

// waitingCases locks cases of an act that nobody has done. A verdict that has not taken effect can still be taken back, so its
// case waits; a case that another transaction has waits too.
func waitingCases(ctx context.Context, tx pgx.Tx, act cases.ID, only *cases.ID, now schemas.Micros) ([]*caseRow, error) {
	w := &where{args: []any{uuidOf(act.ID)}}
	w.conds = append(w.conds, "case_id IN (SELECT case_id FROM bulk_cases WHERE bulk_id = $1 AND outcome = '')")
	w.add("(state <> 'settling' OR effective_at <= ?)", now.Time())
	if only != nil {
		w.add("case_id = ?", uuidOf(only.ID))
	}
	rows, err := tx.Query(ctx, "SELECT "+rowColumns+" FROM cases"+w.sql()+fmt.Sprintf(" ORDER BY case_id LIMIT %d FOR UPDATE SKIP LOCKED", bulkRows), w.args...)
	if err != nil {
		return nil, err
	}
	list, err := collectRows(rows)
	if err != nil {
		return nil, err
	}
	return stillWaiting(ctx, tx, act, list)
}

// stillWaiting leaves out the cases that another office has done between its choice and its lock.
func stillWaiting(ctx context.Context, tx pgx.Tx, act cases.ID, list []*caseRow) (out []*caseRow, err error) {
	ids := make([][16]byte, len(list))
	for i, r := range list {
		ids[i] = r.ID.ID
	}
	rows, err := tx.Query(ctx, "SELECT case_id FROM bulk_cases WHERE bulk_id = $1 AND case_id = ANY ($2) AND outcome = '' FOR UPDATE", uuidOf(act.ID), ids)
	if err != nil {
		return nil, err
	}
	waits := map[cases.ID]bool{}
	var id cases.ID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { waits[id] = true; return nil }); err != nil {
		return nil, err
	}
	for _, r := range list {
		if waits[r.ID] {
			out = append(out, r)
		}
	}
	return out, nil
}

// command returns the act as a command for one case, which was handed over or not.
func (b *BulkStatus) command(handedOver bool) (cases.Command, error) {
	query, err := json.Marshal(&b.Choice)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s %s", b.ID, query)
	if len(b.Choice.Cases) > 0 {
		name = fmt.Sprintf("%s list of %d cases", b.ID, len(b.Choice.Cases))
	}
	annul := cases.Annul{Reason: b.Reason, Text: b.Text, Query: name, Count: int(b.Cases)}
	switch b.Kind {
	case BulkRecall:
		if handedOver {
			return annul, nil
		}
		return cases.Withdraw(annul), nil
	case BulkWithdraw:
		return cases.Withdraw{Reason: b.Reason, Text: b.Text, Query: name, Count: int(b.Cases)}, nil
	case BulkExpire:
		return cases.Expire{Query: name, Count: int(b.Cases)}, nil
	case BulkAnnul:
		return annul, nil
	case BulkRelease:
		return cases.EndHold{Accept: true, Of: b.Choice.HoldReason, Text: b.Text, Query: name, Count: int(b.Cases)}, nil
	}
	return nil, fmt.Errorf("%q is no act on many cases", b.Kind)
}

// actor returns who acts: who asked, with the approver. Both proved who they are when they asked and approved.
func (b *BulkStatus) actor() cases.Actor {
	by := b.By
	by.StepUp, by.Approver = true, b.Approver
	return by
}

// actInBulk queues the act on one case and what became of it.
func (s *Store) actInBulk(w *recorder, b *BulkStatus, r *caseRow, now schemas.Micros) error {
	c, by := r.Case, b.actor()
	c.Settle(now)
	before := c
	cmd, err := b.command(c.SentAt != 0)
	if err != nil {
		return err
	}
	e, err := cases.Act(&c, cmd, &by, &cases.Moment{Now: now, Policy: s.o.Policy(), Draw: cases.Draw(s.o.DrawKey, c.ID)})
	if refusal, ok := errors.AsType[*cases.Refusal](err); ok {
		w.queueBulkRefusal(b.ID, c.ID, string(refusal.Code), refusal.Detail)
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.record(&c, e); err != nil {
		return err
	}
	w.queueLeaseEnd(c.ID, r.lease)
	w.batch.Queue(`UPDATE bulk_cases SET outcome = 'done', event_id = $3, state_before = $4, number = $5, track = $6, batch = $7, amount_cents = $8, sent_at = $9
		WHERE bulk_id = $1 AND case_id = $2`, uuidOf(b.ID.ID), uuidOf(c.ID.ID), uuidOf(e.ID.ID), string(before.State), before.Number, string(before.Track), before.Batch,
		amountSent(&before), timeOrNull(before.SentAt))
	return w.updateRow(&c)
}

// amountSent returns the amount of the letter that a case brought its driver: of the vehicle's file, else of the rules; 0 for a case
// that was never handed over.
func amountSent(c *cases.Case) int64 {
	switch {
	case c.SentAt == 0:
		return 0
	case c.File != nil:
		return c.File.AmountCents
	}
	return c.AmountCents
}

func (w *recorder) queueBulkRefusal(act, id cases.ID, code, detail string) {
	w.batch.Queue("UPDATE bulk_cases SET outcome = $3, detail = $4 WHERE bulk_id = $1 AND case_id = $2 AND outcome = ''", uuidOf(act.ID), uuidOf(id.ID), code, detail)
}

// stepSingly does the next cases of an act in a transaction each, because one of them cannot be written. That one is in the result
// as damaged, and stops no other.
func (s *Store) stepSingly(ctx context.Context, b *BulkStatus) (n int, err error) {
	rows, err := s.pool.Query(ctx, "SELECT case_id FROM bulk_cases WHERE bulk_id = $1 AND outcome = '' ORDER BY case_id LIMIT $2", uuidOf(b.ID.ID), bulkRows)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (id cases.ID, err error) {
		err = row.Scan(&id)
		return id, err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		done, err := s.stepAct(ctx, b, &id)
		if isRowError(err) {
			w := &recorder{}
			w.queueBulkRefusal(b.ID, id, "damaged", "the case could not be written: see the incidents of the case and the log of the office")
			done, err = 1, pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return w.send(ctx, tx) })
		}
		n += done
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// endAct ends an act when none of its cases waits.
func (s *Store) endAct(ctx context.Context, id cases.ID) (bool, error) {
	tag, err := s.pool.Exec(ctx, `UPDATE bulk_acts SET ended_at = clock_timestamp() WHERE bulk_id = $1 AND ended_at IS NULL
		AND NOT EXISTS (SELECT FROM bulk_cases WHERE bulk_id = $1 AND outcome = '')`, uuidOf(id.ID))
	return tag.RowsAffected() > 0, err
}
