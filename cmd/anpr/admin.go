package main

import (
	"context"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

type migrateCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
	flags.PostgresFlags
}

// Run creates or updates the tables: those of PostgreSQL too when one is named, or runs here.
func (c *migrateCmd) Run(ctx context.Context, log zerolog.Logger) error {
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillTables(&c.ClickHouseFlags, embedded.Migrator)
	tables, err := c.ClickHouse()
	if err != nil {
		return err
	}
	if err := platform.Migrate(ctx, tables, log); err != nil {
		return err
	}
	if c.Postgres == "" && (run == nil || run.RunFile.Postgres == "") {
		log.Info().Msg("PostgreSQL is left as it is: none is named with --postgres")
		return nil
	}
	run.FillPostgres(&c.PostgresFlags, embedded.PostgresMigrator)
	p, err := c.PostgresDatabase()
	if err != nil {
		return err
	}
	return platform.MigratePostgres(ctx, p, log)
}

// engineCmd serves the Makefile, so that no test downloads in the middle.
type engineCmd struct {
	Fetch engineFetchCmd `cmd:"" help:"Download the engines to the cache unless they are there."`
	Serve engineServeCmd `cmd:"" help:"Run the broker and the databases without the roles, which then run as processes of their own."`
}

type engineFetchCmd struct {
	Cache string `help:"Directory to download to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
	Only  string `help:"This engine alone." enum:",clickhouse,postgres" default:"" placeholder:"clickhouse|postgres"`
}

// Run downloads the engines with progress on standard error.
func (c *engineFetchCmd) Run(ctx context.Context) error {
	return embedded.FetchEngines(ctx, c.Cache, c.Only, os.Stderr)
}
