package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// People keeps the users' state: purposes, searches, the counts against their limits, and second persons' decisions. It
// is safe for concurrent use, also by several offices on one database. All times come from the database's clock, so
// that offices agree. Errors hold no value from a request.
type People struct {
	pool    *pgxpool.Pool
	present atomic.Int32 // this office's number while the session is open, see StayPresent
}

// NewPeople makes the store. The caller closes the pool. The look-up log needs another pool, because many queries must
// not delay an entry.
func NewPeople(pool *pgxpool.Pool) *People { return &People{pool: pool} }

// ErrNotFound means that this user has no such object: none exists, or another user, sign-in or purpose has it.
var ErrNotFound = errors.New("there is no such object for you")

// ErrUnavailable means that the database did not answer.
var ErrUnavailable = errors.New("the database of the office did not answer")

// safeError keeps the parts of an error that cannot hold a value: type and SQL state.
func safeError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w (%T %s)", what, ErrUnavailable, err, sqlState(err))
}

func sqlState(err error) string {
	if state, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return state.SQLState()
	}
	return ""
}

// OpenedPurpose is a purpose that a user opened.
type OpenedPurpose struct {
	ID     string
	User   string
	SignIn string
	access.Justification
	OpenedAt, EndsAt time.Time
	Ended            bool
}

const purposeColumns = "purpose_id::text, user_name, sign_in, purpose, reason, case_ref, prosecutor_ref, opened_at, ends_at, ended_at IS NOT NULL OR ends_at <= clock_timestamp()"

func (p *OpenedPurpose) scanRow(row pgx.Row) error {
	return row.Scan(&p.ID, &p.User, &p.SignIn, &p.Purpose, &p.Reason, &p.CaseRef, &p.ProsecutorRef, &p.OpenedAt, &p.EndsAt, &p.Ended)
}

// ErrRefusedDecision means that the prosecutor's office refused the decision's number.
var ErrRefusedDecision = errors.New("the prosecutor's office does not know this decision")

// OpenPurpose opens a purpose for a sign-in. The purpose ends after its hours or with the sign-in, whichever is sooner.
func (s *People) OpenPurpose(ctx context.Context, u *access.User, signIn string, ends time.Time, j access.Justification) (OpenedPurpose, error) {
	p := OpenedPurpose{}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if j.ProsecutorRef != "" {
			var outcome string
			if err := tx.QueryRow(ctx, `INSERT INTO prosecutor_decisions (prosecutor_ref) VALUES ($1)
				ON CONFLICT (prosecutor_ref) DO UPDATE SET last_stated = clock_timestamp() RETURNING outcome`, j.ProsecutorRef).Scan(&outcome); err != nil {
				return err
			}
			if outcome == "refused" {
				return ErrRefusedDecision
			}
		}
		var until *time.Time
		if !ends.IsZero() {
			until = &ends
		}
		return p.scanRow(tx.QueryRow(ctx, `INSERT INTO purposes (user_name, role, zones, sign_in, purpose, reason, case_ref, prosecutor_ref, ends_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, least(clock_timestamp() + $9 * interval '1 microsecond', $10::timestamptz)) RETURNING `+purposeColumns,
			u.Name, string(u.Role), append([]string{}, u.Zones...), signIn, string(j.Purpose), j.Reason, j.CaseRef, j.ProsecutorRef, int64(j.Purpose.OpenFor()), until))
	})
	if errors.Is(err, ErrRefusedDecision) {
		return p, err
	}
	return p, safeError("open purpose", err)
}

const purposeByID = "SELECT " + purposeColumns + " FROM purposes WHERE purpose_id = $1 AND user_name = $2 AND sign_in = $3"

// FindPurpose returns a purpose of the user and the sign-in, open or ended; else ErrNotFound.
func (s *People) FindPurpose(ctx context.Context, id, user, signIn string) (OpenedPurpose, error) {
	p := OpenedPurpose{}
	err := p.scanRow(s.pool.QueryRow(ctx, purposeByID, idOrAbsent(id), user, signIn))
	return p, safeError("find purpose", err)
}

// OpenPurposes lists the sign-in's open purposes, the newest first.
func (s *People) OpenPurposes(ctx context.Context, user, signIn string) ([]OpenedPurpose, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+purposeColumns+" FROM purposes WHERE user_name = $1 AND sign_in = $2 AND ended_at IS NULL AND ends_at > clock_timestamp() ORDER BY opened_at DESC LIMIT 20", user, signIn)
	if err != nil {
		return nil, safeError("list purposes", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OpenedPurpose, error) {
		var p OpenedPurpose
		return p, p.scanRow(row)
	})
	return out, safeError("list purposes", err)
}

