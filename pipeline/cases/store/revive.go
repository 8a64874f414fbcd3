package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// Revive asks the reviver for at most limit cases that ended because of their read, and takes in what stands as the next
// attempt. It returns the number of new cases. A call that was cut off leaves nothing half: an attempt that is there is
// found again. A case whose reviver fails comes again after ten minutes.
func (s *Store) Revive(ctx context.Context, r cases.Reviver, limit int) (n int, err error) {
	list, err := s.claim(ctx, "revive_at = clock_timestamp() + $1::interval + interval '10 minutes'",
		"revive_at <= clock_timestamp() + $1::interval ORDER BY revive_at LIMIT $2", s.shift(), limit)
	if err != nil {
		return 0, err
	}
	var failed []error
	for i := range list {
		isNew, err := s.reviveCase(ctx, r, &list[i])
		if err != nil {
			failed = append(failed, fmt.Errorf("revive case %s: %w", list[i].ID, err))
		}
		if isNew {
			n++
		}
	}
	return n, errors.Join(failed...)
}

func (s *Store) reviveCase(ctx context.Context, r cases.Reviver, c *cases.Case) (isNew bool, err error) {
	next, err := s.findAttempt(ctx, c)
	if err != nil {
		return false, err
	}
	if next.IsZero() {
		in, err := r.Revive(ctx, c)
		if err != nil {
			return false, err
		}
		if in != nil {
			in.Offence, in.Attempt = c.Offence, c.Attempt+1
			t, err := s.TakeIn(ctx, []cases.Intake{*in})
			if err != nil {
				return false, err
			}
			isNew = t.New > 0
			if next, err = s.findAttempt(ctx, c); err != nil {
				return isNew, err
			}
		}
	}
	note := cases.Note{Revived: true, Successor: next, Text: "no passage that this case had swallowed stands"}
	if !next.IsZero() {
		note.Text = fmt.Sprintf("attempt %d took the place of this case", c.Attempt+1)
	}
	_, err = s.Do(ctx, &Request{Case: c.ID, Command: note, By: cases.SystemActor()})
	return isNew, err
}

// findAttempt returns the case of the next attempt; zero = there is none.
func (s *Store) findAttempt(ctx context.Context, c *cases.Case) (id cases.ID, err error) {
	err = s.pool.QueryRow(ctx, "SELECT case_id FROM cases WHERE offence_id = $1 AND attempt = $2", uuidOf(c.Offence.ID), c.Attempt+1).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return cases.ID{}, nil
	}
	return id, safeError("find the next attempt", err)
}
