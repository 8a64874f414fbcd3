package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gvc-brussels/anpr/schemas"
)

// heldAfterEnd is how long a case that came to nothing holds its pictures; the period is not verified.
const heldAfterEnd = "30 days"

// FreePictures returns those of the pictures that no case holds. A case holds its pictures until it has been rejected,
// withdrawn or expired for 30 days.
func (s *Store) FreePictures(ctx context.Context, sums []schemas.Sum) ([]schemas.Sum, error) {
	asked := make([][]byte, len(sums))
	for i := range sums {
		asked[i] = sums[i][:]
	}
	rows, err := s.pool.Query(ctx, `SELECT a.sum FROM unnest($1::bytea[]) AS a (sum)
		WHERE NOT EXISTS (SELECT FROM case_pictures p JOIN cases c USING (case_id) WHERE p.sha256 = a.sum AND NOT (c.state IN ('rejected', 'withdrawn', 'expired')
			AND (SELECT max(e.recorded_at) FROM case_events e WHERE e.case_id = c.case_id) < clock_timestamp() + $2::interval - interval '`+heldAfterEnd+`'))`,
		asked, s.shift())
	if err != nil {
		return nil, safeError("find pictures that no case holds", err)
	}
	free, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, safeError("find pictures that no case holds", err)
	}
	out := make([]schemas.Sum, len(free))
	for i := range free {
		out[i] = schemas.Sum(free[i])
	}
	return out, nil
}

// NotePictureDeleted notes, before a picture is deleted, that it goes because its time is over. Of a picture that no case
// names, nothing is noted.
func (s *Store) NotePictureDeleted(ctx context.Context, sum schemas.Sum, stored time.Time) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO deleted_pictures (sha256, stored_at) SELECT $1, $2 WHERE EXISTS (SELECT FROM case_pictures WHERE sha256 = $1)
		ON CONFLICT DO NOTHING`, sum[:], stored)
	return safeError("note a deleted picture", err)
}

// PictureDeleted returns when a picture of a case was deleted after its time; ok is false when it was not.
func (s *Store) PictureDeleted(ctx context.Context, sum schemas.Sum) (at time.Time, ok bool, err error) {
	err = s.pool.QueryRow(ctx, "SELECT deleted_at FROM deleted_pictures WHERE sha256 = $1", sum[:]).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, false, nil
	}
	return at, err == nil, safeError("look for a deleted picture", err)
}
