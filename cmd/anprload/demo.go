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
	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

const demoDescription = `Runs everything with a seeded Brussels day of traffic, shows what happens, explains three offences. Exit code 0 exact, 1 not exact, 4 exact and too slow on this machine.`

// demoCmd is anprload demo.
type demoCmd struct {
	logFlags
	flags.MachineFlags
	Seconds  int    `help:"Length of the traffic." default:"90" env:"DEMO_SECONDS"`
	Rate     int    `help:"Reads per second." default:"200"`
	Seed     uint64 `help:"Seed of the city and its traffic." default:"1"`
	Language string `name:"lang" help:"Language of the three explained offences: en, nl or fr." enum:"en,nl,fr" default:"en"`
	JSON     bool   `help:"End with one JSON object on standard output; everything else goes to standard error."`
}

// Run is the main job end to end: everything on, cameras in, candidate offences and hits out, counted from ClickHouse
// and the topics.
func (c *demoCmd) Run(ctx context.Context, _ io.Writer) (err error) {
	log, err := c.newLogger()
	if err != nil {
		return err
	}
	temporary := c.Data == ""
	if temporary {
		dir, err := os.MkdirTemp("", "anpr-demo-")
		if err != nil {
			return fmt.Errorf("make a directory for the demo: %w; choose one with --data", err)
		}
		c.Data = dir
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	var out io.Writer = os.Stdout
	if c.JSON {
		out = os.Stderr
	}
	d := &demo{cmd: c, out: out, log: log, temporary: temporary}
	defer func() { err = errors.Join(err, d.stopAll()) }()
	if err := d.startMachine(ctx); err != nil {
		return err
	}
	if err := d.sendTraffic(ctx); err != nil {
		return err
	}
	return d.printReport(context.WithoutCancel(ctx))
}

// demo is a run of anprload demo.
type demo struct {
	cmd     *demoCmd
	out     io.Writer
	log     zerolog.Logger
	city    *bench.City
	machine *roles.Machine
	count   *pipelineCounts
	watch   *outputs
	done    *bench.RunResult
	cut     bool // ended early, by Ctrl-C

	temporary bool // the data directory goes with the demo
	resumed   bool // there was data of an earlier run
}

func (d *demo) startMachine(ctx context.Context) error {
	c := d.cmd
	if err := roles.CheckData(c.Data); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.out, "Starting broker, ClickHouse, gateway, pipeline and office on this machine (data in %s) ...\n", c.Data)
	if c.Reference == "" {
		roles.CloseToOthers()
		if err := bench.WriteMissingCity(filepath.Join(c.Data, "reference"), c.Seed); err != nil {
			return err
		}
	}
	cfg, err := c.Config(d.log, os.Stderr)
	if err != nil {
		return err
	}
	if d.machine, err = roles.StartMachine(ctx, cfg); err != nil {
		return err
	}
	if !d.machine.MadeUp {
		return fmt.Errorf("%s holds reference data that is not the made-up sample: the demo's cameras are not in it; leave --reference out, or use `anpr up` and your own traffic", d.machine.Config.Reference.Dir)
	}
	if d.city, err = bench.CityOfToday(c.Seed); err != nil {
		return err
	}
	d.machine.WriteBanner(d.out)
	if d.count, err = newCounts(d.machine); err != nil {
		return err
	}
	before, err := d.count.admin.CountRecords(ctx, topicReads)
	if err != nil {
		return err
	}
	d.resumed = before > 0
	d.watch, err = watchOutputs(ctx, d.machine.Engines.Kafka())
	return err
}

// sendTraffic posts the published camera payloads and a seeded Brussels day, and shows the results.
func (d *demo) sendTraffic(ctx context.Context) error {
	tokens, err := bench.ReadCameraTokens(d.machine.Config.Reference.Dir)
	if err != nil {
		return err
	}
	camera := d.city.Cameras()[0].ID
	posted, reads, err := postSamples(ctx, camera, tokens[camera], "http://"+d.machine.Config.GatewayAddr)
	if err != nil {
		return err
	}
	d.watch.leaveOut(reads)
	_, _ = fmt.Fprintf(d.out, "\nPublished camera payloads, as they are and with the clock set to now:\n%s\n", posted)
	target, err := bench.NewGatewayTarget(bench.GatewayTargetConfig{URL: "http://" + d.machine.Config.GatewayAddr, Tokens: tokens})
	if err != nil {
		return err
	}
	store, err := openPictures(d.machine.Config.Gateway.Images)
	if err != nil {
		return err
	}
	progress := &bench.Progress{}
	watched, stop := context.WithCancel(ctx)
	screen := make(chan struct{})
	go func() {
		defer close(screen)
		d.showProgress(watched, progress)
	}()
	_, _ = fmt.Fprintf(d.out, "A seeded Brussels day: %d reads/s for %d s from %d cameras ...\n", d.cmd.Rate, d.cmd.Seconds, len(d.city.Cameras()))
	live, forget := whileItLives(ctx, d.machine)
	defer forget()
	run, halt := context.WithCancel(ctx)
	defer halt()
	context.AfterFunc(live, halt)
	d.done, err = bench.Run(run, bench.RunConfig{
		City: d.city, Target: target, WallClock: true, Duration: time.Duration(d.cmd.Seconds) * time.Second, Progress: progress, Drain: rehearsal.LongestStall,
		Traffic: bench.TrafficConfig{Seed: uint64(time.Now().UnixNano()), Rate: d.cmd.Rate, ListedShare: 20_000, Pictures: store},
	})
	d.cut = ctx.Err() != nil
	if err == nil {
		err = d.writeVerdicts()
	}
	if err == nil {
		err = rehearsal.WaitUntilProcessed(live, d.count.readLag)
	}
	stop()
	<-screen
	return err
}

