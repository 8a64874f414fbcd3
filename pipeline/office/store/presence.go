package store

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// presenceClass is the first number in the offices' advisory locks; the SQL function office_is_present has the same
// number.
const presenceClass = 1634627698

// presenceRetry is the wait before an office opens a new session.
const presenceRetry = time.Second

// StayPresent keeps a session open until ctx ends; the session tells other offices that this office runs. When the
// session ends, for any reason, this office's slots are free. Without a session a slot lapses by time alone.
func (s *People) StayPresent(ctx context.Context) {
	for ctx.Err() == nil {
		if conn, err := s.enterPresence(ctx); err == nil {
			_ = conn.PgConn().WaitForNotification(ctx) // returns when the session ends
			s.present.Store(0)
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		select {
		case <-ctx.Done():
		case <-time.After(presenceRetry):
		}
	}
}

// enterPresence opens the session. The caller closes it.
func (s *People) enterPresence(ctx context.Context) (*pgx.Conn, error) {
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	conn := pooled.Hijack() // the pool opens another in its place
	office := 1 + rand.Int32N(1<<31-2)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", presenceClass, office); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	s.present.Store(office)
	return conn, nil
}
