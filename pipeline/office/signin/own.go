package signin

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// endOwn is the reason of a sign-in that its person ended from another browser.
const endOwn = "ended_elsewhere"

// ErrNoSignIn means that the person has no such sign-in: none exists, it has ended, or it is another person's.
var ErrNoSignIn = errors.New("there is no such sign-in of yours")

// OwnSignIn is a valid sign-in of a person.
type OwnSignIn struct {
	ID      string // no secret, unlike the cookie
	Address string // of the browser when it signed in
	BeganAt time.Time
	UsedAt  time.Time // to half a minute
	EndsAt  time.Time // end even with constant use
}

// ListOwn lists the valid sign-ins of a person, the newest first.
func (s *Service) ListOwn(ctx context.Context, user string) ([]OwnSignIn, error) {
	return s.cfg.Store.listOwn(ctx, user, s.cfg.Now())
}

// EndOwn ends one valid sign-in of a person, in every office from its next request on. ErrNoSignIn = the person has no
// such sign-in. The caller writes the log entry, before.
func (s *Service) EndOwn(ctx context.Context, user, id string) error {
	return s.cfg.Store.endSignIn(ctx, user, id, s.cfg.Now())
}

// ListPresent names the persons with a valid sign-in.
func (s *Service) ListPresent(ctx context.Context) ([]string, error) {
	now := s.cfg.Now()
	rows, err := s.cfg.Store.pool.Query(ctx, `SELECT DISTINCT user_name FROM sign_ins WHERE ended_at IS NULL AND used_at > $1 AND began_at > $2 ORDER BY 1`, now.Add(-IdleTime), now.Add(-WholeTime))
	if err != nil {
		return nil, unavailable(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return out, unavailable(err)
}

// mostOwn bounds the listed sign-ins of a person.
const mostOwn = 100

func (s *AccountStore) listOwn(ctx context.Context, user string, now time.Time) ([]OwnSignIn, error) {
	rows, err := s.pool.Query(ctx, `SELECT sign_in_id::text, address, began_at, used_at FROM sign_ins
		WHERE user_name = $1 AND ended_at IS NULL AND used_at > $2 AND began_at > $3 ORDER BY began_at DESC, sign_in_id LIMIT $4`, user, now.Add(-IdleTime), now.Add(-WholeTime), mostOwn)
	if err != nil {
		return nil, unavailable(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o OwnSignIn, err error) {
		err = row.Scan(&o.ID, &o.Address, &o.BeganAt, &o.UsedAt)
		o.EndsAt = o.BeganAt.Add(WholeTime)
		return o, err
	})
	return out, unavailable(err)
}

// endSignIn ends one sign-in of a user.
func (s *AccountStore) endSignIn(ctx context.Context, user, id string, now time.Time) error {
	tag, err := s.pool.Exec(ctx, `UPDATE sign_ins SET ended_at = $3, end_reason = $4, id_token_hint = ''
		WHERE sign_in_id::text = $2 AND user_name = $1 AND ended_at IS NULL AND used_at > $5 AND began_at > $6`, user, id, now, endOwn, now.Add(-IdleTime), now.Add(-WholeTime))
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNoSignIn
	}
	return unavailable(err)
}