// writeVerdicts writes what a careful person would decide from the pictures, into the data directory.
func (d *demo) writeVerdicts() error {
	verdicts := d.done.Truth.Verdicts()
	path := filepath.Join(d.cmd.Data, "verdicts.jsonl")
	if err := writeVerdicts(path, verdicts); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.out, "Made-up pictures are in %s; the right verdict of %d reads that may become cases is in %s\n", d.machine.Config.Gateway.Images.Address, len(verdicts), path)
	return nil
}

// showProgress prints the summary: redrawn each second on a terminal, a line every ten seconds elsewhere.
func (d *demo) showProgress(ctx context.Context, p *bench.Progress) {
	every := 10 * time.Second
	tty := d.out == io.Writer(os.Stdout) && flags.IsTerminal(os.Stdout)
	if tty {
		every = time.Second
	}
	began, lines := time.Now(), 0
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s, err := d.count.readSummary(ctx)
		if err != nil {
			continue // the next count or the report will show the error
		}
		hits := d.watch.hitLatencies()
		if !tty {
			_, _ = fmt.Fprintf(d.out, "%4.0fs sent %d  stored %d merged %d rejected %d  passages %d  hits %d (p99 %.0f ms)  %s\n", time.Since(began).Seconds(),
				p.Sent.Load(), s.Stored, s.Merged, s.Rejected, s.Passages, s.Hits, hits.p99, s.offencesSoFar())
			continue
		}
		if lines > 0 {
			_, _ = fmt.Fprintf(d.out, "\x1b[%dA\x1b[J", lines)
		}
		lines = s.printScreen(d.out, time.Since(began), p, hits)
	}
}

func (d *demo) stopAll() error {
	var errs []error
	if d.watch != nil {
		d.watch.stopReaders()
	}
	if d.count != nil {
		errs = append(errs, d.count.closeConns())
	}
	if d.machine != nil {
		errs = append(errs, d.machine.Stop(context.Background()))
	}
	return errors.Join(errs...)
}

// printReport prints the final counts, the check against the generator's truth and three explained offences.
func (d *demo) printReport(ctx context.Context) error {
	s, err := retryWhileAway(ctx, "count the rows", d.count.readSummary)
	if err != nil {
		return err
	}
	hits := d.watch.hitLatencies()
	s.HitP99ms = hits.p99
	s.ClickhouseVersion, s.Kafka = d.machine.Engines.Database.Current().Version(), "embedded"
	if s.Cases, err = d.count.countCases(ctx, d.machine); err != nil {
		return err
	}
	s.Cases.nameNext(d.cmd.Data, d.temporary, d.cmd.Seconds)
	examples, err := retryWhileAway(ctx, "read examples", func(ctx context.Context) ([]string, error) { return d.count.renderExamples(ctx, 3, d.cmd.Language) })
	if err != nil {
		return err
	}
	for i, e := range examples {
		_, _ = fmt.Fprintf(d.out, "\n--- example %d of %d ---\n%s", i+1, len(examples), e)
	}
	_, _ = fmt.Fprintln(d.out)
	s.printFinal(d.out, hits)
	run := demoRun{cut: d.cut, resumed: d.resumed, truth: d.watch.printTruth(d.out, d.done), hits: hits}
	if d.done != nil {
		run.notSent = d.done.NotSent
	}
	s.recordProblems(run)
	if d.resumed {
		_, _ = fmt.Fprintln(d.out, "  (the data held an earlier run: what the pipeline finished of it counts as extra here)")
	}
	kept := "kept in " + d.cmd.Data
	if d.temporary {
		kept = "removed; keep it with --data DIR"
	}
	_, _ = fmt.Fprintln(d.out, "Data:", kept)
	s.Cases.printCases(d.out)
	if d.cmd.JSON {
		err = s.printJSON(os.Stdout)
	}
	return errors.Join(err, s.exitError())
}
