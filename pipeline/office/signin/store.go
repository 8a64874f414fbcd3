package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/schemas"
)

// Reasons for the end of a sign-in, as stored.
const (
	endSignOut = "signed_out"
	endChanged = "user_changed"
	endNew     = "replaced" // the browser signed in anew
)

// useEvery is the least age of the last use before a new use is written. Most requests therefore only read.
const useEvery = 30 * time.Second

// AccountStore keeps the sign-ins and the accounts of the office's own provider in PostgreSQL. Safe for concurrent use.
type AccountStore struct{ pool *pgxpool.Pool }

// NewAccountStore returns a store on a pool. The migrations in schemas must have run.
func NewAccountStore(pool *pgxpool.Pool) *AccountStore { return &AccountStore{pool: pool} }

// held is a stored sign-in.
type held struct {
	id, user                 string
	fingerprint              schemas.Sum
	authenticatedAt, beganAt time.Time
	entry                    uint64 // number of the entry in the look-up log
}

// maxHint bounds a provider's token that is stored for the sign-out, in bytes: the token becomes part of an address.
const maxHint = 4096

// begun is a new sign-in.
type begun struct {
	token                          schemas.Sum
	user, issuer, subject, address string
	hint                           string // token from a provider elsewhere
	fingerprint                    schemas.Sum
	authenticatedAt                time.Time
}

// boundHint returns the token if the token is short enough to store, else "".
func boundHint(hint string) string {
	if len(hint) > maxHint {
		return ""
	}
	return hint
}

// insertSignIn stores a new sign-in and returns its id.
func (s *AccountStore) insertSignIn(ctx context.Context, b *begun, now time.Time) (id string, err error) {
	err = s.pool.QueryRow(ctx, `INSERT INTO sign_ins (token_sha256, user_name, issuer, subject, address, id_token_hint, user_sha256, authenticated_at, began_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING sign_in_id::text`,
		b.token[:], b.user, b.issuer, b.subject, b.address, boundHint(b.hint), b.fingerprint[:], b.authenticatedAt, now).Scan(&id)
	return id, unavailable(err)
}

// findHint returns the id token from a provider elsewhere for a sign-in; "" once the sign-in was ended. An expired
// sign-in still has the token.
func (s *AccountStore) findHint(ctx context.Context, token schemas.Sum) (hint string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT id_token_hint FROM sign_ins WHERE token_sha256 = $1`, token[:]).Scan(&hint)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return hint, unavailable(err)
}

// noteEntry stores the number of the log entry about a sign-in.
func (s *AccountStore) noteEntry(ctx context.Context, id string, seq uint64) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET log_seq = $2 WHERE sign_in_id::text = $1`, id, int64(seq)) //nolint:gosec // a sequence from 1
	return unavailable(err)
}

// useSignIn returns the valid sign-in for a token and stores the time of use. ErrEnded = there is no valid sign-in.
func (s *AccountStore) useSignIn(ctx context.Context, token schemas.Sum, now time.Time) (h held, err error) {
	var sum []byte
	var used time.Time
	err = s.pool.QueryRow(ctx, `SELECT sign_in_id::text, user_name, user_sha256, authenticated_at, began_at, used_at, log_seq FROM sign_ins
		WHERE token_sha256 = $1 AND ended_at IS NULL AND used_at > $2 AND began_at > $3`,
		token[:], now.Add(-IdleTime), now.Add(-WholeTime)).Scan(&h.id, &h.user, &sum, &h.authenticatedAt, &h.beganAt, &used, &h.entry)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, ErrEnded
	}
	if err != nil {
		return h, unavailable(err)
	}
	copy(h.fingerprint[:], sum)
	if now.Sub(used) >= useEvery {
		// A sign-in that ended in between stays ended.
		_, err = s.pool.Exec(ctx, `UPDATE sign_ins SET used_at = $2 WHERE token_sha256 = $1 AND ended_at IS NULL AND used_at < $2`, token[:], now)
	}
	return h, unavailable(err)
}

// stepUp stores a new token and a new time of authentication. ErrEnded means that the sign-in has ended or belongs to
// another user.
func (s *AccountStore) stepUp(ctx context.Context, id string, b *begun, now time.Time) error {
	tag, err := s.pool.Exec(ctx, `UPDATE sign_ins SET token_sha256 = $3, authenticated_at = $4, id_token_hint = $5, used_at = $6
		WHERE sign_in_id::text = $1 AND user_name = $2 AND ended_at IS NULL AND used_at > $7 AND began_at > $8`,
		id, b.user, b.token[:], b.authenticatedAt, boundHint(b.hint), now, now.Add(-IdleTime), now.Add(-WholeTime))
	if err == nil && tag.RowsAffected() == 0 {
		return ErrEnded
	}
	return unavailable(err)
}

// endUser ends every sign-in of a user, in all browsers.
func (s *AccountStore) endUser(ctx context.Context, user, why string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET ended_at = $2, end_reason = $3, id_token_hint = '' WHERE user_name = $1 AND ended_at IS NULL`, user, now, why)
	return unavailable(err)
}

// endToken ends the sign-in in one browser.
func (s *AccountStore) endToken(ctx context.Context, token schemas.Sum, why string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET ended_at = $2, end_reason = $3, id_token_hint = '' WHERE token_sha256 = $1 AND ended_at IS NULL`, token[:], now, why)
	return unavailable(err)
}

// unavailable wraps a database error in ErrUnavailable. The text is only for the log.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
