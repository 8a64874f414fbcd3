package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/lookups"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

const yearDescription = `Fills the tables with a seeded year of reads through the real sink, for measuring look-ups, retro-matches and replays.
A load that was stopped goes on where it was. See bench/README.md.`

// yearTables names the database to fill: on a running server, or on an engine started here on a directory.
type yearTables struct {
	Data       string `type:"path" placeholder:"DIR" help:"Start the embedded engine on this directory."`
	Clickhouse string `placeholder:"HOST:PORT" help:"Use a running server instead (native protocol)."`
	Database   string `default:"anpr" help:"Made when it is missing."`
	User       string `help:"Of the server (default default)."`
	Password   string `env:"ANPR_CLICKHOUSE_PASSWORD" help:"Of the server."`
}

// yearOptions size a year.
type yearOptions struct {
	Rows     uint64 `default:"365000000" help:"Reads of the year: 200 cameras x 5,000 x 365."`
	Days     int    `default:"364" help:"Days they are spread over, ending yesterday."`
	Cameras  int    `default:"200" help:"Cameras."`
	Vehicles int    `help:"Vehicles (default one for 91 reads, at least 1,000)."`
	Seed     uint64 `default:"1" help:"The same seed, sizes and day give the same rows."`
	Today    string `placeholder:"2026-11-25" help:"The year ends before this day (default today)."`
}

// yearCmd is anprload year.
type yearCmd struct {
	yearTables
	yearOptions
	Reserve  uint64 `name:"reserve-gb" default:"30" help:"GB that must stay free on the server's disk."`
	Unmerged bool   `help:"Leave the parts to background merges."`
	Serve    bool   `help:"With --data: keep the engine running afterwards, until Ctrl-C."`
}

// endOfYear returns the instant the year ends before.
func (o *yearOptions) endOfYear() (schemas.Micros, error) {
	if o.Today == "" {
		return schemas.MicrosOf(time.Now()), nil
	}
	d, err := schemas.ParseDay(o.Today)
	if err != nil {
		return 0, fmt.Errorf("--today: %w", err)
	}
	return d.Start() + 12*schemas.Hour, nil
}

// makeCity makes the city and its year.
func (o *yearOptions) makeCity() (*bench.City, *bench.Year, error) {
	today, err := o.endOfYear()
	if err != nil {
		return nil, nil, err
	}
	if o.Vehicles == 0 {
		o.Vehicles = int(max(o.Rows/91, 1000))
	}
	city, err := bench.NewCity(bench.CityConfig{Seed: o.Seed, Cameras: o.Cameras, Temporary: -1, Vehicles: o.Vehicles, At: today})
	if err != nil {
		return nil, nil, err
	}
	year, err := city.Year(bench.YearConfig{Seed: o.Seed, End: today, Days: o.Days, Rows: o.Rows})
	return city, year, err
}

// openTables returns the address of the tables, after starting an engine when asked.
func (t *yearTables) openTables(ctx context.Context, log io.Writer) (cfg sink.Config, stop func(), err error) {
	cfg = sink.Config{ClickHouse: platform.ClickHouse{Addr: t.Clickhouse, Database: t.Database, User: t.User, Password: t.Password}}
	if (t.Data == "") == (t.Clickhouse == "") {
		return cfg, nil, fmt.Errorf("say where the tables are: --data DIR or --clickhouse HOST:PORT")
	}
	if t.Data == "" {
		return cfg, func() {}, nil
	}
	cfg.User, cfg.Password = "anprload", embedded.NewPassword()
	e, err := embedded.StartClickHouse(ctx, embedded.ClickHouseConfig{
		DataDir: filepath.Join(t.Data, "clickhouse"), NativeAddr: "127.0.0.1:0", Users: []embedded.EngineUser{embedded.HarnessUser(cfg.User, cfg.Password)}, Progress: log,
	})
	if err != nil {
		return cfg, nil, err
	}
	cfg.Addr = e.NativeAddr()
	secret := filepath.Join(t.Data, "clickhouse-password")
	if err := os.WriteFile(secret, []byte(cfg.Password+"\n"), 0o600); err != nil {
		return cfg, nil, errors.Join(fmt.Errorf("note the engine's password: %w", err), e.Stop(ctx))
	}
	fmt.Fprintf(log, "engine %s: native %s, user %s, password in %s\n", e.Version(), e.NativeAddr(), cfg.User, secret)
	return cfg, func() {
		sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if err := e.Stop(sctx); err != nil {
			fmt.Fprintln(log, "anprload:", err)
		}
	}, nil
}

// Run loads.
func (c *yearCmd) Run(ctx context.Context, log io.Writer) error {
	_, year, err := c.makeCity()
	if err != nil {
		return err
	}
	cfg, stop, err := c.openTables(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	res, err := lookups.Load(ctx, lookups.LoadConfig{
		Sink: cfg, Year: year, Reserve: c.Reserve * 1e9, Unmerged: c.Unmerged, Progress: log, Logger: zerolog.New(log).Level(zerolog.WarnLevel),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "%d reads in the tables, %d of them loaded in %s\n", res.Rows, res.Loaded, res.Took.Round(time.Second))
	if c.Serve && c.Data != "" {
		fmt.Fprintln(log, "serving until Ctrl-C")
		<-ctx.Done()
	}
	return nil
}
