package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// SavePreview keeps the answer of the rules for a plate that a person proposes. The person holds the case, or is a
// supervisor. The answer is withdrawn as [cases.DuplicateCase] when another case has the plate in the period.
func (s *Store) SavePreview(ctx context.Context, by *cases.Actor, id cases.ID, reading cases.PlateReading, a *cases.Answer) (p cases.Preview, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		r, err := lockCase(ctx, tx, id)
		if err != nil {
			return err
		}
		now, err := s.readClock(ctx, tx)
		if err != nil {
			return err
		}
		isHolder := r.lease != nil && r.lease.User == by.User && r.lease.Until > now
		switch {
		case !by.MayReach(&r.Case):
			return &cases.Refusal{Code: cases.CodeNotFound, Detail: "no such case"}
		case by.Role != cases.Supervisor && !isHolder:
			return &cases.Refusal{Code: cases.CodeLeaseLost, Detail: "the lease is over, or somebody else has the case: take it again"}
		}
		twins, err := s.findTwins(ctx, tx, &pgx.Batch{}, &r.Case, &reading, now)
		if err != nil {
			return err
		}
		p = cases.Preview{ID: newRandomID(), Case: id, User: by.User, Reading: reading, MadeAt: now, Answer: a.WithoutTwin(twins)}
		answer, err := json.Marshal(p.Answer)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO case_previews (preview_id, case_id, user_name, plate, country, answer, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			uuidOf(p.ID.ID), uuidOf(id.ID), by.User, reading.Plate, reading.Country, answer, now.Time())
		return err
	})
	return p, safeError("keep a preview", err)
}

const previewByID = "SELECT case_id, user_name, plate, country, answer, made_at FROM case_previews WHERE preview_id = $1"

// scanPreview reads the preview with the id; nil = there is none.
func scanPreview(row pgx.Row, id cases.ID) (*cases.Preview, error) {
	p := &cases.Preview{ID: id}
	var answer []byte
	var at time.Time
	err := row.Scan(&p.Case, &p.User, &p.Reading.Plate, &p.Reading.Country, &answer, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.MadeAt = schemas.MicrosOf(at)
	return p, json.Unmarshal(answer, &p.Answer)
}
