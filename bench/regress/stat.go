package regress

import (
	"math"
	"slices"
)

// MannWhitney returns the two-sided p value of the hypothesis that both samples come from one distribution. Without ties
// and with at most 50 values a side it is exact; else the normal approximation with corrections for ties and continuity.
func MannWhitney(a, b []float64) float64 {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return 1
	}
	u, ties := rankSum(a, b)
	if ties == 0 && n <= 50 && m <= 50 {
		return exactP(n, m, int(min(u, float64(n*m)-u)))
	}
	total := float64(n + m)
	mean := float64(n*m) / 2
	deviation := math.Sqrt(float64(n*m) / 12 * (total + 1 - ties/(total*(total-1))))
	if deviation == 0 {
		return 1 // every value is the same
	}
	z := max(math.Abs(u-mean)-0.5, 0) / deviation
	return math.Erfc(z / math.Sqrt2)
}

// rankSum returns U of a, and the tie term: the sum of t^3-t over groups of t equal values.
func rankSum(a, b []float64) (u, ties float64) {
	type value struct {
		v     float64
		first bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	ranks := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for _, x := range all[i:j] {
			if x.first {
				ranks += float64(i+j+1) / 2 // the mean of ranks i+1..j
			}
		}
		i = j
	}
	return ranks - float64(len(a)*(len(a)+1))/2, ties
}

// exactP counts the orders of n and m values in which U is at most u, twice: of all (n+m)!/(n!m!) orders.
func exactP(n, m, u int) float64 {
	// ways[j][k] = orders of i values of a and j of b with U = k, built up over i.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
		ways[j][0] = 1 // no value of a
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			// The largest is of a: it stands above j values of b. Or it is of b.
			next := make([]float64, n*m+1)
			for k := range next {
				if k >= j {
					next[k] = ways[j][k-j]
				}
				next[k] += ways[j-1][k]
			}
			ways[j] = next
		}
	}
	total, low := 0.0, 0.0
	for k, w := range ways[m] {
		total += w
		if k <= u {
			low += w
		}
	}
	return min(2*low/total, 1)
}

// Median of the values; 0 for none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
