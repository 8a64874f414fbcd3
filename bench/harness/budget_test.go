package harness

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// TestTheBudgetHoldsTheTargets reads the file that the build is held to: it may not be loosened past the targets
// unseen.
func TestTheBudgetHoldsTheTargets(t *testing.T) {
	b, err := Load("../budget.yaml")
	if err != nil {
		t.Fatal(err)
	}
	full, margin, err := b.Profile("full")
	if err != nil || margin != 1 {
		t.Fatalf("margin %g, %v: the full profile has none", margin, err)
	}
	limits := map[string]Case{}
	knee := 0
	for _, c := range full {
		limits[c.Name] = c
		if c.KneePct > 0 && c.Rate == b.Knee.Rate*c.KneePct/100 {
			knee += c.KneePct
		}
	}
	if c := limits["t4-7000"]; c.Rate != 7000 || c.Limits["hit"].P99 > 25 || c.Limits["hit"].P999 > 100 {
		t.Errorf("T4 is 25 and 100 ms at 7,000/s, the budget says %+v at %d", c.Limits["hit"], c.Rate)
	}
	if c := limits["t5-10000"]; c.Rate != 10000 || c.Limits["visible"].P50 > 60 || c.Limits["visible"].P99 > 120 {
		t.Errorf("T5 is 60 and 120 ms at 10,000/s, the budget says %+v at %d", c.Limits["visible"], c.Rate)
	}
	if knee != 50+75 {
		t.Error("the cases at 50 and 75 per cent of the knee are missing")
	}
	if ci, _, err := b.Profile("ci"); err != nil || len(ci) < 3 {
		t.Errorf("profile ci has %d cases, %v", len(ci), err)
	}
}

