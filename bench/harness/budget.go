package harness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Budget is bench/budget.yaml.
type Budget struct {
	Knee    Knee               `yaml:"knee"`
	Margins map[string]float64 `yaml:"margins"` // by profile: the permitted factor on every latency
	Stack   StackConfig        `yaml:"stack"`
	Cases   []Case             `yaml:"cases"`
	Exact   []Exact            `yaml:"exact"`
	Regress Regress            `yaml:"regress"`
}

// Knee is the rate beyond which latency leaves the linger behind, as measured with the ladder on the machine named.
type Knee struct {
	Rate    int    `yaml:"reads_per_second"`
	Machine string `yaml:"machine"`
	Date    string `yaml:"date"`
}

// StackConfig holds the program's flags and the city's size.
type StackConfig struct {
	Partitions  int      `yaml:"partitions"`
	Vehicles    int      `yaml:"vehicles"`
	ListEntries int      `yaml:"list_entries"`
	ListedDrive int      `yaml:"listed_drive"`
	ListedPPM   int      `yaml:"listed_ppm"` // journeys driven by a listed vehicle
	Ingest      []string `yaml:"ingest"`     // further flags for anpr ingest
	Engine      []string `yaml:"engine"`     // further flags for anpr engine serve
}

// Case is a single run.
type Case struct {
	Name     string               `yaml:"name"`
	Profiles []string             `yaml:"profiles"`
	Rate     int                  `yaml:"rate"`     // reads a second; or
	KneePct  int                  `yaml:"knee_pct"` // in per cent, 100 = the knee
	Target   string               `yaml:"target"`   // kafka or gateway
	Warmup   time.Duration        `yaml:"warmup"`   // excluded from the latencies
	Measure  time.Duration        `yaml:"measure"`
	Stall    time.Duration        `yaml:"stall"`    // the worker is stopped for so long in the middle: the harness must show it
	Lookups  int                  `yaml:"lookups"`  // searches a second through the office, while measured
	Retro    int                  `yaml:"retro"`    // entries in a list matched with the stored reads, again and again, during the measurement
	Overload bool                 `yaml:"overload"` // more than the machine takes: must be announced, and lose nothing
	Limits   map[string]Quantiles `yaml:"budget"`   // by stage
}

// Quantiles are limits in milliseconds; 0 = none.
type Quantiles struct {
	P50  float64 `yaml:"p50"`
	P90  float64 `yaml:"p90"`
	P99  float64 `yaml:"p99"`
	P999 float64 `yaml:"p99.9"`
	Max  float64 `yaml:"max"`
}

// Exact is a number with the same value on every machine: a metric from a benchmark run a fixed number of times.
type Exact struct {
	Name      string  `yaml:"name"`
	Package   string  `yaml:"package"`
	Benchmark string  `yaml:"benchmark"`
	Times     int     `yaml:"times"` // -benchtime Nx
	Unit      string  `yaml:"unit"`
	AtMost    float64 `yaml:"at_most"`
}

// Regress says which benchmarks are compared with the base commit.
type Regress struct {
	Samples    int                `yaml:"samples"`
	P          float64            `yaml:"p"`
	Threshold  map[string]float64 `yaml:"threshold_pct"` // by profile: median growth from which a significant difference fails
	Benchmarks []RegressBenchmark `yaml:"benchmarks"`
}

// RegressBenchmark is a set of benchmarks in a package.
type RegressBenchmark struct {
	Package string `yaml:"package"`
	Bench   string `yaml:"bench"` // regular expression, as for go test
	Times   string `yaml:"times"` // -benchtime
}

// Load reads and checks the file. Unknown keys are errors.
func Load(path string) (*Budget, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, fmt.Errorf("read the budget: %w", err)
	}
	b := &Budget{}
	if err := yaml.UnmarshalWithOptions(data, b, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := b.checkBudget(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func (b *Budget) checkBudget() error {
	if len(b.Margins) == 0 || b.Knee.Rate <= 0 || b.Stack.Partitions <= 0 || b.Stack.Vehicles <= 0 {
		return errors.New("margins, knee.reads_per_second, stack.partitions and stack.vehicles must be set")
	}
	for p, m := range b.Margins {
		if m < 1 {
			return fmt.Errorf("margin of profile %s is %g: want at least 1", p, m)
		}
	}
	for i := range b.Cases {
		if err := b.Cases[i].checkCase(b); err != nil {
			return fmt.Errorf("case %q: %w", b.Cases[i].Name, err)
		}
	}
	for _, e := range b.Exact {
		if e.Name == "" || e.Package == "" || e.Benchmark == "" || e.Times <= 0 || e.Unit == "" || e.AtMost < 0 {
			return fmt.Errorf("exact %q: name, package, benchmark, times, unit and at_most must be set", e.Name)
		}
	}
	if r := b.Regress; len(r.Benchmarks) > 0 && (r.Samples < 10 || r.P <= 0 || r.P > 0.05) {
		return fmt.Errorf("regress: %d samples and p %g: want at least 10 samples a side and p of at most 0.05", r.Samples, r.P)
	}
	return nil
}

func (c *Case) checkCase(b *Budget) error {
	if c.Target == "" {
		c.Target = "kafka"
	}
	switch {
	case c.Name == "" || len(c.Profiles) == 0:
		return errors.New("name and profiles must be set")
	case (c.Rate > 0) == (c.KneePct > 0):
		return errors.New("exactly one of rate and knee_pct must be set")
	case c.Target != "kafka" && c.Target != "gateway":
		return fmt.Errorf("target %q: want kafka or gateway", c.Target)
	case c.Measure <= 0 || c.Warmup < 0 || c.Stall < 0 || c.Stall > c.Measure/2:
		return errors.New("measure must be set, and stall at most half of it")
	case len(c.Limits) == 0 && c.Stall == 0 && !c.Overload:
		return errors.New("a case without a budget, a stall or an overload checks nothing")
	}
	if c.Lookups < 0 || c.Lookups > 1000 || c.Retro < 0 || c.Retro > 20_000 {
		return errors.New("lookups must be at most 1000 a second, retro at most 20000 entries")
	}
	for _, p := range c.Profiles {
		if b.Margins[p] == 0 {
			return fmt.Errorf("profile %q has no margin", p)
		}
	}
	for stage, q := range c.Limits {
		if !slices.Contains(Order, stage) {
			return fmt.Errorf("no stage %q: want one of %s", stage, strings.Join(Order, ", "))
		}
		if q == (Quantiles{}) {
			return fmt.Errorf("stage %s has no limit", stage)
		}
	}
	if c.KneePct > 0 {
		c.Rate = b.Knee.Rate * c.KneePct / 100
	}
	return nil
}

// Keep drops the exact numbers and all cases but the named ones.
func (b *Budget) Keep(names []string) error {
	for _, n := range names {
		if !slices.ContainsFunc(b.Cases, func(c Case) bool { return c.Name == n }) {
			return fmt.Errorf("no case %q in the budget", n)
		}
	}
	b.Exact = nil
	b.Cases = slices.DeleteFunc(b.Cases, func(c Case) bool { return !slices.Contains(names, c.Name) })
	return nil
}

// Profile returns a profile's cases and margin.
func (b *Budget) Profile(name string) (cases []Case, margin float64, err error) {
	margin, ok := b.Margins[name]
	if !ok {
		return nil, 0, fmt.Errorf("no profile %q in the budget", name)
	}
	for _, c := range b.Cases {
		if slices.Contains(c.Profiles, name) {
			cases = append(cases, c)
		}
	}
	return cases, margin, nil
}
