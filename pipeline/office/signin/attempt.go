package signin

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// countTime bounds an attempt, including the wait for hashing.
const countTime = time.Minute

// attempt is a try at the password of an account. The database counts an attempt before any comparison.
type attempt struct {
	name  string
	hash  string     // "" = no account, or a locked account: nothing to compare with
	count int        // attempts since the last success or lock, including the present attempt
	until *time.Time // end of the lock if the present attempt locked the account, else nil
	shut  bool       // the account was locked before the attempt
}

// checkPassword returns errWrong, errLocked or nil. Every attempt counts as a failure before the password is hashed,
// so parallel attempts gain nothing over attempts in a row. The fifth failure locks the account for 15 minutes.
//
// locked is the end of the lock if the present attempt was the fifth failure, else nil.
func (p *provider) checkPassword(ctx context.Context, name, password string, now time.Time) (locked *time.Time, err error) {
	store := p.service.cfg.Store
	// The count stays right even when the browser hangs up.
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
		return nil, errLocked // the answer does not depend on the password
	case !good:
		return a.until, errWrong
	}
	return nil, store.noteSuccess(counting, a)
}

// beginAttempt counts an attempt if the account is not locked. After a lock, the count starts again at 1.
func (s *AccountStore) beginAttempt(ctx context.Context, name string, now time.Time) (attempt, error) {
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

// noteSuccess sets the count to 0 after a right password. When somebody else tried in between, the count and the lock
// stay.
func (s *AccountStore) noteSuccess(ctx context.Context, a attempt) error {
	_, err := s.pool.Exec(ctx, `UPDATE sign_in_accounts SET failures = 0, locked_until = NULL
		WHERE user_name = $1 AND failures = $2 AND locked_until IS NOT DISTINCT FROM $3`, a.name, a.count, a.until)
	return unavailable(err)
}

// withdrawAttempt undoes the count and the lock after an attempt without comparison.
func (s *AccountStore) withdrawAttempt(ctx context.Context, a attempt) error {
	if a.count == 0 {
		return nil
	}
	_, err := s.pool.Exec(ctx, `UPDATE sign_in_accounts SET failures = greatest(failures - 1, 0),
		locked_until = CASE WHEN locked_until = $2 THEN NULL ELSE locked_until END WHERE user_name = $1`, a.name, a.until)
	return unavailable(err)
}
