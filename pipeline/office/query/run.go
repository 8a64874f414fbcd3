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

// NewDB makes a DB; limit bounds the time of one statement (0 = 10 s).
func NewDB(conn driver.Conn, limit time.Duration) *DB {
	if limit <= 0 {
		limit = 10 * time.Second
	}
	return &DB{conn: conn, limit: limit}
}

// Errors of a run. Their texts hold no value of the query, unlike those of the server, which quote it.
var (
	// ErrTooSlow means that the time limit was reached: ask for less.
	ErrTooSlow = errors.New("the search takes too long: give a shorter time window, more characters of the plate or fewer cameras")
	// ErrDatabase means that the database did not answer.
	ErrDatabase = errors.New("the database did not answer")
)

// Server error codes that mean the query was too much.
const (
	codeTimeout     = 159
	codeTooSlow     = 160
	codeMemoryLimit = 241
)

// Select runs st into dest, a pointer to a slice of structs. Errors wrap ErrTooSlow, ErrDatabase or the context's.
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
		// Whatever the table's size: a look-up by camera goes by its projection.
		"min_table_rows_to_use_projection_index": 0,
	}))
	if err := d.conn.Select(qctx, dest, st.sql, st.queryArgs()...); err != nil {
		return safeError(ctx, err)
	}
	return nil
}

// noDeadline is a context that still ends but does not say when: of a deadline clickhouse-go makes a max_execution_time
// of five seconds more, in place of ours, and the server would not stop the query before the connection is cut.
type noDeadline struct{ context.Context }

// Deadline says that there is none.
func (noDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// safeError keeps of an error what cannot hold a plate.
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
