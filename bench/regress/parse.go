// Package regress compares benchmarks of the working tree with those of a base commit in one run: both test binaries are built,
// their samples interleaved, so that a neighbour on the machine disturbs both alike, and the medians compared with the
// Mann-Whitney U test. A difference counts when it is significant and large.
package regress

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Result is one line of benchmark output.
type Result struct {
	Name    string             // without the prefix Benchmark and the suffix of GOMAXPROCS
	Metrics map[string]float64 // by unit
}

// Parse reads the output of go test -bench.
func Parse(r io.Reader) ([]Result, error) {
	var out []Result
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(f[1]); err != nil {
			continue
		}
		res := Result{Name: plain(f[0]), Metrics: map[string]float64{}}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("benchmark line %q: %w", lines.Text(), err)
			}
			res.Metrics[f[i+1]] = v
		}
		out = append(out, res)
	}
	return out, lines.Err()
}

// plain cuts BenchmarkX/case-8 to X/case.
func plain(name string) string {
	name = strings.TrimPrefix(name, "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			return name[:i]
		}
	}
	return name
}
