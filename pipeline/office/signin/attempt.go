package signin

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// countTime bounds an attempt, with its turn to be hashed.
const countTime = time.Minute

// attempt is one try at the password of an account. The database counted it before anything was compared.
type attempt struct {
	name  string
	hash  string     // "" = nothing to compare with: there is no account, or the account is locked
	count int        // of the attempts since the last success or lock, this one among them
	until *time.Time // end of the lock that this attempt made
	shut  bool       // the account was locked before
}

// checkPassword reports errWrong or errLocked. Every attempt counts as a failure before the password is hashed, so that
// attempts at a time are not more than those one after another: the fifth locks the account for a quarter of an hour.
// locked says until when, when this attempt was the fifth and failed.
func (p *provider) checkPassword(ctx context.Context, name, password string, now time.Time) (locked *time.Time, err error) {
	store := p.service.cfg.Store
	// A browser that hangs up meanwhile leaves no doubt about what is counted.
	counting, end := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer end()
	a, err := store.beginAttempt(counting, name, now)
	if err != nil {
		return nil, err
	}
	good, err := p.matchesHash(ctx, password, a.hash)
	switch {
	case err != nil: // nothing was compared
		return nil, errors.Join(err, store.withdrawAttempt(counting, a))
	case a.shut:
		return nil, errLocked // a right password says nothing either
	case !good:
		return a.until, errWrong
	}
	return nil, store.noteSuccess(counting, a)
}

// beginAttempt counts an attempt at an account that is not locked. After a lock the count begins anew.
func (s *Store) beginAttempt(ctx context.Context, name string, now time.Time) (attempt, error) {
	a := attempt{name: name}
	err := s.pool.QueryRow(ctx, `UPDATE sign_in_accounts SET
		failures = CASE WHEN locked_until IS NULL THEN failures + 1 ELSE 1 END,
		locked_until = CASE WHEN locked_until IS NULL AND failures + 1 >= $3 THEN $4::timestamptz END
		WHERE user_name = $1 AND (locked_until IS NULL OR locked_until <= $2)
		RETURNING password, failures, locked_until`, name, now, maxFailures, now.Add(lockTime)).Scan(&a.hash, &a.count, &a.until)
	if !errors.Is(err, pgx.ErrNoRows) {
		return a, unavailable(err)
	}
	err = s.pool.QueryRow(ctx, `SELECT count(*) > 0 FROM sign_in_accounts WHERE user_name = $1`, name).Scan(&a.shut)
	return a, unavailable(err)
}

// noteSuccess begins the count anew after a right password. When others tried meanwhile, the count and the lock that they
// made stay.
func (s *Store) noteSuccess(ctx context.Context, a attempt) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_in_accounts SET failures = 0, locked_until = NULL
		WHERE user_name = $1 AND failures = $2 AND locked_until IS NOT DISTINCT FROM $3`, a.name, a.count, a.until)
	return unavailable(err)
}

// withdrawAttempt takes an attempt back that compared nothing, with the lock that it made.
func (s *Store) withdrawAttempt(ctx context.Context, a attempt) error {
	if a.count == 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, `UPDATE sign_in_accounts SET failures = greatest(failures - 1, 0),
		locked_until = CASE WHEN locked_until = $2 THEN NULL ELSE locked_until END WHERE user_name = $1`, a.name, a.until)
	return unavailable(err)
}
