package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DamageFinding is damage that an office found in the look-up log.
type DamageFinding struct {
	At       time.Time
	Seq      uint64 // newest entry that the office knew
	FirstBad uint64
	Problem  string
}

// NoteFinding tells all offices about the damage.
func (s *LookUps) NoteFinding(ctx context.Context, f DamageFinding) error {
	_, err := s.pool.Exec(ctx, "INSERT INTO look_up_findings (seq, first_bad, problem) VALUES ($1, $2, left($3, 2000))", int64(f.Seq), int64(f.FirstBad), f.Problem)
	if err != nil {
		return fmt.Errorf("note what was found of the look-up log: %w", hideValues(err))
	}
	return nil
}

// NewestFinding returns the newest finding after an instant, or nil. A break closes all findings before it. A finding
// with an instant in the future does not count: it would hide those that come.
func (s *LookUps) NewestFinding(ctx context.Context, after time.Time) (*DamageFinding, error) {
	f, seq, firstBad := new(DamageFinding), int64(0), int64(0)
	err := s.pool.QueryRow(ctx, `SELECT at, seq, first_bad, problem FROM look_up_findings f WHERE at > $1 AND at <= clock_timestamp()
		AND NOT EXISTS (SELECT FROM look_ups l WHERE l.kind = 'break' AND l.seq > f.seq) ORDER BY at DESC LIMIT 1`, after).Scan(&f.At, &seq, &firstBad, &f.Problem)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none was found
	}
	if err != nil {
		return nil, fmt.Errorf("ask what was found of the look-up log: %w", hideValues(err))
	}
	f.Seq, f.FirstBad = uint64(seq), uint64(firstBad)
	return f, nil
}
