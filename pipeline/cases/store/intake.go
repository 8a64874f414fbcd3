package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Taken counts what an intake did.
type Taken struct {
	New       int // cases made
	Repeated  int // offences that were here with the same seal: nothing changed
	Differing int // offences that were here with another seal: the case has an incident
}

// TakeIn makes a case of each offence, in one transaction. A repetition by (offence, attempt) changes nothing; one with
// other sealed bytes opens an incident and overwrites nothing. An intake that [cases.Intake.Check] refuses stops all:
// check first.
func (s *Store) TakeIn(ctx context.Context, in []cases.Intake) (t Taken, err error) {
	for i := range in {
		if err := in[i].Check(); err != nil {
			return Taken{}, fmt.Errorf("intake %d of %d: %w", i+1, len(in), err)
		}
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		t, err = s.takeInInside(ctx, tx, in)
		return err
	})
	if err != nil {
		return Taken{}, safeError("take offences in", err)
	}
	return t, nil
}

// opened is an intake on its way into the tables.
type opened struct {
	in   *cases.Intake
	c    cases.Case
	isIn int64 // 1 = the row is new
	rest recorder
}

// takeInInside takes offences in inside a transaction. Consumers lock offences in one order, so they never wait in a
// circle.
func (s *Store) takeInInside(ctx context.Context, tx pgx.Tx, in []cases.Intake) (t Taken, err error) {
	now, err := s.readClock(ctx, tx)
	if err != nil {
		return t, err
	}
	wired, err := readWired(ctx, tx)
	if err != nil {
		return t, err
	}
	list := make([]*opened, len(in))
	for i := range in {
		in[i].Wired = wired[wireKey{in[i].Decision.On.Camera, in[i].Decision.Family}]
		if list[i], err = s.openCase(&in[i], now); err != nil {
			return t, err
		}
	}
	slices.SortStableFunc(list, func(a, b *opened) int {
		return cmp.Or(bytes.Compare(a.c.Offence.ID[:], b.c.Offence.ID[:]), cmp.Compare(a.c.Attempt, b.c.Attempt))
	})
	var rows recorder
	for _, o := range list {
		if err := rows.insertRow(&o.c, o.in.Sealed, &o.isIn); err != nil {
			return t, err
		}
	}
	if err := rows.send(ctx, tx); err != nil {
		return t, err
	}
	var events recorder
	for _, o := range list {
		if o.isIn == 1 {
			events.batch.QueuedQueries = append(events.batch.QueuedQueries, o.rest.batch.QueuedQueries...)
		}
	}
	if err := events.send(ctx, tx); err != nil {
		return t, err
	}
	for _, o := range list {
		if o.isIn == 1 {
			t.New++
			continue
		}
		differs, err := s.compareRepeat(ctx, tx, o.in)
		if err != nil {
			return t, err
		}
		if differs {
			t.Differing++
		} else {
			t.Repeated++
		}
	}
	return t, nil
}

// openCase makes the case with its first events.
func (s *Store) openCase(in *cases.Intake, now schemas.Micros) (*opened, error) {
	o := &opened{in: in}
	p := s.o.Policy()
	first, then := in.Open(newRandomID(), now, p)
	if err := o.rest.record(&o.c, first); err != nil {
		return nil, err
	}
	if then == nil {
		return o, nil
	}
	by := cases.SystemActor()
	e, err := cases.Act(&o.c, then, &by, &cases.Moment{Now: now, Policy: p})
	if err != nil || e == nil {
		return nil, err
	}
	return o, o.rest.record(&o.c, e)
}

// compareRepeat opens an incident when the offence is here with another seal.
func (s *Store) compareRepeat(ctx context.Context, tx pgx.Tx, in *cases.Intake) (differs bool, err error) {
	var id cases.ID
	var seal string
	err = tx.QueryRow(ctx, "SELECT case_id, present->>'seal' FROM cases WHERE offence_id = $1 AND attempt = $2", uuidOf(in.Offence.ID), in.Attempt).Scan(&id, &seal)
	if err != nil {
		return false, err
	}
	other := schemas.DigestOf(in.Seal)
	if seal == other.String() || len(in.Sealed) == 0 {
		return false, nil
	}
	done, err := s.doInside(ctx, tx, &Request{Case: id, By: cases.SystemActor(), Command: cases.OpenIncident{
		Kind: cases.SealDiffers, OtherSeal: other, Text: "the offence came again with seal " + other.String(),
	}})
	return done.Event != nil, err
}
