package tripwire

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// bounds returns the bounds of the built-in catalogue.
func bounds(t testing.TB, family schemas.Family) *rules.Tripwire {
	t.Helper()
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	b := cat.CaseRulesAt(schemas.MicrosOf(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC))).Tripwire(family)
	return &b
}

// street is the made-up traffic of a camera.
type street struct {
	name    string
	busiest float64 // reads in the busiest hour
	share   float64 // of vehicles with an offence, by day
	mean    float64 // speed, km/h; 0 = the family measures none
	limit   float64 // 0 = as share says
	burst   int     // vehicles that break the rule together, now and then
	family  schemas.Family
}

// streets are cameras of a city: a main road, a bad one, a quiet one, a zone, a street of residents.
var streets = []street{
	{"main road", 600, 0, 44, 50, 3, "speed"}, {"bad road", 250, 0, 49, 50, 4, "speed"}, {"quiet street", 40, 0, 27, 30, 3, "speed"}, {"zone", 500, 0.015, 0, 0, 2, "lez"}, {"barred street", 150, 0.1, 0, 0, 3, "access"}, {"edge of the zone", 500, 0, 0, 0, 0, "lez"},
}

// traffic is what a camera saw.
type traffic struct {
	Input
	random *rand.Rand
	street
	begin time.Time
	day   float64 // factor of the present day
	next  int
}

// dayShape is the share of the busiest hour's reads, by local hour.
var dayShape = [24]float64{.06, .04, .03, .03, .05, .15, .45, .9, 1, .8, .7, .7, .75, .75, .75, .8, .95, 1, .9, .6, .4, .3, .2, .12}

func newTraffic(s street, begin time.Time, seed uint64) *traffic {
	return &traffic{Input: Input{Hours: map[schemas.Micros]int64{}, Minutes: map[schemas.Micros]int64{}}, random: rand.New(rand.NewPCG(seed, 7)), street: s, begin: begin}
}

// world changes a day of traffic.
type world struct {
	reads, share float64 // factors
	limit        float64 // added to the limit
	broken       float64 // share of vehicles that the fault makes an offence of
}

// drive adds the traffic of a minute: busier and slower days, faster nights, bursts. A vehicle has a plate of its own.
func (c *traffic) drive(at time.Time, w world) {
	local := at.In(schemas.Brussels())
	if at.Equal(c.begin) || local.Hour() == 0 && local.Minute() == 0 {
		c.day = math.Exp(c.random.NormFloat64() * 0.25)
	}
	rate := c.busiest / 60 * dayShape[local.Hour()] * c.day * w.reads
	if isWeekend(local) {
		rate *= 0.7
	}
	vehicles := 0
	for left := c.random.ExpFloat64(); left < rate; left += c.random.ExpFloat64() {
		vehicles++
	}
	together := 0
	if c.random.Float64() < 1.0/(24*60) { // once a day
		together = c.burst
		vehicles += together
	}
	minute := schemas.MicrosOf(at)
	c.Minutes[minute] += int64(vehicles)
	c.Hours[schemas.MicrosOf(at.Truncate(time.Hour))] += int64(vehicles)
	for n := range vehicles {
		excess, offends := c.offends(local, w, n < together)
		if offends {
			c.next++
			c.Offences = append(c.Offences, Offence{CapturedAt: minute + schemas.Micros(n), Plate: fmt.Sprintf("P%06d", c.next), Excess: excess})
		}
	}
}

func (c *traffic) offends(local time.Time, w world, together bool) (schemas.Speed, bool) {
	if c.mean == 0 {
		return 0, together || c.random.Float64() < w.broken || c.random.Float64() < c.share*w.share
	}
	mean := c.mean
	if isNight(local.Hour()) {
		mean += 4
	}
	speed := mean + 6.5*c.random.NormFloat64() + 3*(w.share-1)
	if together {
		speed = c.limit + 12 + 4*c.random.NormFloat64()
	}
	excess := speed - 6 - c.limit - w.limit // the margin for the driver
	return schemas.Speed(10 * excess), excess >= 1
}

// judgeFrom judges what arrived since an instant.
func (c *traffic) judgeFrom(from, to schemas.Micros, b *rules.Tripwire) (Trip, bool) {
	c.Arrived = Span{from, to}
	return Judge(&c.Input, b)
}

// quiet is a world in which nothing is wrong, with what happens in a city.
func quiet(at time.Time) world {
	local := at.In(schemas.Brussels())
	switch {
	case local.Month() == time.October && local.Day() == 18: // a car-free Sunday: few drive, and those faster
		return world{reads: 0.03, share: 2}
	case local.Month() == time.October && local.Day() >= 20 && local.Day() <= 22: // a diversion leads all traffic of a tunnel here
		return world{reads: 5, share: 1}
	case local.Day()%8 == 0: // the dry day after rain
		return world{reads: 1.2, share: 1.6}
	}
	return world{reads: 1, share: 1}
}

// summer is the beginning of the drawn weeks: they meet the car-free Sunday and the end of summer time.
var summer = time.Date(2026, 9, 8, 22, 0, 0, 0, time.UTC)

// driveQuietly drives days of quiet traffic, and returns the trips of the last of them.
func driveQuietly(t testing.TB, s street, seed uint64, days, judged int, b *rules.Tripwire) (c *traffic, trips []Trip) {
	c = newTraffic(s, summer, seed)
	first := summer.AddDate(0, 0, days-judged)
	for at, end := summer, summer.AddDate(0, 0, days); at.Before(end); at = at.Add(time.Minute) {
		c.drive(at, quiet(at))
		// Of each sixth hour the camera's buffer brings all reads together, three hours late: the others are judged as they come.
		if now := at.Add(time.Minute); !now.Before(first) && now.Minute() == 0 && now.Hour()%3 == 0 {
			if trip, ok := c.judgeFrom(schemas.MicrosOf(now.Add(-3*time.Hour)), schemas.MicrosOf(now), b); ok {
				trips = append(trips, trip)
			}
		}
	}
	return c, trips
}

