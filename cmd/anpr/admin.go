package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

type migrateCmd struct {
	runFlags
	clickhouseFlags
}

// Run creates or updates the tables.
func (c *migrateCmd) Run(ctx context.Context, log zerolog.Logger) error {
	run, err := c.find()
	if err != nil {
		return err
	}
	run.tables(&c.clickhouseFlags, embedded.Migrator)
	cfg, err := c.config(log, nil)
	if err != nil {
		return err
	}
	return platform.Migrate(ctx, cfg.ClickHouse, log)
}

type sampleCmd struct {
	Out      string `help:"Directory to write to; it must be empty or not there." required:"" type:"path"`
	Missing  bool   `help:"Leave a directory that has cameras.yaml as it is, instead of refusing it."`
	Seed     uint64 `help:"Same seed, same city." default:"1"`
	Cameras  int    `help:"Fixed cameras." default:"450"`
	Vehicles int    `help:"Vehicles." default:"200000"`
}

// Run writes a made-up city.
func (c *sampleCmd) Run() error {
	if names, err := fileNames(c.Out); err == nil && c.Missing && names["cameras.yaml"] {
		return nil
	}
	if err := writeSample(c.Out, sampleSize{Seed: c.Seed, Cameras: c.Cameras, Vehicles: c.Vehicles}); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "wrote a made-up city (seed %d) to %s: no camera, vehicle or person in it is real\n", c.Seed, c.Out)
	return nil
}

// engineCmd is called by the Makefile, so that tests do not download in the middle of a test.
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