func TestBadBudgetsAreRefused(t *testing.T) {
	good, err := os.ReadFile("../budget.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for old, c := range map[string]struct{ with, want string }{
		"  full: 1\n":              {"  full: 0.5\n", "margin"},
		"    rate: 7000\n":         {"    rate: 7000\n    knee_pct: 3\n", "exactly one"},
		"      hit: {p99: 25, ":    {"      hut: {p99: 25, ", "no stage \"hut\""},
		"    target: gateway\n":    {"    target: ftp\n", "ftp"},
		"    stall: 1s\n":          {"    stall: 9s\n", "at most half"},
		"    overload: true\n":     {"", "checks nothing"},
		"  samples: 10\n":          {"  samples: 3\n", "at least 10"},
		"  partitions: 1\n":        {"  partitions: 2\n  shards: 2\n", "shards"},
		"    profiles: [full]\n":   {"    profiles: [night]\n", "night"},
		"    lookups: 10\n":        {"    lookups: 5000\n", "at most 1000"},
		"    retro: 10000\n":       {"    retro: 30000\n", "at most 20000"},
		"unit: wire-B/read, at_mo": {"unut: wire-B/read, at_mo", "unut"},
	} {
		if !strings.Contains(string(good), old) {
			t.Fatalf("the budget has no %q: mend this test", old)
		}
		name := filepath.Join(t.TempDir(), "budget.yaml")
		if err := os.WriteFile(name, []byte(strings.Replace(string(good), old, c.with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: got %v, want an error with %q", c.with, old, err, c.want)
		}
	}
}

// goodReport is a run's report without any fault: 100 s at 1,000/s.
func goodReport() *RunReport {
	p := func(us int64) bench.Percentiles {
		return bench.Percentiles{Count: 100_000, P50: us / 2, P90: us, P99: us, P999: us, Max: us}
	}
	truth := &bench.TruthReport{}
	*truth.Of("hits") = bench.ResultTally{Expected: 9, Found: 9}
	return &RunReport{
		Load: &bench.RunResult{Scheduled: 100_000, Sent: 100_000}, Truth: truth,
		Accounts: &Accounts{OnLog: 5, Stored: 5},
		Stages: map[string]bench.Percentiles{
			"insert": p(40_000), StageVisible: p(100_000), "kafka_wait": p(2_000), "stored": p(90_000),
		},
		Samples: []SecondSample{{Second: 9.5, Lag: 40}},
	}
}

func failedRows(rows []BudgetRow) string {
	var out []string
	for _, r := range Failed(rows) {
		out = append(out, r.Stage+" "+r.What)
	}
	return strings.Join(out, ", ")
}

func TestAStageBeyondItsBudgetIsNamed(t *testing.T) {
	limits := map[string]Quantiles{"insert": {P99: 50}, StageVisible: {P50: 60, P99: 120}}
	for name, c := range map[string]struct {
		spoil  func(*RunReport, *Case)
		margin float64
		want   string
	}{
		"all is well":                     {func(*RunReport, *Case) {}, 1, ""},
		"a slow insert":                   {func(_ *RunReport, c *Case) { c.Limits["insert"] = Quantiles{P99: 39} }, 1, "insert p99"},
		"a slow insert within the margin": {func(_ *RunReport, c *Case) { c.Limits["insert"] = Quantiles{P99: 39} }, 2, ""},
		"a stage nobody timed":            {func(_ *RunReport, c *Case) { c.Limits["plan"] = Quantiles{P99: 1} }, 1, "plan count"},
		"a lost row, margin or not":       {func(r *RunReport, _ *Case) { r.Accounts.OnLog++ }, 9, "rows lost"},
		"a missing hit, margin or not":    {func(r *RunReport, _ *Case) { r.Truth.Of("hits").Missing = 1 }, 9, "truth missing"},
		"nothing to find":                 {func(r *RunReport, _ *Case) { r.Truth.Of("hits").Expected = 0 }, 1, "truth expected"},
		"a backlog at the end":            {func(r *RunReport, _ *Case) { r.Samples[0].Lag = 5000 }, 1, "load lag at end"},
		"the harness was blind":           {func(r *RunReport, _ *Case) { r.Problem = "no answer" }, 1, "harness observed"},
	} {
		cs := &Case{Name: "x", Rate: 1000, Warmup: 2 * time.Second, Measure: 8 * time.Second, Limits: map[string]Quantiles{}}
		maps.Copy(cs.Limits, limits)
		r := goodReport()
		c.spoil(r, cs)
		if got := failedRows(cs.judgeReport(r, c.margin)); got != c.want {
			t.Errorf("%s: failed %q, want %q", name, got, c.want)
		}
	}
}

func TestAnOverloadMustBeAnnounced(t *testing.T) {
	c := &Case{Name: "x", Rate: 1000, Measure: 10 * time.Second, Overload: true}
	r := goodReport()
	if got := failedRows(c.judgeReport(r, 1)); got != "load announced" {
		t.Errorf("an overload that shows nowhere: failed %q", got)
	}
	r.MaxLag = 30_000
	if got := failedRows(c.judgeReport(r, 1)); got != "" {
		t.Errorf("a lag says it: failed %q", got)
	}
	r.Accounts.Duplicates = 1
	if got := failedRows(c.judgeReport(r, 1)); got != "rows duplicated" {
		t.Errorf("an overload excuses no duplicate: failed %q", got)
	}
}

func TestAStallThatDoesNotShowFails(t *testing.T) {
	c := &Case{Name: "x", Rate: 1000, Measure: 10 * time.Second, Stall: time.Second}
	r := goodReport()
	if got := failedRows(c.judgeReport(r, 20)); got != "kafka_wait p99, stored p99, visible p99" {
		t.Errorf("100 ms with the worker stopped for a second: failed %q", got)
	}
	for _, stage := range []string{"kafka_wait", "stored", StageVisible} {
		p := r.Stages[stage]
		p.P99 = 900_000
		r.Stages[stage] = p
	}
	if got := failedRows(c.judgeReport(r, 20)); got != "" {
		t.Errorf("0.9 s shows it: failed %q", got)
	}
}
