package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Expired says how many rows DeleteExpired took from a table.
type Expired struct {
	Table string
	Rows  int64
}

// DeleteExpired deletes expired purposes, searches, approvals, limits and sign-ins, all or none, and then plates in
// clear from old look-ups and the files of bundles. The database holds the periods
// (schemas/postgres/0012_expiry.sql, 0018_presence.sql, 0032_bundles.sql). The list is empty when another office is deleting.
func (s *People) DeleteExpired(ctx context.Context) ([]Expired, error) {
	rows, err := s.pool.Query(ctx, "SELECT what, deleted FROM delete_expired()")
	if err != nil {
		return nil, safeError("delete expired rows", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Expired])
	if err != nil || len(out) == 0 {
		return nil, safeError("delete expired rows", err)
	}
	plates := Expired{Table: "look_up_plates"}
	if err = s.pool.QueryRow(ctx, "SELECT delete_expired_plates()").Scan(&plates.Rows); err != nil {
		return append(out, plates), safeError("delete expired plates", err)
	}
	files := Expired{Table: "bundles"}
	err = s.pool.QueryRow(ctx, "SELECT delete_expired_bundles()").Scan(&files.Rows)
	return append(out, plates, files), safeError("delete expired files of bundles", err)
}
