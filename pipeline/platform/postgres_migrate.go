package platform

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/schemas"
)

// RiverSchema is the schema of the queue river's tables.
const RiverSchema = "river"

// riverMigrations maps our migrations to the migrations of river, the queue. A river release with changed tables gets a
// new number here; the release is pinned in go.mod.
var riverMigrations = map[int64]int{9001: 8}

// migrationLock is the key of the lock for migrations. Offices that start together wait for each other.
const migrationLock = 0x616e_7072_6d69 // "anprmi"

// migrationPatience is the longest wait for the migrations of another process.
const migrationPatience = 5 * time.Minute

// leastPostgres is the version needed by the migrations, in the form of server_version_num.
const leastPostgres = 180000

// MigratePostgres applies the new migrations of package schemas and of the queue, in order. A repetition changes
// nothing; several calls may run at once. The account in p must own the database.
func MigratePostgres(ctx context.Context, p Postgres, log zerolog.Logger) error {
	c, err := p.config("migrate")
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*c.ConnConfig)
	defer func() { _ = db.Close() }()
	if err := migrateUnderLock(ctx, db, log); err != nil {
		return fmt.Errorf("apply migrations to PostgreSQL: %w", p.Explain(err))
	}
	return nil
}

func migrateUnderLock(ctx context.Context, db *sql.DB, log zerolog.Logger) (err error) {
	lock, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	// frees the lock too, when the unlock below is not reached
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := checkPostgres(ctx, lock); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, migrationPatience)
	defer cancel()
	if _, err := lock.ExecContext(waiting, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for the migrations of another process: %w", err)
	}
	defer func() {
		_, e := lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationLock))
		err = errors.Join(err, e)
	}()
	steps, err := newPostgresSteps(db)
	if err != nil {
		return err
	}
	done, err := steps.Up(ctx)
	for _, m := range done {
		log.Info().Int64("version", m.Source.Version).Str("file", cmp.Or(m.Source.Path, RiverSchema)).Dur("took", m.Duration).Msg("PostgreSQL migration applied")
	}
	return err
}

// newPostgresSteps returns all migrations. Two branches may each add a migration: the order of missing migrations
// is free.
func newPostgresSteps(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(schemas.PostgresMigrations, "postgres")
	if err != nil {
		return nil, fmt.Errorf("open the embedded migrations: %w", err)
	}
	queue := make([]*goose.Migration, 0, len(riverMigrations))
	for number, target := range riverMigrations {
		queue = append(queue, goose.NewGoMigration(number, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			return migrateRiver(ctx, db, target)
		}}, nil))
	}
	p, err := goose.NewProvider(database.DialectPostgres, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithGoMigrations(queue...))
	if err != nil {
		return nil, fmt.Errorf("read the embedded migrations: %w", err)
	}
	return p, nil
}

// migrateRiver brings the queue's tables to a version of river, with a transaction for each migration. River notes each
// migration in a table, so the next start goes on after a kill.
func migrateRiver(ctx context.Context, db *sql.DB, target int) error {
	m, err := rivermigrate.New(riverdatabasesql.New(db), &rivermigrate.Config{Schema: RiverSchema})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: target})
	return err
}

// checkPostgres refuses a server that cannot take the migrations, and names the cure.
func checkPostgres(ctx context.Context, conn *sql.Conn) error {
	var version int
	var name string
	if err := conn.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version')").Scan(&version, &name); err != nil {
		return err
	}
	if version < leastPostgres {
		return fmt.Errorf("the server is PostgreSQL %s, and %d is needed: update it, or name another with --postgres", name, leastPostgres/10000)
	}
	var missing sql.NullString
	err := conn.QueryRowContext(ctx, `SELECT string_agg(a, ', ' ORDER BY a) FROM unnest(ARRAY['anpr_migrator', 'anpr_office', 'anpr_retention', 'anpr_backup']) a
		WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = a)`).Scan(&missing)
	if err == nil && missing.Valid {
		return fmt.Errorf("the server has no account %s: run deploy/postgres/accounts.sql there as its administrator", missing.String)
	}
	return err
}
