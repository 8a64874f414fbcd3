package gateway

import (
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// The clock allowances. A read beyond them is refused: captured_at later than received_at by more than clockAhead, or
// older than clockBehindMonths. clockAhead exceeds any mistake about time zone or summer time; clockBehindMonths is
// the longest time that anything may be kept. A read within them is kept, and marked if the clock is not to be trusted
// (clocks.go).
const (
	clockAhead        = 26 * schemas.Hour
	clockBehindMonths = 12
	clockNear         = 5 * schemas.Minute // a wall clock this near to receipt has the right hour
)

// zoneKind tells how a device tied the wall clock to an instant.
type zoneKind uint8

const (
	zoneNone   zoneKind = iota // no time at all
	zoneLocal                  // a wall clock without offset: Brussels
	zoneOffset                 // a wall clock with an offset, perhaps a wrong offset
	zoneExact                  // an epoch
)

// statedTime is a time as stated by a device. wall is the wall clock, counted as if it were UTC.
type statedTime struct {
	wall, offset schemas.Micros
	zone         zoneKind
}

// instant returns the instant as stated. It is the same at every delivery, so ids use it. A Brussels time that
// happened twice counts as the first.
func (s statedTime) instant() schemas.Micros {
	if s.zone == zoneLocal {
		first, _ := brusselsInstants(s.wall)
		return first
	}
	return s.wall - s.offset
}

// resolveCapture returns the time of capture in view of the receipt, and reports whether the stated offset was
// replaced.
func (s statedTime) resolveCapture(received schemas.Micros) (at schemas.Micros, replaced bool) {
	switch s.zone {
	case zoneLocal:
		return localInstantNear(s.wall, received), false
	case zoneOffset:
		at = s.instant()
		local := localInstantNear(s.wall, received)
		if at != local && !isNear(at, received) && isNear(local, received) && !isBrusselsOffset(at, s.offset) {
			return local, true
		}
		return at, false
	case zoneNone, zoneExact:
	}
	return s.instant(), false
}

func isNear(a, b schemas.Micros) bool { return a-b <= clockNear && b-a <= clockNear }

func localInstantNear(wall, received schemas.Micros) schemas.Micros {
	first, second := brusselsInstants(wall)
	if second <= received+clockNear {
		return second
	}
	return first
}

// brusselsInstants returns the instants at which Brussels clocks show a wall time: two after the clock was set back,
// otherwise the same twice. A time skipped in spring counts as winter time.
func brusselsInstants(wall schemas.Micros) (first, second schemas.Micros) {
	summer, winter := wall-2*schemas.Hour, wall-schemas.Hour
	isSummer, isWinter := isBrusselsOffset(summer, 2*schemas.Hour), isBrusselsOffset(winter, schemas.Hour)
	switch {
	case isSummer && isWinter:
		return summer, winter
	case isSummer:
		return summer, summer
	}
	return winter, winter
}

func isBrusselsOffset(at, offset schemas.Micros) bool {
	_, sec := at.Local().Zone()
	return schemas.Micros(sec)*schemas.Second == offset
}

// checkClock refuses an impossible time of capture.
func checkClock(at, received schemas.Micros) *schemas.RejectError {
	if at-received > clockAhead {
		return schemas.Rejectf(schemas.ReasonClockAhead, "captured_at",
			"%s is more than 26 hours after receipt at %s; set the camera's clock and time zone", at, received)
	}
	if at < schemas.MicrosOf(received.Time().AddDate(0, -clockBehindMonths, 0)) {
		return schemas.Rejectf(schemas.ReasonClockBehind, "captured_at",
			"%s is more than 12 months before receipt at %s; set the camera's clock", at, received)
	}
	return nil
}

// parseTime reads the times sent by cameras. RFC 3339 may be sloppy: a blank for T, no padding, a comma, offset +0800
// or +08, no offset. Compact forms are 20260521161006471 and "20210520 115421894". Epochs come in s, ms, us or ns,
// told apart by size as in our days. So a clock that restarted in 1970 or 2000 still states a time, if a wrong one.
func parseTime(s string) (statedTime, bool) {
	if len(s) > maxWord {
		return statedTime{}, false
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return statedTime{}, false
	}
	if v, ok := parseDecimal(s, 0, roundDown); ok && strings.ContainsAny(s, "eE") {
		s = strconv.FormatInt(v, 10)
	}
	if strings.Trim(s, "0123456789.") == "" && !isCompactTime(s) && strings.Count(s, ".") <= 1 {
		return parseEpoch(s)
	}
	return parseWallTime(s)
}

// isCompactTime reports whether s is yyyyMMddHHmmss, with or without milliseconds, and no epoch: an epoch has 14 digits
// only after the year 5138, and never 17.
func isCompactTime(s string) bool {
	return (len(s) == 14 || len(s) == 17) && (s[:2] == "19" || s[:2] == "20") && !strings.Contains(s, ".")
}

func parseEpoch(s string) (statedTime, bool) {
	whole, _, _ := strings.Cut(s, ".")
	if len(whole) > 19 {
		return statedTime{}, false
	}
	unit := -3
	for _, u := range [...]struct{ digits, unit int }{{16, 0}, {13, 3}, {10, 6}} {
		if len(whole) <= u.digits {
			unit = u.unit
		}
	}
	us, ok := parseDecimal(s, unit, roundDown)
	return statedTime{wall: schemas.Micros(us), zone: zoneExact}, ok && us > 0
}

// clockText is a cursor over a written time.
type clockText struct{ s string }

// takeDigits takes between 1 and most digits.
func (c *clockText) takeDigits(most int) (v, n int) {
	for n < most && n < len(c.s) && c.s[n] >= '0' && c.s[n] <= '9' {
		v = v*10 + int(c.s[n]-'0')
		n++
	}
	c.s = c.s[n:]
	return v, n
}

// takeChar removes the next character if it is in set.
func (c *clockText) takeChar(set string) bool {
	if c.s == "" || !strings.Contains(set, c.s[:1]) {
		return false
	}
	c.s = c.s[1:]
	return true
}

func parseWallTime(s string) (statedTime, bool) {
	c := clockText{s}
	var f [6]int
	for i, width := range [...]int{4, 2, 2, 2, 2, 2} {
		if i > 0 {
			c.takeSeparator(i)
		}
		v, n := c.takeDigits(width)
		if n == 0 && i < 5 || i == 0 && n != 4 {
			return statedTime{}, false
		}
		f[i] = v
	}
	frac := c.takeFraction()
	day := time.Date(f[0], time.Month(f[1]), f[2], 0, 0, 0, 0, time.UTC)
	if f[0] < 1900 || f[0] > 2200 || int(day.Month()) != f[1] || day.Day() != f[2] || f[3] > 23 || f[4] > 59 ||
		f[5] > 60 {
		return statedTime{}, false
	}
	t := day.Add(time.Duration(f[3])*time.Hour + time.Duration(f[4])*time.Minute + time.Duration(f[5])*time.Second)
	offset, zone, ok := c.takeZone()
	return statedTime{wall: schemas.MicrosOf(t) + frac, offset: offset, zone: zone}, ok
}

// takeSeparator skips the separators before field i of a time.
func (c *clockText) takeSeparator(i int) {
	if i == 3 {
		c.takeChar("Tt")
		for c.takeChar(" _") {
		}
		return
	}
	if i < 3 {
		c.takeChar("-/.:")
		return
	}
	c.takeChar(":.")
}

// takeFraction reads the digits below a second, with or without a point.
func (c *clockText) takeFraction() schemas.Micros {
	c.takeChar(".,")
	v, n := c.takeDigits(6)
	for ; n < 6 && n > 0; n++ {
		v *= 10
	}
	c.takeDigits(12) // below a microsecond
	return schemas.Micros(v)
}

func (c *clockText) takeZone() (offset schemas.Micros, kind zoneKind, ok bool) {
	s, _, _ := strings.Cut(c.s, "[") // [Europe/Brussels] repeats the offset
	blank := strings.HasPrefix(s, " ")
	c.s = strings.TrimSpace(s)
	switch strings.ToUpper(c.s) {
	case "":
		return 0, zoneLocal, true
	case "Z", "UTC", "GMT", "+0", "-0":
		return 0, zoneOffset, true
	}
	neg := strings.HasPrefix(c.s, "-")
	if !c.takeChar("+-") && !blank { // a plus that a web form turned into a blank
		return 0, zoneNone, false
	}
	h, n := c.takeDigits(2)
	c.takeChar(":")
	m, _ := c.takeDigits(2)
	if n == 0 || c.s != "" || h > 14 || m > 59 {
		return 0, zoneNone, false
	}
	offset = schemas.Micros(h)*schemas.Hour + schemas.Micros(m)*schemas.Minute
	if neg {
		offset = -offset
	}
	return offset, zoneOffset, true
}

// markUTC marks a wall clock without offset as UTC, for fields with this meaning at the vendor. Other texts are
// unchanged.
func markUTC(s string) string {
	if w, ok := parseTime(s); ok && w.zone == zoneLocal {
		return s + "Z"
	}
	return s
}

// dropZeroEpoch drops an epoch of zero, the devices' way to state no time.
func dropZeroEpoch(s string) string {
	if strings.Trim(s, "0.") == "" {
		return ""
	}
	return s
}
