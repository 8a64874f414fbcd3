package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// LatePictures claims at most limit cases whose read was not stored at the intake. The caller answers with [Store.Do] and
// [cases.AddPictures] when the read is there; an unanswered case comes again, after a pause that grows with its age from
// 5 seconds to 10 minutes.
func (s *Store) LatePictures(ctx context.Context, limit int) ([]cases.Case, error) {
	rows, err := s.pool.Query(ctx, `UPDATE cases SET pictures_at = clock_timestamp() + $1::interval +
			least(greatest((clock_timestamp() + $1::interval - taken_in_at) / 4, interval '5 seconds'), interval '10 minutes')
		WHERE case_id IN (SELECT case_id FROM cases WHERE pictures_at <= clock_timestamp() + $1::interval ORDER BY pictures_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING present`, s.shift(), limit)
	if err != nil {
		return nil, safeError("claim late pictures", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c cases.Case, err error) {
		var present []byte
		if err = row.Scan(&present); err == nil {
			err = decodeCase(present, &c)
		}
		return c, err
	})
	return out, safeError("claim late pictures", err)
}

// queuePictures queues the rows that keep pictures from being deleted while the case needs them.
func (w *recorder) queuePictures(id cases.ID, found []cases.Picture) {
	for _, p := range found {
		w.batch.Queue("INSERT INTO case_pictures (sha256, case_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", []byte(p.Sum), uuidOf(id.ID))
	}
}
