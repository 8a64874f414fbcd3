package harness

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// runBenchmark runs the benchmark the stated number of times and reads its metric: same input, same number of times,
// same result.
func (e *Exact) runBenchmark(ctx context.Context) (BudgetRow, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+e.Benchmark+"$", "-benchmem", "-cpu", "1", //nolint:gosec // names from our own file
		"-benchtime", fmt.Sprintf("%dx", e.Times), e.Package)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return BudgetRow{}, fmt.Errorf("exact %q: go test: %w\n%s", e.Name, err, strings.TrimSpace(out.String()))
	}
	reader := benchfmt.NewReader(&out, "")
	for reader.Scan() {
		r, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		if v, ok := valueOf(r, e.Unit); ok {
			return BudgetRow{Case: "exact", Stage: e.Name, What: e.Unit, Measured: v, Budget: e.AtMost, OK: v <= e.AtMost}, nil
		}
	}
	if err := reader.Err(); err != nil {
		return BudgetRow{}, fmt.Errorf("exact %q: %w", e.Name, err)
	}
	return BudgetRow{}, fmt.Errorf("exact %q: benchmark %s of %s has no metric %s", e.Name, e.Benchmark, e.Package, e.Unit)
}

// valueOf returns the metric of a result by the unit that go test prints: benchfmt turns ns/op into sec/op and keeps
// the printed form aside.
func valueOf(r *benchfmt.Result, unit string) (float64, bool) {
	for _, v := range r.Values {
		if v.OrigUnit == unit {
			return v.OrigValue, true
		}
	}
	return r.Value(unit)
}
