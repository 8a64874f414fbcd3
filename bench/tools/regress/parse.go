// Package regress compares benchmarks of the working tree with a base commit in a single run: both test binaries
// are built, their samples interleaved, so that a neighbour on the machine disturbs both alike, and the medians
// compared with the Mann-Whitney U test. A difference counts when significant and large.
package regress

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"golang.org/x/perf/benchfmt"
)

// BenchLine is a line of benchmark output.
type BenchLine struct {
	Name    string             // without the prefix Benchmark and the suffix of GOMAXPROCS
	Metrics map[string]float64 // by unit, as printed by go test: ns/op, allocs/op, a benchmark's own
}

// Parse reads the output of go test -bench. A line that only begins like a result is an error with the line's
// text.
func Parse(r io.Reader) ([]BenchLine, error) {
	var out []BenchLine
	reader := benchfmt.NewReader(r, "")
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("benchmark output: %w", rec)
		case *benchfmt.Result:
			base, parts := rec.Name.Parts()
			parts = slices.DeleteFunc(parts, func(p []byte) bool { return p[0] == '-' }) // GOMAXPROCS
			name := string(append(base, bytes.Join(parts, nil)...))
			res := BenchLine{Name: name, Metrics: map[string]float64{}}
			for _, v := range rec.Values {
				if v.OrigUnit != "" { // benchfmt tidies ns/op to sec/op
					res.Metrics[v.OrigUnit] = v.OrigValue
					continue
				}
				res.Metrics[v.Unit] = v.Value
			}
			out = append(out, res)
		}
	}
	return out, reader.Err()
}
