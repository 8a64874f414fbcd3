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

// Reasons for which a sign-in ended, as stored.
const (
	endSignOut = "signed_out"
	endChanged = "user_changed"
	endNew     = "replaced" // the browser signed in anew
)

// useEvery is how old the last use of a sign-in grows before it is written anew, so that most requests only read.
const useEvery = 30 * time.Second

// Store keeps sign-ins and the accounts of the office's own provider in PostgreSQL. Safe for concurrent use.
type Store struct{ pool *pgxpool.Pool }

// NewStore keeps sign-ins through a pool. The migrations of schemas must have been applied.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool: pool} }

// held is a sign-in as it is stored.
type held struct {
	id, user                 string
	fingerprint              schemas.Sum
	authenticatedAt, beganAt time.Time
	entry                    uint64 // of the look-up log
}

// maxHint bounds the token of a provider that is kept for the sign-out, in bytes. It travels in an address.
const maxHint = 4096

// begun is a sign-in that begins.
type begun struct {
	token                          schemas.Sum
	user, issuer, subject, address string
	hint                           string // the token of a provider elsewhere
	fingerprint                    schemas.Sum
	authenticatedAt                time.Time
}

// boundHint returns the token of a provider that can be kept; "" for a longer one.
func boundHint(hint string) string {
	if len(hint) > maxHint {
		return ""
	}
	return hint
}

// insertSignIn stores a new sign-in and returns its id.
func (s *Store) insertSignIn(ctx context.Context, b *begun, now time.Time) (id string, err error) {
	err = s.pool.QueryRow(ctx, `INSERT INTO sign_ins (token_sha256, user_name, issuer, subject, address, id_token_hint, user_sha256, authenticated_at, began_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING sign_in_id::text`,
		b.token[:], b.user, b.issuer, b.subject, b.address, boundHint(b.hint), b.fingerprint[:], b.authenticatedAt, now).Scan(&id)
	return id, unavailable(err)
}

// findHint returns the token with which a provider elsewhere said who a browser's person is. An old sign-in has it too;
// one that has ended has none.
func (s *Store) findHint(ctx context.Context, token schemas.Sum) (hint string, err error) {
	err = s.pool.QueryRow(ctx, `SELECT id_token_hint FROM sign_ins WHERE token_sha256 = $1`, token[:]).Scan(&hint)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return hint, unavailable(err)
}

// noteEntry keeps the number of the entry that says that somebody signed in.
func (s *Store) noteEntry(ctx context.Context, id string, seq uint64) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET log_seq = $2 WHERE sign_in_id::text = $1`, id, int64(seq)) //nolint:gosec // a sequence from 1
	return unavailable(err)
}

// useSignIn returns the sign-in of a token that is good now, and notes that it was used.
func (s *Store) useSignIn(ctx context.Context, token schemas.Sum, now time.Time) (h held, err error) {
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
		// An end that came in between stays: a use never takes it back.
		_, err = s.pool.Exec(ctx, `UPDATE sign_ins SET used_at = $2 WHERE token_sha256 = $1 AND ended_at IS NULL AND used_at < $2`, token[:], now)
	}
	return h, unavailable(err)
}

// stepUp gives a sign-in a new token and the time of a new authentication. ErrEnded means that it has ended meanwhile,
// or is another user's.
func (s *Store) stepUp(ctx context.Context, id string, b *begun, now time.Time) error {
	tag, err := s.pool.Exec(ctx, `UPDATE sign_ins SET token_sha256 = $3, authenticated_at = $4, id_token_hint = $5, used_at = $6
		WHERE sign_in_id::text = $1 AND user_name = $2 AND ended_at IS NULL AND used_at > $7 AND began_at > $8`,
		id, b.user, b.token[:], b.authenticatedAt, boundHint(b.hint), now, now.Add(-IdleTime), now.Add(-WholeTime))
	if err == nil && tag.RowsAffected() == 0 {
		return ErrEnded
	}
	return unavailable(err)
}

// endUser ends every sign-in of a user, in whichever browser.
func (s *Store) endUser(ctx context.Context, user, why string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET ended_at = $2, end_reason = $3, id_token_hint = '' WHERE user_name = $1 AND ended_at IS NULL`, user, now, why)
	return unavailable(err)
}

// endToken ends the sign-in of one browser.
func (s *Store) endToken(ctx context.Context, token schemas.Sum, why string, now time.Time) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_ins SET ended_at = $2, end_reason = $3, id_token_hint = '' WHERE token_sha256 = $1 AND ended_at IS NULL`, token[:], now, why)
	return unavailable(err)
}

// unavailable hides what a database said behind ErrUnavailable; the text is for the log alone.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
