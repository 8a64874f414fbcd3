package rules

import (
	"fmt"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// band is what a value of one kind may plausibly be. A value outside is a slip of the pen (350 for 35000) and keeps the catalogue from
// loading: a law that moves a value out of its band moves the band first.
type band struct {
	lo, hi int64
	unit   string // in which the value is written, for the finding
}

// The bands of the shared values, by kind. A family has its own.
var (
	bandConfidence  = band{500, 1000, "per mille"}
	bandRegisterAge = band{12, 24 * 366, "hours"}
	bandExemption   = band{6, 120, "months"}
)

// parsePlausible reads a whole number in a band.
func (c *checker) parsePlausible(path, s string, b band) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	switch do := fmt.Sprintf("write a whole number from %d to %d %s", b.lo, b.hi, b.unit); {
	case err != nil:
		c.errorf(path, do, "%q is not one", s)
	case n < b.lo || n > b.hi:
		c.errorf(path, do, "%d is not plausible", n)
	default:
		return n
	}
	return b.lo
}

// The days between which a rule of this catalogue may begin or end.
var firstPlausible, lastPlausible = schemas.DayOf(1990, 1, 1), schemas.DayOf(2060, 1, 1)

// plausibleDay refuses a day of validity that is a slip, as in 2206.
func (c *checker) plausibleDay(path string, d schemas.Day) {
	if d != 0 && (d < firstPlausible || d > lastPlausible) {
		c.errorf(path, "correct the year", "%s is not plausible", d)
	}
}