// wrong is a fault and the streets in which it shows.
var wrong = []struct {
	name    string
	streets []int
	at      world
}{
	{"a limit set 20 km/h too low", []int{0, 1, 2}, world{reads: 1, share: 1, limit: -20}},
	{"a zone flag set wrong", []int{5}, world{reads: 1, share: 1, broken: 0.15}},
	{"a list of permits cut", []int{4}, world{reads: 1, share: 1, broken: 0.8}},
}

// A fault trips the wire within five minutes of traffic by day, with its evidence, and the weeks before trip none.
func TestAFaultTripsWithinFiveMinutes(t *testing.T) {
	for _, w := range wrong {
		for _, n := range w.streets {
			t.Run(w.name+" on a "+streets[n].name, func(t *testing.T) {
				b := bounds(t, streets[n].family)
				c, trips := driveQuietly(t, streets[n], uint64(n+1), 36, 1, b)
				if len(trips) > 0 {
					t.Fatalf("before the fault: %+v", trips)
				}
				begin := summer.AddDate(0, 0, 36).Add(9 * time.Hour)
				for at := summer.AddDate(0, 0, 36); at.Before(begin); at = at.Add(time.Minute) {
					c.drive(at, quiet(at))
				}
				reads := int64(0)
				for at := begin; at.Before(begin.Add(2 * time.Hour)); at = at.Add(time.Minute) {
					c.drive(at, w.at)
					reads += c.Minutes[schemas.MicrosOf(at)]
					trip, ok := c.judgeFrom(schemas.MicrosOf(at), schemas.MicrosOf(at)+schemas.Minute-1, b)
					if !ok {
						continue
					}
					t.Logf("after %s and %d reads: %s", at.Sub(begin)+time.Minute, reads, rules.RenderStep(rules.English, trip.Evidence[0]))
					if took := at.Sub(begin) + time.Minute; took > 5*time.Minute && reads > 30 {
						t.Errorf("it took %s and %d reads", took, reads)
					}
					for _, lang := range rules.Langs() {
						for _, step := range trip.Evidence {
							if line := rules.RenderStep(lang, step); strings.ContainsAny(line, "{}") || strings.HasPrefix(line, "tripwire") {
								t.Errorf("%s: %s", lang, line)
							}
						}
					}
					return
				}
				t.Errorf("two hours and %d reads trip nothing", reads)
			})
		}
	}
}

// Quiet weeks with busy and slow days, bursts, a diversion, the car-free Sunday, the end of summer time and late reads trip
// none. BenchmarkQuietWeeks measures many more.
func TestQuietWeeksTripNothing(t *testing.T) {
	for n, s := range streets {
		if _, trips := driveQuietly(t, s, uint64(100+n), 48, 10, bounds(t, s.family)); len(trips) > 0 {
			t.Errorf("%s: %d trips, the first %+v", s.name, len(trips), trips[0])
		}
	}
}

// BenchmarkQuietWeeks counts false alarms over many seeded weeks.
func BenchmarkQuietWeeks(b *testing.B) {
	trips, weeks := 0, 0
	for seed := uint64(0); b.Loop(); seed++ {
		for _, s := range streets {
			_, got := driveQuietly(b, s, 1000+seed, 84, 56, bounds(b, s.family))
			for _, trip := range got {
				b.Logf("%s, seed %d: %s", s.name, seed, rules.RenderStep(rules.English, trip.Evidence[0]))
			}
			trips, weeks = trips+len(got), weeks+8
		}
	}
	b.ReportMetric(float64(trips), "trips")
	b.ReportMetric(float64(weeks), "camera-weeks")
}

// Tails are exact: they agree with sums of fractions, and at the bound itself.
func TestTailsAreExact(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		n := 1 + random.Int64N(30)
		k, a, b := 1+random.Int64N(n), 1+random.Int64N(9), 1+random.Int64N(40)
		sum := new(big.Rat)
		for i := k; i <= n; i++ {
			p := new(big.Rat).SetInt(new(big.Int).Binomial(n, i))
			p.Mul(p, new(big.Rat).SetFrac(new(big.Int).Mul(power(a, i), power(b, n-i)), power(a+b, n)))
			sum.Add(sum, p)
		}
		for digits := range 8 {
			if want := sum.Cmp(new(big.Rat).SetFrac(big.NewInt(1), power(10, int64(digits)))) <= 0; isRarer(k, n, a, b, digits) != want {
				t.Errorf("isRarer(%d, %d, %d, %d, %d) is not %t", k, n, a, b, digits, want)
			}
		}
	}
	for _, c := range []struct {
		x, k, y, all int64
		digits       int
		want         bool
	}{{1, 1, 0, 9, 1, true}, {1, 1, 0, 8, 1, false}, {2, 2, 0, 3, 1, true}, {2, 2, 0, 2, 1, false}, {0, 5, 0, 100, 0, false}, {5, 5, 5, 5, 0, true}} {
		if got := isRarerShare(c.x, c.k, c.y, c.all, c.digits); got != c.want {
			t.Errorf("isRarerShare(%d, %d, %d, %d, %d) is %t", c.x, c.k, c.y, c.all, c.digits, got)
		}
	}
}
