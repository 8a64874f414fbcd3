package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// BulkState is where an act on many cases stands.
type BulkState string

// All states of an act on many cases.
const (
	BulkWaiting BulkState = "waiting" // for a second person
	BulkRefused BulkState = "refused" // by the second person
	BulkLapsed  BulkState = "lapsed"  // nobody decided in time
	BulkRunning BulkState = "running"
	BulkDone    BulkState = "done"
)

// BulkStatus is an act on many cases with its progress.
type BulkStatus struct {
	ID cases.ID
	Bulk
	State    BulkState
	Cases    int64 // chosen
	Done     int64
	Refused  int64
	Letters  int64          // cases done that had been handed over
	Cents    int64          // sum of the amounts of these letters
	Approval string         // id
	Approver string         // "" = nobody yet
	AskedAt  schemas.Micros // by the database's clock
	BeganAt  schemas.Micros
	EndedAt  schemas.Micros // 0 = not yet
}

// ApprovalHours is how long an approval waits for its second person, in hours. Package store of the office keeps approvals, and has the
// same number.
const ApprovalHours = 8

// approvalWait is that time in SQL.
var approvalWait = fmt.Sprintf("'%d hours'::interval", ApprovalHours)

// bulkColumns selects an act with what became of its approval.
var bulkColumns = `b.bulk_id, b.kind, b.query, b.reason, b.text, b.cases, b.user_name, b.zones, b.regimes, b.purpose_id, b.log_seq, coalesce(b.approval_id::text, ''),
	CASE WHEN b.approver <> '' THEN b.approver WHEN a.outcome = 'approved' THEN a.decided_by ELSE '' END, b.asked_at, b.began_at, b.ended_at,
	CASE WHEN b.ended_at IS NOT NULL THEN 'done' WHEN b.began_at IS NOT NULL OR a.outcome = 'approved' THEN 'running' WHEN a.outcome = 'refused' THEN 'refused'
		WHEN a.approval_id IS NULL OR a.asked_at <= clock_timestamp() - ` + approvalWait + ` THEN 'lapsed' ELSE 'waiting' END`

const bulkTables = "bulk_acts b LEFT JOIN approvals a USING (approval_id)"

func scanBulk(row pgx.Row) (*BulkStatus, error) {
	s := &BulkStatus{}
	var kind, reason, state string
	var query []byte
	var zones, regimes []string
	var seq int64
	var asked time.Time
	var began, ended *time.Time
	if err := row.Scan(&s.ID, &kind, &query, &reason, &s.Text, &s.Cases, &s.By.User, &zones, &regimes, &s.By.Purpose, &seq, &s.Approval, &s.Approver, &asked, &began, &ended, &state); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(query, &s.Choice); err != nil {
		return nil, fmt.Errorf("the choice of an act is unreadable: %w", err)
	}
	s.Kind, s.Reason, s.State = BulkKind(kind), cases.WithdrawReason(reason), BulkState(state)
	s.By.Role, s.By.Zones, s.By.LogSeq = cases.Supervisor, zones, uint64(seq) //nolint:gosec // numbers of the log are not negative
	for _, r := range regimes {
		s.By.Regimes = append(s.By.Regimes, cases.Regime(r))
	}
	s.AskedAt, s.BeganAt, s.EndedAt = schemas.MicrosOf(asked), microsOrZero(began), microsOrZero(ended)
	return s, nil
}

