package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Round is where the proof of all cases stands, for all offices together.
type Round struct {
	BeganAt schemas.Micros // of the present round
	Proved  int64          // cases of the present round
	Damaged int64          // of them
	Rounds  int64          // whole rounds since the table was made
	Whole   struct {       // the last whole round; zero before the first
		BeganAt, EndedAt schemas.Micros
		Proved, Damaged  int64
	}
}

// Proof is a part of the proof.
type Proof struct {
	Bad   []Mismatch
	Round Round
	Busy  bool // another office proves at this moment: nothing was done
}

// Prove rebuilds the next limit cases as [Store.Rebuild] does, opens an incident on each that does not hold, and writes
// rows of an older shape anew. The place is kept in the database: offices share a round, and a restart goes on in it. err
// also names the cases whose damage keeps the incident out. When the cases could not be read, the place stays.
func (s *Store) Prove(ctx context.Context, limit int) (p Proof, err error) {
	var failed error
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		place, err := lockPlace(ctx, tx)
		if errors.Is(err, pgx.ErrNoRows) {
			p.Busy = true
			return nil
		}
		if err != nil {
			return err
		}
		part, err := s.rebuild(ctx, place, limit)
		if err != nil {
			return err
		}
		p.Bad = part.bad
		failed = errors.Join(s.noteDamage(ctx, part.bad), s.reshape(ctx, part.older))
		return movePlace(ctx, tx, &part)
	})
	if err == nil {
		p.Round, err = s.Round(ctx)
	}
	return p, errors.Join(safeError("prove cases", err), failed)
}

// lockPlace returns the last case proved, and keeps other offices away until the end of the transaction.
func lockPlace(ctx context.Context, tx pgx.Tx) (place cases.ID, err error) {
	var at *cases.ID
	if err = tx.QueryRow(ctx, "SELECT place FROM case_proof FOR UPDATE SKIP LOCKED").Scan(&at); err == nil && at != nil {
		place = *at
	}
	return place, err
}

// movePlace notes that a part is proved.
func movePlace(ctx context.Context, tx pgx.Tx, part *rebuilt) error {
	if !part.last.IsZero() {
		_, err := tx.Exec(ctx, "UPDATE case_proof SET place = $1, proved = proved + $2, damaged = damaged + $3", uuidOf(part.last.ID), part.n, len(part.bad))
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE case_proof SET place = NULL, began_at = clock_timestamp(), proved = 0, damaged = 0, rounds = rounds + 1, whole_began_at = began_at,
		whole_ended_at = clock_timestamp(), whole_proved = proved + $1, whole_damaged = damaged + $2`, part.n, len(part.bad))
	return err
}

// noteDamage opens an incident on each case that does not hold.
func (s *Store) noteDamage(ctx context.Context, bad []Mismatch) error {
	var errs []error
	for _, m := range bad {
		_, err := s.Do(ctx, &Request{Case: m.Case, Command: cases.OpenIncident{Kind: m.Kind, Text: m.Problem}, By: cases.SystemActor()})
		if err != nil {
			errs = append(errs, fmt.Errorf("note the damage of case %s (%s): %w", m.Case, m.Problem, err))
		}
	}
	return errors.Join(errs...)
}

// Round returns where the proof stands.
func (s *Store) Round(ctx context.Context) (r Round, err error) {
	var began time.Time
	var wholeBegan, wholeEnded *time.Time
	err = s.pool.QueryRow(ctx, "SELECT began_at, proved, damaged, rounds, whole_began_at, whole_ended_at, whole_proved, whole_damaged FROM case_proof").
		Scan(&began, &r.Proved, &r.Damaged, &r.Rounds, &wholeBegan, &wholeEnded, &r.Whole.Proved, &r.Whole.Damaged)
	if err != nil {
		return r, safeError("read where the proof stands", err)
	}
	r.BeganAt, r.Whole.BeganAt, r.Whole.EndedAt = schemas.MicrosOf(began), microsOrZero(wholeBegan), microsOrZero(wholeEnded)
	return r, nil
}
