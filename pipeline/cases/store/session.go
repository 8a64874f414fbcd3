package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// session is a transaction: one of pgx, or a connection on which the statements of a batch begin and end it.
type session interface {
	querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Statements that begin and end a transaction inside a batch, so that neither costs a round trip of its own.
const (
	begin         = "BEGIN"
	beginReadOnly = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
	commit        = "COMMIT"
)

// useConnection gives do a connection. A transaction that do leaves open is rolled back.
func (s *Store) useConnection(ctx context.Context, do func(conn session) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer rollBack(ctx, conn)
	return do(conn)
}

// rollbackTime bounds a rollback.
const rollbackTime = 2 * time.Second

// rollBack ends a transaction that is open. A connection whose rollback fails is closed by the pool, which has the same effect.
func rollBack(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK")
}
