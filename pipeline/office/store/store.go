// Package store keeps the office's data in PostgreSQL: [LookUps] the look-up log, [People] the purposes, searches and
// approvals.
//
// All offices append to one sequence, under the lock on the row look_up_head. Tables and triggers refuse every change
// to an appended entry; the office's account has no right to make one either.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// LookUps is the look-up log in a database. Safe for concurrent use.
type LookUps struct {
	pool *pgxpool.Pool

	mu   sync.Mutex // guards left
	left leftEnd
}

var _ access.EntryStore = (*LookUps)(nil)

// NewLookUps makes the store. The caller closes the pool. A pool for the log alone keeps searches from delaying entries.
func NewLookUps(pool *pgxpool.Pool) *LookUps { return &LookUps{pool: pool} }

// Head returns the head that the next entry continues. The head is durable.
func (s *LookUps) Head(ctx context.Context) (h access.Head, err error) {
	var seq int64
	var sum []byte
	b := &pgx.Batch{}
	b.Queue("SELECT seq, entry_sha256 FROM look_up_head").QueryRow(func(row pgx.Row) error { return row.Scan(&seq, &sum) })
	b.Queue(flush)
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return h, fmt.Errorf("read the head: %w", hideValues(err))
	}
	h.Seq = uint64(seq)
	copy(h.Sum[:], sum)
	return h, nil
}

// RegisterKey stores the id of a year's key for plates, and returns the id that was stored first.
func (s *LookUps) RegisterKey(ctx context.Context, year int, id string) (string, error) {
	b := &pgx.Batch{}
	b.Queue("INSERT INTO look_up_keys (key_id, year) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, year)
	first := ""
	b.Queue("SELECT key_id FROM look_up_keys WHERE year = $1", year).QueryRow(func(row pgx.Row) error { return row.Scan(&first) })
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return "", fmt.Errorf("note the key of plates of %d: %w", year, hideValues(err))
	}
	return first, nil
}

// integrity starts the SQL states of refused rows: an entry that does not continue the log, a number that is taken.
const integrity = "23"

// hideValues returns an error without PostgreSQL's details, because details repeat rows.
func hideValues(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if strings.HasPrefix(pg.Code, integrity) {
			return fmt.Errorf("%w: PostgreSQL: %s (code %s)", access.ErrDamaged, pg.Message, pg.Code)
		}
		switch pg.Code {
		case "42P01", "42703", "42883": // a table, column or function is missing
			return fmt.Errorf("PostgreSQL: %s (code %s); run anpr migrate, or restart this office with the newer release that migrated", pg.Message, pg.Code)
		}
		return fmt.Errorf("PostgreSQL: %s (code %s)", pg.Message, pg.Code)
	}
	return err
}
