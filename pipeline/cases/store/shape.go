package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// foldOlder gives locked rows of an older shape the fields that came since, from their events. A row that does not follow
// from its events stays as it is, so that the proof still finds it. A row of a newer release is refused: this release
// would drop what the other knows.
func foldOlder(ctx context.Context, tx session, rows []*caseRow) error {
	var ids [][16]byte
	for _, r := range rows {
		if r.shape > cases.Shape {
			return fmt.Errorf("case %s was written by a newer release (shape %d, known %d): restart this office with that release", r.ID, r.shape, cases.Shape)
		}
		if r.shape < cases.Shape {
			ids = append(ids, r.ID.ID)
		}
	}
	if ids == nil {
		return nil
	}
	events, err := readEvents(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		found := events[r.ID]
		if found == nil || compareCase(&r.Case, r.shape, found) != "" {
			continue
		}
		folded, err := cases.Fold(found.events)
		if err != nil {
			return err
		}
		if r.State != cases.Settling { // the sweep wrote that the verdict took effect
			folded.Settle(r.EffectiveAt)
		}
		r.Case, r.shape = folded, cases.Shape
	}
	return nil
}

// reshape writes rows of an older shape anew, with the fields that came since.
func (s *Store) reshape(ctx context.Context, older []cases.ID) error {
	ids := make([][16]byte, len(older))
	for i := range older {
		ids[i] = older[i].ID
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+rowColumns+" FROM cases WHERE case_id = ANY ($1) AND shape < $2 ORDER BY case_id FOR UPDATE SKIP LOCKED", ids, cases.Shape)
		if err != nil {
			return err
		}
		list, err := collectRows(rows)
		if err == nil {
			err = foldOlder(ctx, tx, list)
		}
		if err != nil {
			return err
		}
		w := &recorder{}
		for _, r := range list {
			if r.shape < cases.Shape {
				continue // it does not hold
			}
			present, err := json.Marshal(r.Case)
			if err != nil {
				return err
			}
			w.batch.Queue("UPDATE cases SET present = $2, shape = $3 WHERE case_id = $1", uuidOf(r.ID.ID), present, cases.Shape)
		}
		return w.send(ctx, tx)
	})
}
