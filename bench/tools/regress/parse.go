// Package regress compares benchmarks of the working tree with those of a base commit in one run: both test binaries are built,
// their samples interleaved, so that a neighbour on the machine disturbs both alike, and the medians compared with the
// Mann-Whitney U test. A difference counts when it is significant and large.
package regress

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"golang.org/x/perf/benchfmt"
)

// Result is one line of benchmark output.
type Result struct {
	Name    string             // without the prefix Benchmark and the suffix of GOMAXPROCS
	Metrics map[string]float64 // by unit, as go test prints it: ns/op, allocs/op, a benchmark's own
}

// Parse reads the output of go test -bench. A line that begins like a result and is none is an error with its text.
func Parse(r io.Reader) ([]Result, error) {
	var out []Result
	reader := benchfmt.NewReader(r, "")
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("benchmark output: %w", rec)
		case *benchfmt.Result:
			base, parts := rec.Name.Parts()
			parts = slices.DeleteFunc(parts, func(p []byte) bool { return p[0] == '-' }) // GOMAXPROCS
			name := string(append(base, bytes.Join(parts, nil)...))
			res := Result{Name: name, Metrics: map[string]float64{}}
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
