package query

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB runs statements. Safe for concurrent use.
type DB struct {
	conn  driver.Conn
	limit time.Duration
}

// NewDB returns a DB on a connection. limit bounds the time for one statement; 0 = 10 s.
func NewDB(conn driver.Conn, limit time.Duration) *DB {
	if limit <= 0 {
		limit = 10 * time.Second
	}
	return &DB{conn: conn, limit: limit}
}

// Errors of a run. Server errors quote the query, so these texts contain no values.
var (
	// ErrTooSlow means that the time limit was reached. A narrower query helps.
	ErrTooSlow = errors.New("the search takes too long: give a shorter time window, more characters of the plate or fewer cameras")
	// ErrDatabase means that the database did not answer.
	ErrDatabase = errors.New("the database did not answer")
)

// Server error codes for a query that needs too much time or memory.
const (
	codeTimeout     = 159
	codeTooSlow     = 160
	codeMemoryLimit = 241
)

// Select runs st into dest, a pointer to a slice of structs. Errors wrap ErrTooSlow, ErrDatabase or the context's
// error.
func (d *DB) Select(ctx context.Context, dest any, st Statement) error {
	if st.sql == "" {
		return errPermit
	}
	ctx, cancel := context.WithTimeout(ctx, d.limit+2*time.Second)
	defer cancel()
	qctx := clickhouse.Context(noDeadline{ctx}, clickhouse.WithSettings(clickhouse.Settings{
		"readonly":                    2,
		"max_execution_time":          d.limit.Seconds(),
		"max_result_rows":             st.rows,
		"result_overflow_mode":        "throw",
		"log_queries":                 0,
		"prefer_column_name_to_alias": 1,
		"optimize_use_projections":    st.projected,
		// The projection serves tables of any size, for look-ups by camera.
		"min_table_rows_to_use_projection_index": 0,
	}))
	if err := d.conn.Select(qctx, dest, st.sql, st.queryArgs()...); err != nil {
		return safeError(ctx, err)
	}
	return nil
}

// noDeadline hides the context's deadline; cancellation still works. From a deadline, clickhouse-go derives a
// max_execution_time 5 s longer, which would replace the limit set here. The server would not stop the query before
// the connection is cut.
type noDeadline struct{ context.Context }

// Deadline reports no deadline.
func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// safeError reduces a database error to parts that cannot contain a plate.
func safeError(ctx context.Context, err error) error {
	var ex *clickhouse.Exception
	var op *net.OpError
	switch {
	case errors.As(err, &ex) && (ex.Code == codeTimeout || ex.Code == codeTooSlow || ex.Code == codeMemoryLimit):
		return fmt.Errorf("%w (code %d)", ErrTooSlow, ex.Code)
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ErrTooSlow
	case errors.As(err, &ex):
		return fmt.Errorf("%w: code %d", ErrDatabase, ex.Code)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &op):
		return fmt.Errorf("%w: %s %s", ErrDatabase, op.Op, op.Net)
	}
	return fmt.Errorf("%w: %T", ErrDatabase, errors.Unwrap(err))
}
