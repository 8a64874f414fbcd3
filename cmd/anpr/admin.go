package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

type migrateCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
}

// Run creates or updates the tables.
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
	return platform.Migrate(ctx, tables, log)
}

// engineCmd serves the Makefile, so that no test downloads in the middle.
type engineCmd struct {
	Fetch engineFetchCmd `cmd:"" help:"Download the engine to the cache unless it is there."`
	Serve engineServeCmd `cmd:"" help:"Run the broker and ClickHouse without the roles, which then run as processes of their own."`
}

type engineFetchCmd struct {
	Cache string `help:"Directory to download to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`
}

// Run downloads the engine with progress on standard error.
func (c *engineFetchCmd) Run(ctx context.Context) error {
	dir := c.Cache
	if dir == "" {
		var err error
		if dir, err = embedded.DefaultCacheDir(); err != nil {
			return err
		}
	}
	lib, err := embedded.EnsureEngine(ctx, dir, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "ClickHouse engine:", lib)
	return nil
}
