package harness

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/gvc-brussels/anpr/bench/regress"
)

// measure runs the benchmark the stated number of times and reads its metric: same input, same number of times, same result.
func (e *Exact) measure(ctx context.Context) (Row, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^"+e.Benchmark+"$", "-benchmem", "-cpu", "1", //nolint:gosec // names from our own file
		"-benchtime", fmt.Sprintf("%dx", e.Times), e.Package)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return Row{}, fmt.Errorf("exact %q: go test: %w\n%s", e.Name, err, strings.TrimSpace(out.String()))
	}
	results, err := regress.Parse(&out)
	if err != nil {
		return Row{}, fmt.Errorf("exact %q: %w", e.Name, err)
	}
	for _, r := range results {
		if v, ok := r.Metrics[e.Unit]; ok {
			return Row{Case: "exact", Stage: e.Name, What: e.Unit, Measured: v, Budget: e.AtMost, OK: v <= e.AtMost}, nil
		}
	}
	return Row{}, fmt.Errorf("exact %q: benchmark %s of %s has no metric %s", e.Name, e.Benchmark, e.Package, e.Unit)
}
