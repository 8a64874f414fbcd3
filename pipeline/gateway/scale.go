package gateway

import (
	"math"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// roundingMode decides about surplus digits.
type roundingMode bool

const (
	roundDown    roundingMode = false // towards zero
	roundNearest roundingMode = true  // half away from zero
)

// parseDecimal reads a decimal number exactly and returns it times 10^exp as an integer, without floating point. A
// comma may replace the point; an exponent and outer blanks are accepted. ok is false for other texts and for numbers
// out of range.
func parseDecimal(s string, exp int, mode roundingMode) (v int64, ok bool) {
	if len(s) > maxWord {
		return 0, false
	}
	s = strings.TrimSpace(s)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	mant := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mant = s[:i]
		e, ok := parseExponent(s[i+1:])
		if !ok {
			return 0, false
		}
		exp += e
	}
	digits, point, seen := int64(0), false, 0
	for i := range len(mant) {
		c := mant[i]
		switch {
		case (c == '.' || c == ',') && !point:
			point = true
		case c < '0' || c > '9':
			return 0, false
		case digits > (math.MaxInt64-9)/10:
			if !point {
				exp++
			}
			seen++
		default:
			digits, seen = digits*10+int64(c-'0'), seen+1
			if point {
				exp--
			}
		}
	}
	if seen == 0 {
		return 0, false
	}
	v, ok = shiftDecimal(digits, exp, mode)
	if neg {
		v = -v
	}
	return v, ok
}

func shiftDecimal(v int64, exp int, mode roundingMode) (int64, bool) {
	for ; exp > 0 && v != 0; exp-- {
		if v > math.MaxInt64/10 {
			return 0, false
		}
		v *= 10
	}
	last := int64(0)
	for ; exp < 0 && (v != 0 || last != 0); exp++ {
		v, last = v/10, v%10
	}
	if mode == roundNearest && last >= 5 {
		v++
	}
	return v, true
}

// parseExponent reads an exponent with at most three digits.
func parseExponent(s string) (int, bool) {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if s == "" || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// The scales of a confidence, as the power of ten that gives per mille.
const (
	scaleOne      = 3 // 0..1
	scaleHundred  = 1 // 0..100
	scaleThousand = 0 // 0..1000
)

// parsePerMille reads a confidence. ok is false without a number or out of range.
func parsePerMille(s string, scale int) (uint32, bool) {
	v, ok := parseDecimal(strings.TrimSuffix(strings.TrimSpace(s), "%"), scale, roundNearest)
	if !ok || v < 0 || v > 1000 {
		return 0, false
	}
	return uint32(v), true
}

// parseSpeed reads km/h. 0 means not measured; ok is false for speeds impossible for a vehicle.
func parseSpeed(s string) (v uint32, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimSuffix(strings.TrimSuffix(s, "km/h"), "kmh")
	d, ok := parseDecimal(s, 1, roundDown)
	if !ok || d < 0 || d > int64(schemas.MaxSpeed) {
		return 0, false
	}
	return uint32(d), true
}
