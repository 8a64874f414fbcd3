package store

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// Outcomes of an answer.
const (
	AnswerAcknowledged = "acknowledged"
	AnswerReturned     = "returned"
	AnswerAnnulment    = "annulment_acknowledged" // the recipient took the case back too
)

// Answer is what the recipient says of one case of a batch.
type Answer struct {
	Number  string
	Outcome string
	Reason  string // of a return
}

// Answered counts what an answer changed.
type Answered struct {
	Acknowledged int
	Returned     int
	Annulments   int
	Unchanged    int // said before
}

// AnswerBatch records what the recipient says of cases of a batch, in one transaction. The same answer again changes
// nothing. An answer with a number that is none of the batch, or that contradicts an earlier one, is refused whole; the
// refusal names the numbers.
func (s *Store) AnswerBatch(ctx context.Context, id cases.ID, list []Answer, by cases.Actor) (n Answered, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		n = Answered{}
		a := &answering{s: s, tx: tx, batch: id, by: by, n: &n}
		if err := a.load(ctx); err != nil {
			return err
		}
		if err := a.check(list); err != nil {
			return err
		}
		list := slices.Clone(list)
		slices.SortStableFunc(list, func(x, y Answer) int { return cmp.Compare(x.Number, y.Number) })
		for i := range list {
			if err := a.record(ctx, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Answered{}, safeError("record an answer", err)
	}
	return n, nil
}

// answering is one answer inside its transaction.
type answering struct {
	s     *Store
	tx    pgx.Tx
	batch cases.ID
	by    cases.Actor
	sent  map[string]*sentRow // by number
	n     *Answered
}

type sentRow struct {
	id      cases.ID
	outcome string
	notice  bool // the case was annulled
	told    bool // and the recipient said so
}

// load locks the batch and reads its cases.
func (a *answering) load(ctx context.Context) error {
	var n int
	if err := a.tx.QueryRow(ctx, "SELECT cases FROM transmissions WHERE batch_id = $1 FOR UPDATE", uuidOf(a.batch.ID)).Scan(&n); err != nil {
		if ignoreNoRows(err) == nil {
			return &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such transmission"}
		}
		return err
	}
	rows, err := a.tx.Query(ctx, `SELECT b.number, b.case_id, b.outcome, n.case_id IS NOT NULL, n.acknowledged_at IS NOT NULL FROM transmitted_cases b LEFT JOIN annulment_notices n USING (case_id)
		WHERE b.batch_id = $1`, uuidOf(a.batch.ID))
	if err != nil {
		return err
	}
	a.sent = map[string]*sentRow{}
	var number string
	var r sentRow
	_, err = pgx.ForEachRow(rows, []any{&number, &r.id, &r.outcome, &r.notice, &r.told}, func() error {
		row := r
		a.sent[number] = &row
		return nil
	})
	return err
}

// check refuses an answer that does not fit the batch, before anything is recorded.
func (a *answering) check(list []Answer) error {
	var unknown, odd []string
	said := map[string]string{}
	for i := range list {
		x := &list[i]
		row := a.sent[x.Number]
		first, twice := said[x.Number]
		said[x.Number] = x.Outcome
		switch {
		case row == nil:
			unknown = append(unknown, x.Number)
		case twice && first != x.Outcome && x.Outcome != AnswerAnnulment && first != AnswerAnnulment,
			x.Outcome == AnswerAcknowledged && row.outcome == AnswerReturned, x.Outcome == AnswerAnnulment && !row.notice:
			odd = append(odd, x.Number)
		case x.Outcome != AnswerAcknowledged && x.Outcome != AnswerReturned && x.Outcome != AnswerAnnulment:
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "outcome", Detail: "must be acknowledged, returned or annulment_acknowledged"}
		case x.Outcome == AnswerReturned && strings.TrimSpace(x.Reason) == "":
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "reason", Detail: "a return needs its reason: " + x.Number}
		}
	}
	if len(unknown) > 0 {
		return &cases.Refusal{Code: cases.CodeInvalid, Field: "number", Detail: "no case of this batch has the number " + nameNumbers(unknown)}
	}
	if len(odd) > 0 {
		return &cases.Refusal{Code: cases.CodeInvalid, Field: "outcome", Detail: "contradicts what is recorded of " + nameNumbers(odd)}
	}
	return nil
}

// formOfNumber is the form of a number. Another text may be a plate that was typed into the wrong field, and is not repeated.
var formOfNumber = regexp.MustCompile(`^GV\.[0-9]{1,8}\.[0-9]{1,12}/[0-9]{4}$`)

// nameNumbers names at most ten numbers.
func nameNumbers(list []string) string {
	const most = 10
	slices.Sort(list)
	list = slices.Compact(list)
	more := ""
	if len(list) > most {
		more = fmt.Sprintf(" and %d more", len(list)-most)
		list = list[:most]
	}
	for i := range list {
		if !formOfNumber.MatchString(list[i]) {
			list[i] = "(a text that is no number)"
		}
	}
	return strings.Join(list, ", ") + more
}

// record records one answer.
func (a *answering) record(ctx context.Context, x *Answer) error {
	row := a.sent[x.Number]
	if x.Outcome == AnswerAnnulment {
		if row.told {
			a.n.Unchanged++
			return nil
		}
		row.told = true
		a.n.Annulments++
		_, err := a.tx.Exec(ctx, "UPDATE annulment_notices SET acknowledged_at = clock_timestamp() + $2::interval WHERE case_id = $1", uuidOf(row.id.ID), a.s.shift())
		return err
	}
	if row.outcome == x.Outcome {
		a.n.Unchanged++
		return nil
	}
	if err := a.act(ctx, row, x); err != nil {
		return err
	}
	row.outcome = x.Outcome
	if x.Outcome == AnswerReturned {
		a.n.Returned++
	} else {
		a.n.Acknowledged++
	}
	_, err := a.tx.Exec(ctx, "UPDATE transmitted_cases SET outcome = $3, reason = $4, answered_at = clock_timestamp() + $5::interval WHERE batch_id = $1 AND case_id = $2",
		uuidOf(a.batch.ID), uuidOf(row.id.ID), x.Outcome, x.Reason, a.s.shift())
	return err
}

// act records the event of an answer. A case that was taken back, or handed over again, since has no event of an older
// batch.
func (a *answering) act(ctx context.Context, row *sentRow, x *Answer) error {
	locked, err := lockCase(ctx, a.tx, row.id)
	if err != nil {
		return err
	}
	if locked.Case.State != cases.Transmitted || locked.Case.Batch != a.batch.String() {
		return nil
	}
	var cmd cases.Command = cases.Acknowledge{}
	if x.Outcome == AnswerReturned {
		cmd = cases.Return{Reason: x.Reason}
	}
	r := &Request{Case: row.id, Command: cmd, By: a.by}
	m, err := a.s.newMoment(ctx, a.tx, r, locked)
	if err != nil {
		return err
	}
	e, err := cases.Act(&locked.Case, cmd, &r.By, m)
	if err != nil {
		return err
	}
	_, err = a.s.recordAct(ctx, a.tx, r, locked, e)
	return err
}
