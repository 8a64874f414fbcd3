package regress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Config says when a difference counts.
type Config struct {
	P         float64 // a difference with a smaller p value is significant
	Threshold float64 // least growth of the median, per cent, that counts
}

// Samples are the values of a benchmark in a unit, for base and head.
type Samples struct {
	Benchmark, Unit string
	Base, Head      []float64
}

// Judgement is the comparison of a benchmark in a unit.
type Judgement struct {
	Benchmark string    `json:"benchmark"`
	Unit      string    `json:"unit"`
	Base      float64   `json:"base_median"`
	Head      float64   `json:"head_median"`
	DeltaPct  float64   `json:"delta_pct"` // of the medians; above 0 is slower or larger
	P         float64   `json:"p"`
	N         int       `json:"n"` // the smaller side
	Regressed bool      `json:"regressed"`
	BaseAll   []float64 `json:"base"`
	HeadAll   []float64 `json:"head"`
}

// Judge compares the two sides. A side without samples (a benchmark that is new or gone) never regresses.
func (c Config) Judge(s Samples) Judgement {
	v := Judgement{
		Benchmark: s.Benchmark, Unit: s.Unit, Base: Median(s.Base), Head: Median(s.Head), P: mannWhitney(s.Base, s.Head),
		N: min(len(s.Base), len(s.Head)), BaseAll: s.Base, HeadAll: s.Head,
	}
	switch {
	case v.N == 0:
		return v
	case v.Base > 0:
		v.DeltaPct = 100 * (v.Head - v.Base) / v.Base
	case v.Head > 0: // from nothing to something, an allocation for example
		v.DeltaPct = 100
	}
	v.Regressed = v.P < c.P && v.DeltaPct > c.Threshold
	return v
}

// Gather sorts results into samples by unit, in the order of the units.
func Gather(base, head []BenchLine, units ...string) []Samples {
	byKey := map[[2]string]*Samples{}
	add := func(results []BenchLine, side func(*Samples) *[]float64) {
		for _, r := range results {
			for _, unit := range units {
				v, ok := r.Metrics[unit]
				if !ok {
					continue
				}
				k := [2]string{r.Name, unit}
				if byKey[k] == nil {
					byKey[k] = &Samples{Benchmark: r.Name, Unit: unit}
				}
				values := side(byKey[k])
				*values = append(*values, v)
			}
		}
	}
	add(base, func(s *Samples) *[]float64 { return &s.Base })
	add(head, func(s *Samples) *[]float64 { return &s.Head })
	out := make([]Samples, 0, len(byKey))
	for _, s := range byKey {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Samples) int {
		return cmp.Or(cmp.Compare(a.Benchmark, b.Benchmark), cmp.Compare(a.Unit, b.Unit))
	})
	return out
}

// WriteVerdicts prints a table.
func WriteVerdicts(w io.Writer, verdicts []Judgement) {
	_, _ = fmt.Fprintf(w, "%-52s %-10s %12s %12s %9s %8s %4s  %s\n", "benchmark", "unit", "base", "head", "delta", "p", "n", "verdict")
	for _, v := range verdicts {
		verdict := "~"
		switch {
		case v.N == 0:
			verdict = "only on one side"
		case v.Regressed:
			verdict = "REGRESSED"
		case v.P < 0.01 && v.DeltaPct < 0:
			verdict = "better"
		case v.P < 0.01:
			verdict = "within the threshold"
		}
		_, _ = fmt.Fprintf(w, "%-52s %-10s %12.2f %12.2f %+8.1f%% %8.4f %4d  %s\n", v.Benchmark, v.Unit, v.Base, v.Head, v.DeltaPct, v.P, v.N, verdict)
	}
}
