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

	"github.com/gvc-brussels/anpr/bench/lookups"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

const lookupsDescription = `Loads a year of reads when it is not there yet and measures every kind of look-up through the office's API with
its access log: by 1, 10 and 50 users, while nothing else happens and while reads are stored. See bench/README.md.`

// lookupsCmd is anprload lookups.
type lookupsCmd struct {
	yearTables
	yearOptions
	Reserve    uint64        `name:"reserve-gb" default:"30" help:"GB that must stay free on the server's disk."`
	Users      []int         `default:"1,10,50" help:"Users that ask at once, a phase each."`
	Think      time.Duration `default:"5s" help:"Mean time to think; a single user has none."`
	For        time.Duration `default:"60s" help:"Length of a phase."`
	Ingest     int           `default:"7000" help:"Reads stored a second in the second half of the phases; 0 = only the first half."`
	Idle       bool          `default:"true" negatable:"" help:"Measure while nothing is stored."`
	AsIs       bool          `name:"as-is" help:"Measure what a load that was stopped has loaded; load nothing."`
	PlatesOnly bool          `name:"plates-only" help:"Only the phases of target T8: the most users, searches by plate."`
	Retro      int           `default:"10000" help:"Entries of a new list that is matched against all reads (target T9), twice idle and twice while reads are stored; 0 = none, at most 20000."`
	Out        string        `placeholder:"FILE" help:"Also save the result as JSON."`
}

