// Package store keeps cases in PostgreSQL. Several offices use one database at once.
//
// A change is one transaction: the row of the case is locked, the guard of package cases judges the command by the
// database's clock, and the event, the new row and the outgoing message are written together. Events are only
// appended.
package store

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// LeaseTime is how long a lease lasts without a heartbeat.
const LeaseTime = 5 * time.Minute

// MaxLeases is the number of items that one call leases.
const MaxLeases = 3

// Options configure a [Store].
type Options struct {
	Policy  func() *cases.Policy // of the catalogue of the day; must not return nil
	DrawKey []byte               // key of the draw of second looks; the site's secret, the same in all offices
	Shift   func() time.Duration // added to the database's clock, for tests; nil = 0
}

// Store is the cases of a database. Safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	o    Options
}

// New makes a store. The caller closes the pool.
func New(pool *pgxpool.Pool, o Options) *Store { return &Store{pool: pool, o: o} }
