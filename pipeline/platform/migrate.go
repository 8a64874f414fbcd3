package platform

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/schemas"
)

// Migrate makes a missing database and applies the new migrations of package schemas, in order. A repetition changes
// nothing. Two runs must not overlap, because ClickHouse has no lock for them. A run that dies between a statement and
// the note of the version repeats the statement; 0014 and 0017 then fail, and their version has to be noted by hand.
func Migrate(ctx context.Context, cfg ClickHouse, logger zerolog.Logger) error {
	cfg.EnsureDefaults()
	if err := cfg.Check(); err != nil {
		return err
	}
	if err := ensureDatabase(ctx, cfg); err != nil {
		return err
	}
	files, err := fs.Sub(schemas.Migrations, "clickhouse")
	if err != nil {
		return fmt.Errorf("open the embedded migrations: %w", err)
	}
	db := cfg.OpenDB()
	defer func() { _ = db.Close() }()
	// Two branches may each add a migration, and a database may get the later without the earlier. Migrations that
	// depend on each other stand in one branch.
	p, err := goose.NewProvider(goose.DialectClickHouse, db, files, goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("read the embedded migrations: %w", err)
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		logger.Info().Int64("version", m.Source.Version).Str("file", m.Source.Path).Dur("took", m.Duration).
			Msg("migration applied")
	}
	if err != nil {
		return fmt.Errorf("apply migrations to database %s: %w", cfg.Database, cfg.Explain(err))
	}
	if len(done) == 0 {
		logger.Info().Str("database", cfg.Database).Msg("database is up to date")
	}
	return nil
}

// askTimeout bounds a question to the database before the migrations.
const askTimeout = 30 * time.Second

// ensureDatabase connects without a database name, because the server refuses a connection that names a missing
// database.
func ensureDatabase(ctx context.Context, cfg ClickHouse) error {
	o := cfg.queryOptions()
	o.Auth.Database = ""
	conn, err := clickhouse.Open(o)
	if err != nil {
		return fmt.Errorf("open clickhouse: %w", err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var have uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", cfg.Database).Scan(&have); err != nil {
		return fmt.Errorf("look for database %s: %w", cfg.Database, cfg.Explain(err))
	}
	if have > 0 {
		return nil // a user without the right to create databases may still migrate an existing database
	}
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+QuoteName(cfg.Database)); err != nil {
		return fmt.Errorf("create database %s: %w", cfg.Database, cfg.Explain(err))
	}
	return nil
}

// QuoteName puts the name of a database or table into the quotes of ClickHouse.
func QuoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// NewestMigration is the number of the last file of the tables. Example: 0018
func NewestMigration() (string, error) {
	files, err := fs.Glob(schemas.Migrations, "clickhouse/*.sql")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no migrations are built in: %w", cmp.Or(err, fs.ErrNotExist))
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(files[len(files)-1], "clickhouse/"), "_") // Glob sorts
	return number, nil
}
