package rules

import (
	"fmt"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// band is the plausible range for one kind of value. A value outside is taken for a typing error (350 for 35000), and
// the catalogue does not load. If a law moves a value out of the band, the band must change first.
type band struct {
	lo, hi int64
	unit   string // unit of the written value, for the finding
}

// Bands for shared values, by kind. Each family adds further bands.
var (
	bandConfidence  = band{500, 1000, "per mille"}
	bandRegisterAge = band{12, 24 * 366, "hours"}
	bandExemption   = band{6, 120, "months"}
)

// parsePlausible reads a whole number in a band. After a finding, the lower end replaces the number.
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

// First and last plausible day for the beginning or end of validity.
var firstPlausible, lastPlausible = schemas.DayOf(1990, 1, 1), schemas.DayOf(2060, 1, 1)

// plausibleDay reports a day of validity with a typing error, such as the year 2206.
func (c *checker) plausibleDay(path string, d schemas.Day) {
	if d != 0 && (d < firstPlausible || d > lastPlausible) {
		c.errorf(path, "correct the year", "%s is not plausible", d)
	}
}
