package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// SavedRun is a profile's run in its saved form.
type SavedRun struct {
	Profile  string                `json:"profile"`
	Margin   float64               `json:"margin"`
	At       string                `json:"at"`
	Machine  string                `json:"machine"`
	Broker   string                `json:"broker"`
	Data     string                `json:"data"` // file system under log and tables
	Revision string                `json:"revision"`
	Stack    StackConfig           `json:"stack"`
	Rows     []BudgetRow           `json:"rows"`
	Cases    map[string]*RunReport `json:"cases"`
}

// Run works through the cases and then the exact numbers. An error means that a case could not be run at all; a broken
// budget is a row with OK false.
func (b *Budget) Run(ctx context.Context, w *Where, profile string, log io.Writer) (*SavedRun, error) {
	cases, margin, err := b.Profile(profile)
	if err != nil {
		return nil, err
	}
	out := b.newOutcome(w, profile, margin)
	for i := range cases {
		c := &cases[i]
		rep, err := b.runCase(ctx, w, c, log)
		if err != nil {
			return out, fmt.Errorf("case %s: %w", c.Name, err)
		}
		out.Cases[c.Name] = rep
		out.Rows = append(out.Rows, c.judgeReport(rep, margin)...)
	}
	for _, e := range b.Exact {
		row, err := e.runBenchmark(ctx)
		if err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

func (b *Budget) newOutcome(w *Where, profile string, margin float64) *SavedRun {
	return &SavedRun{
		Profile: profile, Margin: margin, At: time.Now().UTC().Format(time.RFC3339), Broker: w.Broker(), Stack: b.Stack, Cases: map[string]*RunReport{},
		Machine: fmt.Sprintf("%d CPUs, %s/%s, %s, load %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), machineLoad()),
		Data:    bench.FileSystem(w.Data), Revision: buildRevision(),
	}
}

// machineLoad returns the load average of the machine before the run.
func machineLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(text)); err == nil && len(f) > 0 {
		return f[0]
	}
	return "unknown"
}

func buildRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown"
}

// runCase starts a pipeline, loads and watches it, and stops it.
func (b *Budget) runCase(ctx context.Context, w *Where, c *Case, log io.Writer) (rep *RunReport, err error) {
	_, _ = fmt.Fprintf(log, "%s: %d reads/s to %s, %v after %v of warm-up ...\n", c.Name, c.Rate, c.Target, c.Measure, c.Warmup)
	s, err := startStack(ctx, w, &b.Stack, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stopAll()) }()
	target, err := s.target(ctx)
	if err != nil {
		return nil, err
	}
	eyes, err := Start(ctx, s.watch)
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	run := bench.RunConfig{
		City: s.city, Target: target, Duration: c.Warmup + c.Measure, Warmup: c.Warmup, WallClock: true, InFlight: 1 << 18, Drain: time.Minute,
		Traffic: b.Stack.trafficConfig(c),
	}
	eyes.Hook(&run)
	stalled := c.stallIn(ctx, s, &run)
	res, err := bench.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	if err := <-stalled; err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	settled := eyes.Settle(wait)
	rep, err = eyes.Finish(ctx, res)
	if err == nil && settled != nil {
		rep.Problem = settled.Error()
	}
	return rep, err
}

// stallIn stops the worker in the middle of the measured part, and lets the worker go on.
func (c *Case) stallIn(ctx context.Context, s *processStack, run *bench.RunConfig) <-chan error {
	done := make(chan error, 1)
	if c.Stall == 0 {
		done <- nil
		return done
	}
	began := run.Began
	run.Began = func(at time.Time) {
		began(at)
		go func() { done <- c.stallWorker(ctx, s, at.Add(c.Warmup+c.Measure/2)) }()
	}
	return done
}

func (c *Case) stallWorker(ctx context.Context, s *processStack, at time.Time) error {
	for _, step := range []struct {
		wait time.Duration
		sig  syscall.Signal
	}{{time.Until(at), syscall.SIGSTOP}, {c.Stall, syscall.SIGCONT}} {
		select {
		case <-time.After(step.wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := s.worker.cmd.Process.Signal(step.sig); err != nil {
			return fmt.Errorf("send %v to the worker: %w", step.sig, err)
		}
	}
	return nil
}

// Ladder runs the same load at each rate without a budget: where latency leaves the linger behind is the knee.
func (b *Budget) Ladder(ctx context.Context, w *Where, rates []int, measure time.Duration, log io.Writer) (*SavedRun, error) {
	out := b.newOutcome(w, "ladder", 1)
	_, _ = fmt.Fprintf(log, "%8s %10s %10s %10s %10s %10s %10s %9s\n", "reads/s", "vis p50", "vis p99", "hit p50", "hit p99", "insert p99", "lag end", "overdue %")
	for _, rate := range rates {
		c := &Case{Name: fmt.Sprintf("%d/s", rate), Rate: rate, Target: "kafka", Warmup: 4 * time.Second, Measure: measure, Overload: true}
		rep, err := b.runCase(ctx, w, c, io.Discard)
		if err != nil {
			return out, err
		}
		out.Cases[c.Name] = rep
		out.Rows = append(out.Rows, c.exactRows(rep)...)
		ms := func(stage string) (float64, float64) {
			x := rep.Stages[stage]
			return float64(x.P50) / 1000, float64(x.P99) / 1000
		}
		v50, v99 := ms(StageVisible)
		h50, h99 := ms(StageHit)
		_, i99 := ms("insert")
		_, _ = fmt.Fprintf(log, "%8d %10.1f %10.1f %10.1f %10.1f %10.1f %10.0f %9.2f\n", rate, v50, v99, h50, h99, i99, lagAtEnd(rep, c.Warmup+c.Measure), overduePct(rep.Load))
	}
	return out, nil
}
