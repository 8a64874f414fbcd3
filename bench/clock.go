package bench

import (
	"math/bits"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Profile is the traffic's distribution over time.
type Profile uint8

// The profiles.
const (
	// Flat is constant: read i is due at exactly i/rate. The profile for measuring.
	Flat Profile = iota
	// RushHour follows a Brussels working day: quiet nights, peaks before nine and after sixteen. Rate is the mean of the
	// day.
	RushHour
)

// hourly is the intensity at each hour's start, per mille of the day's mean. The sum is 24,000.
var hourly = [24]int64{
	260, 170, 130, 120, 190, 480, 1080, 1760, 1800, 1330, 1130, 1130,
	1210, 1220, 1250, 1430, 1730, 1840, 1560, 1180, 880, 730, 670, 720,
}

const hourlyPeak = 1840

// intensityAt returns the per mille of the mean at a time of day, between the hours in a straight line.
func intensityAt(at schemas.Micros) int64 {
	t := at.Local()
	h, m := t.Hour(), int64(t.Minute())
	return (hourly[h]*(60-m) + hourly[(h+1)%24]*m) / 60
}

// clock gives each read a due time and a time in the traffic, in nanoseconds.
type clock struct {
	rate     uint64
	compress int64
	profile  Profile
	start    schemas.Micros

	n       uint64
	traffic int64 // RushHour: traffic nanoseconds since start
	weight  int64 // RushHour: intensity in the minute before until
	until   int64
}

func newClock(cfg *TrafficConfig) clock {
	return clock{rate: uint64(cfg.Rate), compress: int64(cfg.Compress), profile: cfg.Profile, start: cfg.Start, weight: 1000}
}

// nextDue returns when the next read is due after the start.
func (c *clock) nextDue() time.Duration {
	if c.profile == Flat {
		return flatDue(c.n, c.rate)
	}
	return time.Duration(c.traffic / c.compress)
}

func flatDue(n, rate uint64) time.Duration {
	hi, lo := bits.Mul64(n, uint64(time.Second))
	q, _ := bits.Div64(hi%rate, lo, rate)
	return time.Duration(q)
}

// trafficTime returns the time in the traffic at which the next read is due.
func (c *clock) trafficTime() schemas.Micros {
	if c.profile == Flat {
		return c.start + schemas.Micros(int64(c.nextDue())*c.compress/1000)
	}
	return c.start + schemas.Micros(c.traffic/1000)
}

// advanceRead moves the clock to the next read.
func (c *clock) advanceRead() {
	c.n++
	if c.profile == Flat {
		return
	}
	if c.traffic >= c.until {
		c.weight = intensityAt(c.trafficTime())
		c.until = c.traffic + int64(time.Minute)
	}
	c.traffic += int64(time.Second) * 1000 * c.compress / (int64(c.rate) * c.weight)
}