// EndPurpose ends a purpose of the user and the sign-in. A purpose that has ended stays unchanged.
func (s *People) EndPurpose(ctx context.Context, id, user, signIn string) (OpenedPurpose, error) {
	p := OpenedPurpose{}
	err := p.scanRow(s.pool.QueryRow(ctx, `UPDATE purposes SET ended_at = coalesce(ended_at, clock_timestamp()), end_cause = CASE WHEN ended_at IS NULL THEN 'user' ELSE end_cause END
		WHERE purpose_id = $1 AND user_name = $2 AND sign_in = $3 RETURNING `+purposeColumns, idOrAbsent(id), user, signIn))
	return p, safeError("end purpose", err)
}

// ProsecutorDecision is the number of a prosecutor's decision, as users stated it.
type ProsecutorDecision struct {
	Ref                     string
	FirstStated, LastStated time.Time
	Outcome                 string // "" = waits
	DecidedBy               string
	Users                   []string
}

// ListProsecutorDecisions lists the numbers that users in these zones stated since a time, and the users; no zones = all.
func (s *People) ListProsecutorDecisions(ctx context.Context, zones []string, since time.Time, waiting bool) ([]ProsecutorDecision, error) {
	rows, err := s.pool.Query(ctx, `SELECT d.prosecutor_ref, d.first_stated, d.last_stated, d.outcome, d.decided_by, array_agg(DISTINCT p.user_name)
		FROM prosecutor_decisions d JOIN purposes p USING (prosecutor_ref)
		WHERE d.last_stated >= $1 AND (NOT $2 OR d.outcome = '') AND (cardinality($3::text[]) = 0 OR cardinality(p.zones) > 0 AND p.zones <@ $3::text[])
		GROUP BY 1, 2, 3, 4, 5 ORDER BY d.last_stated DESC, 1 LIMIT 1000`, since, waiting, append([]string{}, zones...))
	if err != nil {
		return nil, safeError("list decisions", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ProsecutorDecision, error) {
		var d ProsecutorDecision
		return d, row.Scan(&d.Ref, &d.FirstStated, &d.LastStated, &d.Outcome, &d.DecidedBy, &d.Users)
	})
	return out, safeError("list decisions", err)
}

// ErrSamePerson means that the second person is also a first person.
var ErrSamePerson = errors.New("a second person must be another than the first")

// ConfirmProsecutorDecision stores the prosecutor's answer to a number. A refused number ends all its purposes; ended counts
// them.
func (s *People) ConfirmProsecutorDecision(ctx context.Context, ref, by string, zones []string, confirmed bool) (ended int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var own, foreign, all int
		if err := tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE user_name = $2), count(*) FILTER (WHERE cardinality($3::text[]) > 0 AND NOT (cardinality(zones) > 0 AND zones <@ $3::text[])), count(*)
			FROM purposes WHERE prosecutor_ref = $1`, ref, by, append([]string{}, zones...)).Scan(&own, &foreign, &all); err != nil {
			return err
		}
		switch {
		case all == 0 || foreign > 0:
			return ErrNotFound
		case own > 0:
			return ErrSamePerson
		}
		outcome := "refused"
		if confirmed {
			outcome = "confirmed"
		}
		if _, err := tx.Exec(ctx, "UPDATE prosecutor_decisions SET outcome = $2, decided_by = $3, decided_at = clock_timestamp() WHERE prosecutor_ref = $1", ref, outcome, by); err != nil || confirmed {
			return err
		}
		tag, err := tx.Exec(ctx, "UPDATE purposes SET ended_at = clock_timestamp(), end_cause = 'refused' WHERE prosecutor_ref = $1 AND ended_at IS NULL AND ends_at > clock_timestamp()", ref)
		ended = tag.RowsAffected()
		return err
	})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrSamePerson) {
		return 0, err
	}
	return ended, safeError("confirm decision", err)
}

// absentID is an id that no object has: random ids have version 4.
const absentID = "00000000-0000-0000-0000-000000000000"

// idOrAbsent returns the id in a text, or absentID when the text is no id. So a bad id costs the same query time as an
// unknown one.
func idOrAbsent(text string) string {
	if _, err := schemas.ParseID(text); err != nil {
		return absentID
	}
	return text
}