// findBulk returns the act of a condition; a refusal of [cases.CodeNotFound] when there is none.
func findBulk(ctx context.Context, q querier, cond string, args ...any) (*BulkStatus, error) {
	s, err := scanBulk(q.QueryRow(ctx, "SELECT "+bulkColumns+" FROM "+bulkTables+" WHERE "+cond, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such act"}
	}
	return s, err
}

// GetBulk returns an act with its progress, in one snapshot. by must reach every zone and regime of the act, or gets
// [cases.CodeNotFound].
func (s *Store) GetBulk(ctx context.Context, by *cases.Actor, id cases.ID) (out *BulkStatus, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, readOnly, func(tx pgx.Tx) error {
		if out, err = findBulk(ctx, tx, "bulk_id = $1 AND approval_id IS NOT NULL", uuidOf(id.ID)); err != nil {
			return err
		}
		if !covers(by.Zones, out.By.Zones) || !covers(by.Regimes, out.By.Regimes) {
			return &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such act"}
		}
		return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE outcome = 'done'), count(*) FILTER (WHERE outcome NOT IN ('', 'done')),
			count(*) FILTER (WHERE outcome = 'done' AND sent_at IS NOT NULL), coalesce(sum(amount_cents) FILTER (WHERE outcome = 'done' AND sent_at IS NOT NULL), 0)::bigint
			FROM bulk_cases WHERE bulk_id = $1`, uuidOf(id.ID)).Scan(&out.Done, &out.Refused, &out.Letters, &out.Cents)
	})
	return out, safeError("read an act on many cases", err)
}

// covers reports whether all of what lies in bounds; no bounds reach everything, and nothing less than that does what is unbounded.
func covers[S ~string](bounds, what []S) bool {
	return len(bounds) == 0 || len(what) > 0 && !slices.ContainsFunc(what, func(x S) bool { return !slices.Contains(bounds, x) })
}

// ListBulk lists the acts of the last 31 days that the actor may see, the newest first, without their progress.
func (s *Store) ListBulk(ctx context.Context, by *cases.Actor, limit int) ([]BulkStatus, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+bulkColumns+" FROM "+bulkTables+` WHERE b.approval_id IS NOT NULL AND b.asked_at > clock_timestamp() - '31 days'::interval
		AND (cardinality($1::text[]) = 0 OR cardinality(b.zones) > 0 AND b.zones <@ $1) AND (cardinality($2::text[]) = 0 OR cardinality(b.regimes) > 0 AND b.regimes <@ $2)
		ORDER BY b.asked_at DESC LIMIT $3`, notNil(by.Zones), namesOf(by.Regimes), limit)
	if err != nil {
		return nil, safeError("list acts on many cases", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (BulkStatus, error) {
		st, err := scanBulk(row)
		if err != nil {
			return BulkStatus{}, err
		}
		return *st, nil
	})
	return out, safeError("list acts on many cases", err)
}

// BulkCase is a case of an act, as the act left it. It has no plate.
type BulkCase struct {
	Case        cases.ID
	Outcome     string // "" = waits; done; else the code of the refusal
	Detail      string
	StateBefore cases.State
	Number      string
	Track       cases.Track
	Batch       string
	AmountCents int64
	SentAt      schemas.Micros // 0 = never handed over
}

// BulkPart selects cases of an act.
type BulkPart string

// The parts of an act.
const (
	BulkLetters  BulkPart = "letters" // done, and had been handed over: each needs a letter, and a refund where it was paid
	BulkRefusals BulkPart = "refusals"
	BulkAll      BulkPart = "all"
)

// BulkCases returns at most limit cases of a part of an act, after a case in the order of ids. The caller has found the act by
// [Store.GetBulk].
func (s *Store) BulkCases(ctx context.Context, id cases.ID, part BulkPart, after cases.ID, limit int) ([]BulkCase, error) {
	cond := map[BulkPart]string{BulkLetters: "outcome = 'done' AND sent_at IS NOT NULL", BulkRefusals: "outcome NOT IN ('', 'done')", BulkAll: "true"}[part]
	rows, err := s.pool.Query(ctx, "SELECT case_id, outcome, detail, state_before, number, track, batch, amount_cents, sent_at FROM bulk_cases WHERE bulk_id = $1 AND case_id > $2 AND "+cond+
		" ORDER BY case_id LIMIT $3", uuidOf(id.ID), uuidOf(after.ID), limit)
	if err != nil {
		return nil, safeError("list the cases of an act", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c BulkCase, err error) {
		var before, track string
		var sent *time.Time
		err = row.Scan(&c.Case, &c.Outcome, &c.Detail, &before, &c.Number, &track, &c.Batch, &c.AmountCents, &sent)
		c.StateBefore, c.Track, c.SentAt = cases.State(before), cases.Track(track), microsOrZero(sent)
		return c, err
	})
	return out, safeError("list the cases of an act", err)
}
