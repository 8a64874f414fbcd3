package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/desk"
	"github.com/gvc-brussels/anpr/bench/harness"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
)

const deskDescription = `Starts broker, databases, worker and office as processes, makes cases with pictures, and lets agents decide them over
HTTP as the page does: rounds without reads and rounds with reads ingested beside them, in turn. See bench/README.md.`

// deskCmd is anprload desk.
type deskCmd struct {
	Budget  string `default:"bench/budget.yaml" type:"path" help:"The budget whose stack is started."`
	Program string `default:"bin/anpr" type:"path" help:"The program to measure."`
	Data    string `type:"path" help:"Directory for log, tables and pictures; default: a file system in memory when there is one with room, else the temporary directory."`

	Agents  int           `default:"25" help:"Agents at the desk."`
	Think   time.Duration `default:"7s" help:"Mean time that an agent looks at an item; 250ms at least, as in the page."`
	Ingest  int           `default:"7000" help:"Reads ingested a second beside every second round."`
	Rounds  int           `default:"3" help:"Pairs of a round without ingest and a round with it."`
	For     time.Duration `default:"60s" help:"Length of a round."`
	Cases   int           `help:"Cases to make; default: enough for all rounds."`
	Profile string        `placeholder:"DIR" type:"path" help:"Save a CPU profile of the office of every round here."`
	Out     string        `placeholder:"FILE" help:"Also save the result as JSON."`
}

// Run measures and prints. Lost or doubled verdicts are an error; a limit that is not met is printed.
func (c *deskCmd) Run(ctx context.Context, log io.Writer) (err error) {
	if c.Agents < 1 || c.Rounds < 1 || c.For < time.Second || c.Think < 0 {
		return errors.New("--agents and --rounds must be 1 or more, --for 1s or more")
	}
	if c.Profile != "" { // before the minutes of work that it is for
		if err := os.MkdirAll(c.Profile, 0o755); err != nil {
			return err
		}
	}
	budget, err := harness.Load(c.Budget)
	if err != nil {
		return err
	}
	if c.Data == "" {
		c.Data = bench.DataDir()
	}
	fmt.Fprintln(log, "starting broker, databases, worker and office ...")
	d, err := harness.OpenDesk(ctx, &harness.Where{Program: c.Program, Data: c.Data, Login: findLogin}, &budget.Stack, desk.UsersFile(c.Agents))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	at, err := findOfficeDatabase(d.Data())
	if err != nil {
		return err
	}
	if err := c.fillCases(ctx, d, at, log); err != nil {
		return err
	}
	r := &desk.Report{
		At: time.Now().UTC().Format(time.RFC3339), Agents: c.Agents, Think: c.Think, Length: c.For, Rate: c.Ingest, Revision: cmp.Or(revision, platform.BuildRevision()),
		Machine: fmt.Sprintf("%d CPUs, %s/%s, %s, load %s; data on %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), readLoad(), bench.FileSystem(c.Data)),
	}
	if err := c.measureRounds(ctx, d, r, log); err != nil {
		return err
	}
	if r.Kept, err = desk.CountKept(ctx, at); err != nil {
		return err
	}
	if c.Out != "" {
		err = r.Save(c.Out)
	}
	if err = errors.Join(err, r.Print(os.Stdout)); err == nil && r.Fault() != "" {
		err = errors.New(r.Fault())
	}
	return err
}

// revision is the commit, set when the program is built.
var revision string

func readLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:1], "")
}

// findOfficeDatabase returns the PostgreSQL of a data directory, with the account of an office.
func findOfficeDatabase(data string) (p platform.Postgres, err error) {
	run, err := embedded.ReadRun(data)
	if err != nil {
		return p, err
	}
	s, err := run.Secrets()
	if err != nil {
		return p, err
	}
	return platform.NewPostgres(run.Postgres, embedded.PostgresDatabase, string(embedded.PostgresOffice), s.Postgres[embedded.PostgresOffice]), nil
}