// Run measures and prints.
func (c *lookupsCmd) Run(ctx context.Context, log io.Writer) error {
	city, year, err := c.makeCity()
	if err != nil {
		return err
	}
	cfg, stop, err := c.openTables(ctx, log)
	if err != nil {
		return err
	}
	defer stop()
	if !c.AsIs {
		res, err := lookups.Load(ctx, lookups.LoadConfig{
			Sink: cfg, Year: year, Reserve: c.Reserve * 1e9, Progress: log, Logger: zerolog.New(log).Level(zerolog.WarnLevel),
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(log, "%d reads in the tables, %d of them loaded in %s\n", res.Rows, res.Loaded, res.Took.Round(time.Second))
	}
	days, err := lookups.Days(ctx, cfg, year)
	if err != nil {
		return err
	}
	conn, err := cfg.Open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	most := 1
	for _, n := range c.Users {
		most = max(most, n)
	}
	books, stopBooks, err := startBooks(ctx, log)
	if err != nil {
		return err
	}
	defer stopBooks()
	b, err := lookups.Open(ctx, lookups.Config{Conn: conn, Postgres: books, City: city, Year: year, Days: days, Users: most, Seed: c.Seed})
	if err != nil {
		return err
	}
	defer b.Close()
	report, err := b.NewReport(ctx)
	if err != nil {
		return err
	}
	if err := c.measurePhases(ctx, b, report, lookups.Ingest{Sink: cfg, City: city, Rate: c.Ingest, Seed: uint64(time.Now().UnixNano())}, log); err != nil {
		return err
	}
	return report.Print(os.Stdout)
}

// startBooks starts a PostgreSQL for the look-up log of the measured office; stop removes it.
func startBooks(ctx context.Context, progress io.Writer) (p platform.Postgres, stop func(), err error) {
	dir, err := os.MkdirTemp("", "anpr-lookups-")
	if err != nil {
		return p, nil, err
	}
	passwords := embedded.NewPostgresPasswords()
	server, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{
		DataDir: filepath.Join(dir, "postgres"), Addr: "127.0.0.1:0", Passwords: passwords, Fsync: true, Progress: progress,
	})
	if err != nil {
		return p, nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = server.Stop(context.WithoutCancel(ctx)) // the measurement is over
		_ = os.RemoveAll(dir)
	}
	as := func(a embedded.PostgresAccount) platform.Postgres {
		return platform.NewPostgres(server.Addr(), embedded.PostgresDatabase, string(a), passwords[a])
	}
	if err := platform.MigratePostgres(ctx, as(embedded.PostgresMigrator), zerolog.Nop()); err != nil {
		stop()
		return p, nil, err
	}
	return as(embedded.PostgresOffice), stop, nil
}

// measurePhases warms up and measures, idle and then storing.
func (c *lookupsCmd) measurePhases(ctx context.Context, b *lookups.Bench, report *lookups.LookupReport, in lookups.Ingest, log io.Writer) error {
	if _, err := b.Run(ctx, lookups.Phase{Name: "warm-up", Users: 1, Duration: min(c.For, 15*time.Second)}); err != nil {
		return err
	}
	for _, storing := range []bool{false, true} {
		if storing && c.Ingest == 0 || !storing && !c.Idle {
			continue
		}
		for _, ph := range c.phasesOf(storing) {
			fmt.Fprintln(log, "measuring", ph.Name)
			if err := c.measurePhase(ctx, b, report, ph, storing, in, log); err != nil {
				return err
			}
			in.Seed += 1_000_000
		}
		if err := c.measureRetro(ctx, b, report, storing, in, log); err != nil {
			return err
		}
		in.Seed += 1_000_000
	}
	return nil
}

// measureRetro measures two retro-matches, of other lists each.
func (c *lookupsCmd) measureRetro(ctx context.Context, b *lookups.Bench, report *lookups.LookupReport, storing bool, in lookups.Ingest, log io.Writer) error {
	if c.Retro == 0 {
		return nil
	}
	name, seed := "idle", uint64(1)
	ictx, cancel := context.WithCancel(ctx)
	defer cancel()
	stored := make(chan error, 1)
	if storing {
		name, seed = fmt.Sprintf("%d reads stored a second", c.Ingest), 3
		go func() {
			got, err := in.Run(ictx)
			report.Ingested["retro-match"] = got
			stored <- err
		}()
	} else {
		stored <- nil
	}
	for range 2 {
		m, err := b.Retro(ctx, name, c.Retro, seed)
		if err != nil {
			return err
		}
		fmt.Fprintf(log, "retro-match of %d entries, %s: %d matches in %s\n", m.Entries, m.Name, m.Matches, m.Took.Round(time.Millisecond))
		report.Retro = append(report.Retro, m)
		seed++
	}
	cancel()
	if err := <-stored; err != nil {
		return fmt.Errorf("store while measuring: %w", err)
	}
	if c.Out != "" {
		return report.Save(c.Out)
	}
	return nil
}

// phasesOf lists the phases: of each number of users all kinds of questions, and of the most also searches by
// plate only.
func (c *lookupsCmd) phasesOf(storing bool) (out []lookups.Phase) {
	meanwhile := "idle"
	if storing {
		meanwhile = fmt.Sprintf("%d reads stored a second", c.Ingest)
	}
	most := 0
	for _, users := range c.Users {
		ph := lookups.Phase{Name: fmt.Sprintf("%d users, %s", users, meanwhile), Users: users, Think: c.Think, Duration: c.For}
		if users == 1 {
			ph.Think = 0
		}
		most = max(most, users)
		if !c.PlatesOnly {
			out = append(out, ph)
		}
	}
	return append(out, lookups.Phase{
		Name: fmt.Sprintf("T8: %d users, searches by plate, %s", most, meanwhile), Users: most, Think: c.Think, Duration: c.For, Plates: true,
	})
}

func (c *lookupsCmd) measurePhase(ctx context.Context, b *lookups.Bench, report *lookups.LookupReport, ph lookups.Phase, storing bool, in lookups.Ingest, log io.Writer) error {
	ictx, cancel := context.WithCancel(ctx)
	defer cancel()
	stored := make(chan error, 1)
	if storing {
		go func() {
			got, err := in.Run(ictx)
			report.Ingested[ph.Name] = got
			stored <- err
		}()
	} else {
		stored <- nil
	}
	res, err := b.Run(ctx, ph)
	cancel()
	if serr := <-stored; serr != nil {
		return fmt.Errorf("store while measuring: %w", serr)
	}
	if err != nil {
		return err
	}
	report.Phases = append(report.Phases, res)
	five := res.Kinds[1]
	fmt.Fprintf(log, "  %s: %d asked, %d failed, p50 %.1f ms, p95 %.1f ms, p99 %.1f ms\n", five.Kind, five.Asked, five.Failed,
		float64(five.P50)/1e3, float64(five.P95)/1e3, float64(five.P99)/1e3)
	if c.Out != "" {
		return report.Save(c.Out) // keeps the measurements when the next phase is stopped
	}
	return ctx.Err()
}
