package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/argon2"
)

// Limits for passwords and invitations.
const (
	InviteTime   = 24 * time.Hour
	maxFailures  = 5
	lockTime     = 15 * time.Minute
	minPassword  = 12
	maxPassword  = 200
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB; OWASP's second choice for argon2id
	argonThreads = 1
	argonSize    = 32
	// hashesAtATime bounds the memory for hashing: every hash takes argonMemory.
	hashesAtATime = 2
)

var (
	errWrong  = errors.New("name or password is not right")
	errLocked = errors.New("the account is locked")
	errInvite = errors.New("the invitation does not serve")
)

// passwordFault returns "short" or "long" for a password outside the limits, else "".
func passwordFault(password string) string {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return "short"
	case n > maxPassword:
		return "long"
	}
	return ""
}

// hashPassword returns the argon2id hash of a password, with a fresh random salt.
func (p *provider) hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	sum, err := p.deriveSum(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// deriveSum computes argon2id. At most hashesAtATime calls compute at once; the others wait until ctx ends.
func (p *provider) deriveSum(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case p.hashing <- struct{}{}:
		defer func() { <-p.hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if len(password) > 4*maxPassword {
		password = "" // longer than any stored password: no match is possible
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonSize), nil
}

// matchesHash reports whether a password belongs to a hash. An empty hash costs the same time, so the time does not
// tell whether an account exists.
func (p *provider) matchesHash(ctx context.Context, password, hash string) (bool, error) {
	prefix := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)
	rest, ok := strings.CutPrefix(hash, prefix)
	saltText, sumText, cut := strings.Cut(rest, "$")
	salt, errSalt := base64.RawStdEncoding.DecodeString(saltText)
	want, errSum := base64.RawStdEncoding.DecodeString(sumText)
	got, err := p.deriveSum(ctx, password, salt)
	if err != nil {
		return false, err
	}
	good := ok && cut && errSalt == nil && errSum == nil && len(want) == argonSize
	return subtle.ConstantTimeCompare(got, want) == 1 && good, nil
}

// Invite stores an invitation to set a password and returns the secret for the link. Earlier unused invitations for
// the user end.
func (s *AccountStore) Invite(ctx context.Context, user string, now time.Time) (invite string, err error) {
	invite = randomText(32)
	sum := sha256.Sum256([]byte(invite))
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE sign_in_invites SET used_at = $2 WHERE user_name = $1 AND used_at IS NULL`, user, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO sign_in_invites (token_sha256, user_name, made_at, until) VALUES ($1, $2, $3, $4)`, sum[:], user, now, now.Add(InviteTime))
		return err
	})
	return invite, unavailable(err)
}

// InviteLink returns the address at which an invited person sets a password.
func InviteLink(public, invite string) string {
	return strings.TrimSuffix(public, "/") + pathInvite + "?invite=" + invite
}

// findInvited returns the invited user, or errInvite when the invitation is unknown, used or too old.
func (s *AccountStore) findInvited(ctx context.Context, invite string, now time.Time) (user string, err error) {
	sum := sha256.Sum256([]byte(invite))
	err = s.pool.QueryRow(ctx, `SELECT user_name FROM sign_in_invites WHERE token_sha256 = $1 AND used_at IS NULL AND until > $2`, sum[:], now).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errInvite
	}
	return user, unavailable(err)
}

// acceptInvite uses up an invitation and stores the hash of the new password. Every sign-in of the user ends. An error
// from record undoes everything.
func (s *AccountStore) acceptInvite(ctx context.Context, invite, hash string, now time.Time, record func(user string) error) error {
	sum := sha256.Sum256([]byte(invite))
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var user string
		err := tx.QueryRow(ctx, `UPDATE sign_in_invites SET used_at = $2 WHERE token_sha256 = $1 AND used_at IS NULL AND until > $2 RETURNING user_name`, sum[:], now).Scan(&user)
		if errors.Is(err, pgx.ErrNoRows) {
			return errInvite
		}
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `INSERT INTO sign_in_accounts (user_name, password, changed_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_name) DO UPDATE SET password = $2, changed_at = $3, failures = 0, locked_until = NULL`, user, hash, now); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `UPDATE sign_ins SET ended_at = $2, end_reason = $3 WHERE user_name = $1 AND ended_at IS NULL`, user, now, endChanged); err != nil {
			return err
		}
		return record(user)
	})
	if errors.Is(err, errInvite) {
		return err
	}
	return unavailable(err)
}