// fillCases makes more cases than the agents can decide.
func (c *deskCmd) fillCases(ctx context.Context, d *harness.Desk, at platform.Postgres, log io.Writer) error {
	pool, err := at.Open(ctx, "desk fill", 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := images.Open(images.Config{Address: d.Images()})
	if err != nil {
		return err
	}
	if c.Cases == 0 {
		c.Cases = c.Agents*8 + 2*int(float64(c.Agents*(2*c.Rounds+1))*c.For.Seconds()/max(c.Think.Seconds(), 0.3))
	}
	fmt.Fprintf(log, "making %d cases with pictures ...\n", c.Cases)
	err = desk.Fill(ctx, desk.FillConfig{
		Cases: casestore.New(pool, casestore.Options{Policy: cases.DefaultPolicy, DrawKey: []byte("the office draws")}), Pictures: store, City: d.City(), Count: c.Cases, Seed: 1,
	})
	if err != nil {
		return err
	}
	return desk.MarkLooked(ctx, pool)
}

// measureRounds warms up, then measures rounds without and with ingest in turn.
func (c *deskCmd) measureRounds(ctx context.Context, d *harness.Desk, r *desk.Report, log io.Writer) error {
	b := desk.Open(desk.Config{Office: d.Office(), Agents: c.Agents, Think: c.Think, Seed: 1})
	defer b.Close()
	fmt.Fprintln(log, "warming up ...")
	warm, err := c.measureRound(ctx, d, b, "warm-up", 0, min(c.For, 20*time.Second), nil)
	if err != nil {
		return err
	}
	for n := range 2 * c.Rounds {
		variant, rate := desk.Reference, 0
		if n%2 == 1 {
			variant, rate = desk.Ingesting, c.Ingest
		}
		round, err := c.measureRound(ctx, d, b, variant, rate, c.For, r)
		if err != nil {
			return err
		}
		r.Rounds = append(r.Rounds, *round)
		fmt.Fprintf(log, "round %d, %s: %d verdicts, key to next item p95 %.1f ms, verdict p95 %.1f ms, %d failed\n", n+1, variant, round.Acknowledged(),
			float64(round.KeyToNext.P95)/1000, float64(round.Verdict.P95)/1000, round.Failed())
	}
	r.Summarise()
	r.Rounds = append(r.Rounds, *warm) // its verdicts are kept too
	return ctx.Err()
}

// measureRound lets the agents work for a time, with reads ingested beside them at a rate above 0.
func (c *deskCmd) measureRound(ctx context.Context, d *harness.Desk, b *desk.Bench, variant string, rate int, length time.Duration, r *desk.Report) (*desk.Round, error) {
	const before = 3 * time.Second // the ingest is under way when the agents begin
	type ingest struct {
		res *bench.RunResult
		err error
	}
	ingested, profiled := make(chan ingest, 1), make(chan error, 1)
	if rate > 0 {
		go func() {
			res, err := d.Ingest(ctx, rate, length+before, uint64(len(r.Ingested))+1)
			ingested <- ingest{res, err}
		}()
		select {
		case <-time.After(before):
		case <-ctx.Done():
		}
	}
	if c.Profile == "" || r == nil {
		profiled <- nil
	} else {
		go func() {
			profiled <- d.Profile(ctx, length, fmt.Sprintf("%s/desk-%d-%s.pprof", c.Profile, len(r.Rounds)+1, strings.ReplaceAll(variant, " ", "-")))
		}()
	}
	round := b.Run(ctx, variant, length)
	if err := <-profiled; err != nil {
		return nil, err
	}
	if rate == 0 {
		return round, nil
	}
	lag, err := d.Lag(ctx)
	g := <-ingested
	if err = errors.Join(err, g.err); err != nil {
		return nil, fmt.Errorf("ingest beside the agents: %w", err)
	}
	r.Ingested = append(r.Ingested, desk.IngestedRound{Rate: float64(g.res.Sent) / (length + before).Seconds(), Overdue: g.res.Overdue, Lag: lag})
	return round, c.awaitProcessed(ctx, d)
}

// awaitProcessed waits until the worker has processed what was ingested, so that the next round is one without ingest.
func (c *deskCmd) awaitProcessed(ctx context.Context, d *harness.Desk) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		lag, err := d.Lag(ctx)
		if err != nil || lag == 0 {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the worker is %d reads behind: %w", lag, ctx.Err())
		}
	}
}
