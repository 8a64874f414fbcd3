package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// reviveAgain is how long a case waits whose reviver failed.
const reviveAgain = 10 * time.Minute

// Revive asks the reviver for at most limit cases that ended because of their read, and takes in what stands as the next
// attempt, in one transaction with the note of it. It returns the number of new cases. A case whose reviver fails comes
// again after ten minutes.
func (s *Store) Revive(ctx context.Context, r cases.Reviver, limit int) (n int, err error) {
	list, err := s.claim(ctx, reviveAgain, "revive_at", "revive_at <= (SELECT at FROM now) ORDER BY revive_at", limit)
	failed := []error{err} // of cases that cannot be read, beside the list
	for i := range list {
		c := &list[i].Case
		isNew, err := s.reviveCase(ctx, r, c)
		if err != nil {
			failed = append(failed, fmt.Errorf("revive case %s: %w", c.ID, err))
		}
		if isNew {
			n++
		}
	}
	return n, errors.Join(failed...)
}

func (s *Store) reviveCase(ctx context.Context, r cases.Reviver, c *cases.Case) (isNew bool, err error) {
	in, err := r.Revive(ctx, c)
	if err != nil {
		return false, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		isNew, err = s.replaceCase(ctx, tx, c, in)
		return err
	})
	if err != nil {
		return false, safeError("take the next attempt in", err)
	}
	return isNew, nil
}

// replaceCase takes the next attempt in and notes it on the case, unless somebody acted on the case since the claim: it
// then comes again in its turn, or stands. in = nil means that nothing takes its place.
func (s *Store) replaceCase(ctx context.Context, tx pgx.Tx, c *cases.Case, in *cases.Intake) (isNew bool, err error) {
	row, err := lockCase(ctx, tx, c.ID)
	if err != nil || row.Version != c.Version || row.ReviveAt() == 0 {
		return false, err
	}
	next, err := findAttempt(ctx, tx, c)
	if err != nil {
		return false, err
	}
	if next.IsZero() && in != nil {
		in.Offence, in.Attempt = c.Offence, c.Attempt+1
		if err := in.Check(); err != nil {
			return false, err
		}
		t, err := s.takeInInside(ctx, tx, []cases.Intake{*in})
		if err != nil {
			return false, err
		}
		isNew = t.New > 0
		if next, err = findAttempt(ctx, tx, c); err != nil {
			return false, err
		}
	}
	note := cases.Note{Revived: true, Successor: next, Text: "no passage that this case had swallowed stands"}
	if !next.IsZero() {
		note.Text = fmt.Sprintf("attempt %d took the place of this case", c.Attempt+1)
	}
	_, err = s.doInside(ctx, tx, &Request{Case: c.ID, Command: note, By: cases.SystemActor()})
	return isNew, err
}

// findAttempt returns the case of the next attempt; zero = there is none.
func findAttempt(ctx context.Context, tx pgx.Tx, c *cases.Case) (id cases.ID, err error) {
	err = tx.QueryRow(ctx, "SELECT case_id FROM cases WHERE offence_id = $1 AND attempt = $2", uuidOf(c.Offence.ID), c.Attempt+1).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return cases.ID{}, nil
	}
	return id, err
}
