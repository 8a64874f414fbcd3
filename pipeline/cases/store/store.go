// Package store keeps cases in PostgreSQL. Several offices use one database at once.
//
// A change is one transaction: the row of the case is locked, the guard of package cases judges the command by the
// database's clock, and the event, the new row and the outgoing message are written together. Events are only
// appended. Nothing is ordered by a process of ours, and no job is kept beside the row that it is for: the row's own
// times say what the clock does to it ([Store.Sweep]) and when the rules decide it again ([Store.DueHolds]).
package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Options configure a [Store].
type Options struct {
	Policy  func() *cases.Policy // of the catalogue of the day; must not return nil
	DrawKey []byte               // key of the draw of second looks; the site's secret, the same in all offices
	Filer   cases.Filer          // what a confirmed case is in view of its vehicle's file; nil = this store reads no files
	Shift   func() time.Duration // added to the database's clock, for tests; nil = 0

	Depends func(value string) (Dependence, error) // reads KIND:NAME of a value on which decisions rest; nil = this store answers no such question
}

// Store is the cases of a database. Safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	o      Options
	reader cases.ID // name of this store as the reader of the outbox
}

// New makes a store. The caller closes the pool.
func New(pool *pgxpool.Pool, o Options) *Store {
	return &Store{pool: pool, o: o, reader: newRandomID()}
}

// shift returns the time that is added to the database's clock.
func (s *Store) shift() time.Duration {
	if s.o.Shift == nil {
		return 0
	}
	return s.o.Shift()
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Clock returns the database's time, by which leases, holds and verdicts are measured.
func (s *Store) Clock(ctx context.Context) (schemas.Micros, error) {
	now, err := s.readClock(ctx, s.pool)
	return now, safeError("read the clock", err)
}

// clock is the database's clock, moved by an interval.
const clock = "SELECT clock_timestamp() + $1::interval"

// readClock returns the database's time, in microseconds.
func (s *Store) readClock(ctx context.Context, q querier) (now schemas.Micros, err error) {
	err = scanMicros(q.QueryRow(ctx, clock, s.shift()), &now)
	return now, err
}

// scanMicros reads an instant.
func scanMicros(row pgx.Row, to *schemas.Micros) error {
	var at time.Time
	err := row.Scan(&at)
	if err == nil {
		*to = schemas.MicrosOf(at)
	}
	return err
}

// newRandomID returns a random UUID (version 4).
func newRandomID() cases.ID {
	var id cases.ID
	_, _ = rand.Read(id.ID[:]) // never fails
	id.ID[6], id.ID[8] = id.ID[6]&0x0f|0x40, id.ID[8]&0x3f|0x80
	return id
}

// newEventID returns a UUID of version 7 for an instant.
func newEventID(at schemas.Micros) cases.ID {
	id := newRandomID()
	ms := uint64(at / schemas.Millisecond)
	for i := range 6 {
		id.ID[i] = byte(ms >> (40 - 8*i))
	}
	id.ID[6] = id.ID[6]&0x0f | 0x70
	return id
}

// hiddenError is an error of PostgreSQL without its details, because details repeat rows, and rows hold plates.
type hiddenError struct {
	what string
	pg   *pgconn.PgError
}

// Error implements error.
func (e *hiddenError) Error() string {
	cure := ""
	switch e.pg.Code {
	case "42P01", "42703", "42883": // a table, column or function is missing
		cure = "; run anpr migrate, or restart this office with the newer release that migrated"
	}
	return fmt.Sprintf("%s: PostgreSQL: %s (code %s)%s", e.what, e.pg.Message, e.pg.Code, cure)
}

// Unwrap returns the error of PostgreSQL.
func (e *hiddenError) Unwrap() error { return e.pg }

// notNullViolation is the SQL state of a column that must have a value.
const notNullViolation = "23502"

// safeError says what failed. Refusals stay as they are, and a violated constraint of persons becomes one.
func safeError(what string, err error) error {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*cases.Refusal](err); ok {
		return r
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.ConstraintName {
		case "four_eyes", "asker_is_not_approver":
			return &cases.Refusal{Code: cases.CodeSamePerson, Detail: "another person must act here"}
		case "cases_number":
			return &cases.Refusal{Code: cases.CodeInvalid, Field: "number", Detail: "another case has this number"}
		}
		if pg.Code == notNullViolation && pg.TableName == "case_keys" {
			return &cases.Refusal{Code: cases.CodeKeyReused, Detail: "the key of this change stands for another one at this moment"}
		}
		return &hiddenError{what, pg}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// isRowError reports whether the error is of one row, so that other rows can be written.
func isRowError(err error) bool {
	if _, ok := errors.AsType[*cases.Refusal](err); ok || errors.Is(err, errUnreadable) {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23")
}

// readOnly is a transaction that sees one moment.
var readOnly = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
