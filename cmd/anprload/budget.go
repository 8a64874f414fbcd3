package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/harness"
)

const budgetDescription = "Starts the pipeline as processes, loads it at the rates of the budget, and fails when a stage takes longer than it may."

type budgetCmd struct {
	File    string `default:"bench/budget.yaml" type:"path" help:"The budget."`
	Profile string `default:"full" help:"full: the targets, on a quiet machine. ci: short, with a margin for noisy machines; counts are exact in both."`
	Program string `default:"bin/anpr" type:"path" help:"The program to measure."`
	Data    string `type:"path" help:"Directory for log and tables; default: a file system in memory when there is one with room, else the temporary directory."`
	Out     string `placeholder:"FILE" help:"Save everything measured as JSON, distributions and seconds included."`

	Only []string `placeholder:"CASES" help:"Only these cases of the profile, and not the exact numbers: while looking for a cause."`

	Kafka          string `placeholder:"HOST:PORT" help:"A broker to use instead of the embedded one: topics created, nothing in them. Needs the two below."`
	Clickhouse     string `placeholder:"HOST:PORT" help:"ClickHouse, native protocol: migrated and empty."`
	ClickhouseHTTP string `name:"clickhouse-http" placeholder:"URL" help:"The same server, http://host:port."`

	Ladder  []int         `placeholder:"RATES" help:"Instead of the budget: run these rates, 8000,12000,16000 for example, and print where latency grows."`
	Measure time.Duration `default:"12s" help:"Ladder: length of each rate."`
}

// Run measures and judges.
func (c *budgetCmd) Run(ctx context.Context, log io.Writer) error {
	b, err := harness.Load(c.File)
	if err != nil {
		return err
	}
	if (c.Kafka == "") != (c.Clickhouse == "") || (c.Kafka == "") != (c.ClickhouseHTTP == "") {
		return errors.New("--kafka, --clickhouse and --clickhouse-http go together")
	}
	if len(c.Only) > 0 {
		if err := b.Keep(c.Only); err != nil {
			return err
		}
	}
	if c.Data == "" {
		c.Data = bench.DataDir()
	}
	w := &harness.Where{Program: c.Program, Data: c.Data, Kafka: c.Kafka, ClickHouse: c.Clickhouse, HTTP: c.ClickhouseHTTP, Login: findLogin}
	if len(c.Ladder) > 0 {
		out, err := b.Ladder(ctx, w, c.Ladder, c.Measure, log)
		return errors.Join(err, c.saveOutcome(out, log))
	}
	out, err := b.Run(ctx, w, c.Profile, log)
	if out != nil {
		err = errors.Join(err, c.saveOutcome(out, log))
	}
	if err != nil {
		return err
	}
	if failed := harness.Failed(out.Rows); len(failed) > 0 {
		return fmt.Errorf("%d of %d beyond budget; the first: case %s, stage %s, %s", len(failed), len(out.Rows), failed[0].Case, failed[0].Stage, failed[0].What)
	}
	return nil
}

// saveOutcome prints the verdicts and writes the file.
func (c *budgetCmd) saveOutcome(out *harness.SavedRun, log io.Writer) error {
	_, _ = fmt.Fprintf(log, "\nprofile %s, latencies allowed x %g; %s; broker: %s; data on %s\n", out.Profile, out.Margin, out.Machine, out.Broker, out.Data)
	harness.WriteRows(log, out.Rows)
	if c.Out == "" {
		return nil
	}
	data, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return fmt.Errorf("write the outcome as JSON: %w", err)
	}
	if err := os.WriteFile(c.Out, append(data, '\n'), 0o644); err != nil { //nolint:gosec // a report, meant to be read
		return fmt.Errorf("save the outcome: %w", err)
	}
	return nil
}
