package regress

import "golang.org/x/perf/benchmath"

// mannWhitney returns the two-sided p value for the hypothesis that both samples come from the same distribution;
// 1 when the values are too few or all equal.
func mannWhitney(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	return benchmath.AssumeNothing.Compare(newSample(a), newSample(b)).P
}

// Median of the values; 0 for none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return benchmath.AssumeNothing.Summary(newSample(v), confidence).Center
}

// confidence is the level of the interval that benchmath computes beside the median. Nobody uses the interval.
const confidence = 0.95

func newSample(v []float64) *benchmath.Sample {
	return benchmath.NewSample(append([]float64(nil), v...), &benchmath.DefaultThresholds)
}
