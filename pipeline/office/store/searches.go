package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// SaveSearch stores a question (JSON) and returns a random id.
func (s *People) SaveSearch(ctx context.Context, purposeID, user string, question []byte) (id string, err error) {
	err = s.pool.QueryRow(ctx, "INSERT INTO searches (purpose_id, user_name, question) VALUES ($1, $2, $3) RETURNING search_id::text", purposeID, user, question).Scan(&id)
	return id, safeError("save search", err)
}

// FindSearch returns the question of the user's search under the purpose; else ErrNotFound.
func (s *People) FindSearch(ctx context.Context, id, purposeID, user string) (question []byte, err error) {
	err = s.pool.QueryRow(ctx, "SELECT question FROM searches WHERE search_id = $1 AND purpose_id = $2 AND user_name = $3", idOrAbsent(id), idOrAbsent(purposeID), user).Scan(&question)
	return question, safeError("find search", err)
}

// Approval is a request to a second person, waiting or decided.
type Approval struct {
	ID        string
	Kind      string // search, list, rows or annulment
	Question  []byte // JSON
	Purpose   access.Purpose
	Reason    string
	CaseRef   string
	User      string
	Role      access.Role
	Zones     []string
	AskedAt   time.Time
	Outcome   string // "" = waits
	DecidedBy string
}

const approvalColumns = `a.approval_id::text, a.kind, a.question, p.purpose, p.reason, p.case_ref, a.user_name, a.role, a.zones, a.asked_at, a.outcome, a.decided_by`

func (a *Approval) scanRow(row pgx.Row) error {
	return row.Scan(&a.ID, &a.Kind, &a.Question, &a.Purpose, &a.Reason, &a.CaseRef, &a.User, &a.Role, &a.Zones, &a.AskedAt, &a.Outcome, &a.DecidedBy)
}

// ApprovalHours is how long an approval waits, and how long it is valid after the decision, in hours.
const ApprovalHours = 8

// AskApproval asks for a second person. When the user's request for this subject waits already, AskApproval returns
// that id.
func (s *People) AskApproval(ctx context.Context, kind string, subject, question []byte, purposeID string, u *access.User) (id string, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('approvals:' || $1))", u.Name); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT approval_id::text FROM approvals WHERE user_name = $1 AND kind = $2 AND subject_key = $3 AND outcome = '' AND asked_at > clock_timestamp() - $4 * interval '1 hour'`,
			u.Name, kind, subject, ApprovalHours).Scan(&id)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO approvals (kind, subject_key, question, purpose_id, user_name, role, zones) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING approval_id::text`,
			kind, subject, question, purposeID, u.Name, string(u.Role), append([]string{}, u.Zones...)).Scan(&id)
	})
	return id, safeError("ask for approval", err)
}

// IsApproved reports whether a second person approved the subject within ApprovalHours.
func (s *People) IsApproved(ctx context.Context, kind string, subject []byte, user string) (bool, error) {
	var yes bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM approvals WHERE user_name = $1 AND kind = $2 AND subject_key = $3 AND outcome = 'approved' AND decided_at > clock_timestamp() - $4 * interval '1 hour')`,
		user, kind, subject, ApprovalHours).Scan(&yes)
	return yes, safeError("look for approval", err)
}

// ApproverOf returns who approved the subject as second person within ApprovalHours; "" = nobody.
func (s *People) ApproverOf(ctx context.Context, kind string, subject []byte, user string) (by string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT decided_by FROM approvals WHERE user_name = $1 AND kind = $2 AND subject_key = $3 AND outcome = 'approved'
		AND decided_at > clock_timestamp() - $4 * interval '1 hour' ORDER BY decided_at DESC LIMIT 1), '')`, user, kind, subject, ApprovalHours).Scan(&by)
	return by, safeError("look for an approver", err)
}

// mayDecide is true when user $1 with the zones $2 may decide the approval a; no zones stand for the whole region.
const mayDecide = ` a.user_name <> $1 AND (cardinality($2::text[]) = 0 OR cardinality(a.zones) > 0 AND a.zones <@ $2::text[])`

// ListApprovals lists the approvals for a purpose ("" = each), and those of the kind also whatever their purpose, the
// newest first: waiting ones that the user could still decide, and all that the user asked for within a day. The caller
// still filters the waiting ones by role.
func (s *People) ListApprovals(ctx context.Context, user string, zones []string, approves bool, purpose access.Purpose, also string) ([]Approval, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+approvalColumns+` FROM approvals a JOIN purposes p USING (purpose_id)
		WHERE asked_at > clock_timestamp() - interval '24 hours' AND ($4 = '' OR p.purpose = $4 OR a.kind = $6) AND (a.user_name = $1 OR $3 AND a.outcome = '' AND asked_at > clock_timestamp() - $5 * interval '1 hour' AND `+mayDecide+`)
		ORDER BY asked_at DESC LIMIT 200`, user, append([]string{}, zones...), approves, string(purpose), ApprovalHours, also)
	if err != nil {
		return nil, safeError("list approvals", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Approval, error) {
		var a Approval
		return a, a.scanRow(row)
	})
	return out, safeError("list approvals", err)
}

// FindApproval returns an approval, waiting or decided, that the user may decide or has asked for.
func (s *People) FindApproval(ctx context.Context, id, user string, zones []string) (Approval, error) {
	var a Approval
	err := a.scanRow(s.pool.QueryRow(ctx, `SELECT `+approvalColumns+` FROM approvals a JOIN purposes p USING (purpose_id) WHERE approval_id = $3 AND (a.user_name = $1 OR `+mayDecide+`)`,
		user, append([]string{}, zones...), idOrAbsent(id)))
	return a, safeError("find approval", err)
}

// ErrDecided means that the person cannot decide: the approval is decided or expired, or the person asked for it.
var ErrDecided = errors.New("this was decided already")

// DecideApproval decides a waiting approval, once. An approved release of rows raises the day's allowance by more.
func (s *People) DecideApproval(ctx context.Context, a *Approval, by string, approve bool, allowance, more int64) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		outcome := "refused"
		if approve {
			outcome = "approved"
		}
		tag, err := tx.Exec(ctx, "UPDATE approvals SET outcome = $2, decided_by = $3, decided_at = clock_timestamp() WHERE approval_id = $1 AND outcome = '' AND user_name <> $3 AND asked_at > clock_timestamp() - $4 * interval '1 hour'",
			a.ID, outcome, by, ApprovalHours)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrDecided
		}
		if !approve || a.Kind != "rows" {
			return nil
		}
		_, err = tx.Exec(ctx, `INSERT INTO rows_disclosed (user_name, day, allowance) VALUES ($1, `+brusselsDay+`, $2::bigint + $3::bigint)
			ON CONFLICT (user_name, day) DO UPDATE SET allowance = rows_disclosed.allowance + $3::bigint`, a.User, allowance, more)
		return err
	})
	if errors.Is(err, ErrDecided) {
		return err
	}
	return safeError("decide approval", err)
}
