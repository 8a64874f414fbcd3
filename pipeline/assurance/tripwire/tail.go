package tripwire

import (
	"math"
	"math/big"
)

// isRarer reports whether a draw of n that succeeds each with chance a/(a+b) brings k successes or more at most once in
// 10^digits. It is exact.
func isRarer(k, n, a, b int64, digits int) bool {
	if k <= 0 || a <= 0 || b <= 0 {
		return false
	}
	if logBinomial(n, k)+float64(k)*math.Log10(float64(a))+float64(n-k)*math.Log10(float64(b))-float64(n)*math.Log10(float64(a+b)) > slack-float64(digits) {
		return false
	}
	term := new(big.Int).Binomial(n, k)
	term.Mul(term, power(a, k)).Mul(term, power(b, n-k))
	sum := new(big.Int).Set(term)
	factor, divisor := new(big.Int), new(big.Int)
	for i := k; i < n; i++ { // C(n, i+1) a^(i+1) b^(n-i-1) of the term before, without a remainder
		term.Mul(term, factor.Mul(big.NewInt(n-i), big.NewInt(a)))
		term.Quo(term, divisor.Mul(big.NewInt(i+1), big.NewInt(b)))
		sum.Add(sum, term)
	}
	return sum.Mul(sum, power(10, int64(digits))).Cmp(power(a+b, n)) <= 0
}

// isRarerShare reports whether x or more of k, drawn from k+all things of which x+y are marked, come at most once in
// 10^digits. It is exact.
func isRarerShare(x, k, y, all int64, digits int) bool {
	if x <= 0 {
		return false
	}
	if x <= min(k, x+y) && y <= all && logBinomial(k, x)+logBinomial(all, y)-logBinomial(k+all, x+y) > slack-float64(digits) {
		return false
	}
	sum, term := new(big.Int), new(big.Int)
	for i := x; i <= min(k, x+y); i++ {
		sum.Add(sum, term.Mul(new(big.Int).Binomial(k, i), new(big.Int).Binomial(all, x+y-i)))
	}
	return sum.Mul(sum, power(10, int64(digits))).Cmp(new(big.Int).Binomial(k+all, x+y)) <= 0
}

func power(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

// slack is far above the error of the logarithms: a first term above the bound by this much needs no exact sum.
const slack = 0.01

// logBinomial returns the decimal logarithm of n over k.
func logBinomial(n, k int64) float64 {
	log := func(n int64) float64 {
		v, _ := math.Lgamma(float64(n) + 1)
		return v
	}
	return (log(n) - log(k) - log(n-k)) / math.Ln10
}
