package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/bench"
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
	city, err := sampleCity(c.Seed, c.Cameras, c.Vehicles)
	if err != nil {
		return err
	}
	if err := city.WriteReference(c.Out); err != nil {
		return err
	}
	fmt.Printf("wrote a made-up city (seed %d, day %s) to %s\n", c.Seed, city.Day(), c.Out)
	return nil
}

// sampleCity is made for today, so that its registers are fresh and its certificates valid.
func sampleCity(seed uint64, cameras, vehicles int) (*bench.City, error) {
	return bench.NewCity(bench.CityConfig{Seed: seed, Cameras: cameras, Vehicles: vehicles, At: schemas.MicrosOf(time.Now())})
}

// ensureReference writes the sample city when there is no reference data, and says whether the data in place is a sample.
func ensureReference(f stackFlags, log zerolog.Logger) (sample bool, err error) {
	marker := filepath.Join(f.Reference, "SAMPLE")
	if _, err := os.Stat(filepath.Join(f.Reference, "cameras.yaml")); err == nil {
		_, err := os.Stat(marker)
		return err == nil, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("reference data: %w", err)
	}
	log.Warn().Str("dir", f.Reference).Uint64("seed", f.SampleSeed).Msg("no reference data: writing a made-up sample city; give real data with --reference")
	city, err := sampleCity(f.SampleSeed, 0, 0)
	if err != nil {
		return false, err
	}
	if err := city.WriteReference(f.Reference); err != nil {
		return false, err
	}
	text := fmt.Sprintf("Made-up sample city, seed %d, day %s. Not real data.\n", f.SampleSeed, city.Day())
	return true, os.WriteFile(marker, []byte(text), 0o644)
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
