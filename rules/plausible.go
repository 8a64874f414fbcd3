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

// The bands, by kind of value.
var (
	bandConfidence  = band{500, 1000, "per mille"}
	bandRegisterAge = band{12, 24 * 366, "hours"}
	bandExemption   = band{6, 120, "months"}
	bandOldtimer    = band{20, 60, "years"}
	bandPassHour    = band{0, 12, "o'clock of the next day"}
	bandPassDays    = band{0, 7, "days"}
	bandPassYear    = band{4, 100, "passes a year"}
	bandN1Mass      = band{1000, 2500, "kg"}
	bandN2Mass      = band{2000, 3500, "kg"}
	bandGrace       = band{0, 14, "days"}
	bandFine        = band{5000, 100_000, "cents: EUR 350 is written 35000"}
	bandWindow      = band{1, 12, "months"}
	bandFines       = band{1, 12, "fines a year"}

	bandBoundary  = band{50, 150, "km/h"}
	bandBelow     = band{1, 15, "km/h"}
	bandPercent   = band{1, 15, "percent"}
	bandTariff    = band{2000, 20_000, "cents: EUR 53 is written 5300"}
	bandPerKmh    = band{200, 5000, "cents: EUR 11 is written 1100"}
	bandBaseKmh   = band{5, 30, "km/h"}
	bandTotal     = band{20_000, 200_000, "cents: EUR 347 is written 34700"}
	bandExcess    = band{10, 100, "km/h"}
	bandOneSecond = band{10, 300, "seconds"}
)

// plausible reads a whole number in a band.
func (c *checker) plausible(path, s string, b band) int64 {
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
