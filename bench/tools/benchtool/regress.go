package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/gvc-brussels/anpr/bench/harness"
	"github.com/gvc-brussels/anpr/bench/tools/regress"
)

type regressCmd struct {
	File    string `default:"bench/budget.yaml" type:"path" help:"The budget: which benchmarks, how many samples, which threshold."`
	Base    string `default:"HEAD" help:"Git revision to compare with."`
	Profile string `default:"full" help:"Which threshold of the budget: full on a quiet machine, ci on a noisy one."`
	Out     string `placeholder:"FILE" help:"Save all samples as JSON."`
}

// Run compares and fails when a benchmark regressed.
func (c *regressCmd) Run(ctx context.Context, log io.Writer) error {
	b, err := harness.Load(c.File)
	if err != nil {
		return err
	}
	r := b.Regress
	threshold, ok := r.Threshold[c.Profile]
	if !ok {
		return fmt.Errorf("%s has no regress.threshold_pct for profile %q", c.File, c.Profile)
	}
	run := regress.TreeComparison{Dir: ".", Base: c.Base, Samples: r.Samples, Config: regress.Config{P: r.P, Threshold: threshold}, Log: log}
	for _, s := range r.Benchmarks {
		run.Suites = append(run.Suites, regress.Suite{Package: s.Package, Bench: s.Bench, Times: s.Times})
	}
	verdicts, err := run.Compare(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "against %s; fails when p < %g and the median grew by more than %g %%, twice\n", c.Base, r.P, threshold)
	regress.WriteVerdicts(log, verdicts)
	if c.Out != "" {
		data, err := json.MarshalIndent(verdicts, "", " ")
		if err != nil {
			return fmt.Errorf("write the verdicts as JSON: %w", err)
		}
		if err := os.WriteFile(c.Out, append(data, '\n'), 0o644); err != nil { //nolint:gosec // a report, meant to be read
			return fmt.Errorf("save the verdicts: %w", err)
		}
	}
	for _, v := range verdicts {
		if v.Regressed {
			return fmt.Errorf("%s: %s went from %.1f to %.1f (%+.1f %%, p %.4f)", v.Benchmark, v.Unit, v.Base, v.Head, v.DeltaPct, v.P)
		}
	}
	return nil
}
