package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/embedded"
	"github.com/gvc-brussels/anpr/pipeline/sink"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

type migrateCmd struct{ clickhouseFlags }

// Run creates or updates the tables.
func (c *migrateCmd) Run(ctx context.Context, log zerolog.Logger) error {
	cfg, err := c.config(log, nil)
	if err != nil {
		return err
	}
	return sink.Migrate(ctx, cfg, log)
}

type rulesCmd struct {
	Check      rulesCheckCmd      `cmd:"" help:"Check a catalogue: form, dates, gaps, sources. Exit code 1 when it would be refused."`
	Unverified rulesUnverifiedCmd `cmd:"" help:"List the values that nobody has verified against the law text."`
}

type rulesCheckCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory of the catalogue; default the built-in Brussels one." type:"path"`
}

// Run prints the findings.
func (c *rulesCheckCmd) Run() error {
	fsys := rules.Brussels()
	if c.Catalogue != "" {
		fsys = os.DirFS(c.Catalogue)
	}
	wrong := 0
	for _, f := range rules.Check(fsys) {
		kind := "warning"
		if !f.Warning {
			kind = "error"
			wrong++
		}
		fmt.Printf("%s: %s\n", kind, f)
	}
	if wrong > 0 {
		return fmt.Errorf("%d findings keep this catalogue from loading", wrong)
	}
	cat, err := rules.Load(fsys)
	if err != nil {
		return err
	}
	fmt.Printf("catalogue %s: %d values, %d not verified, %d announced and not in force\n", cat.Version(), len(cat.Values()), len(cat.Unverified()), len(cat.Announced()))
	return nil
}

type rulesUnverifiedCmd struct {
	Catalogue string `arg:"" optional:"" help:"Directory of the catalogue; default the built-in Brussels one." type:"path"`
}

// Run prints one line a value.
func (c *rulesUnverifiedCmd) Run() error {
	cat, err := loadCatalogue(c.Catalogue)
	if err != nil {
		return err
	}
	for _, v := range cat.Unverified() {
		fmt.Printf("%+v\n", v)
	}
	return nil
}

type sampleCmd struct {
	Out      string `help:"Directory to write to." required:"" type:"path"`
	Seed     uint64 `help:"Same seed, same city." default:"1"`
	Cameras  int    `help:"Fixed cameras." default:"450"`
	Vehicles int    `help:"Vehicles." default:"200000"`
}

// Run writes a made-up city.
func (c *sampleCmd) Run() error {
	city, err := sampleCity(c.Seed, c.Cameras, c.Vehicles, rand.Text())
	if err != nil {
		return err
	}
	if err := city.WriteReference(c.Out); err != nil {
		return err
	}
	fmt.Printf("wrote a made-up city (seed %d, day %s) to %s\n", c.Seed, city.Day(), c.Out)
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

type versionCmd struct{}

// Run prints module version, revision and Go version.
func (versionCmd) Run() error { //nolint:unparam // the form kong calls
	info, ok := debug.ReadBuildInfo()
	if !ok {
		fmt.Println("anpr (no build information)")
		return nil
	}
	revision := "unknown"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	fmt.Printf("anpr %s, revision %s, %s, schema %d\n", info.Main.Version, revision, info.GoVersion, schemas.SchemaVersion)
	return nil
}
