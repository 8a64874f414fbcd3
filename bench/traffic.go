package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// TrafficConfig sets amount and time of the traffic. Zero fields mean the defaults.
type TrafficConfig struct {
	Seed        uint64
	Rate        int            // reads per second of schedule, 1 to 10,000,000; default 115, Brussels' mean (DOMAIN section 6)
	Start       schemas.Micros // time in the traffic at offset 0; default seven in the morning of the city's day
	Profile     Profile
	Compress    int    // traffic seconds per schedule second; default 1. 144 puts a day into ten minutes
	Noise       *Noise // default [UsualNoise]
	ListedShare int    // journeys by listed vehicles, in parts per million; default 5,000
	// Pictures takes the pictures of reads that may become offences or hits, and of a few others; every other read has
	// none. nil: no picture is drawn, and reads name pictures that do not exist.
	Pictures PictureStore
}

func (c *TrafficConfig) setDefaults(city *City) error {
	if c.Rate == 0 {
		c.Rate = 115
	}
	if c.Start == 0 {
		c.Start = city.day.Start() + 7*schemas.Hour
	}
	if c.Compress == 0 {
		c.Compress = 1
	}
	if c.ListedShare == 0 {
		c.ListedShare = 5_000
	}
	if c.Noise == nil {
		c.Noise = UsualNoise()
	}
	d := *c.Noise
	c.Noise = &d
	switch {
	case c.Rate < 1 || c.Rate > 10_000_000:
		return fmt.Errorf("traffic: rate %d reads/s: want 1 to 10,000,000", c.Rate)
	case c.Compress < 1 || c.Compress > 3600:
		return fmt.Errorf("traffic: compress %d: want 1 to 3600 seconds of traffic per second", c.Compress)
	case c.ListedShare < 0 || c.ListedShare > million:
		return fmt.Errorf("traffic: listed share %d: want 0 to %d parts per million", c.ListedShare, million)
	case c.Profile > RushHour:
		return errors.New("traffic: unknown profile: want Flat or RushHour")
	}
	return d.checkInto(c)
}

func (d *Noise) checkInto(c *TrafficConfig) error {
	if err := d.checkShares(); err != nil {
		return err
	}
	c.Noise = d
	return nil
}

// Traffic is a city's endless traffic, read after read in log order. It is used by one goroutine.
//
// The number of cars on the road follows from the rate. When the rate needs more than half the vehicles, the roads
// become shorter in time instead: see [Traffic.Hurry].
type Traffic struct {
	city  *City
	cfg   TrafficConfig
	noise Noise
	r     *rand.Rand
	clock clock
	run   uint32 // marks the event ids, so two loads never share an id

	at          int64 // traffic time of the event in hand: orders, the clock stamps
	q           waitQueue
	cars        []car
	rested      []int64 // per vehicle: the earliest time for its next journey
	queuedReads slab[plannedRead]
	passings    slab[passing]
	burst       []plannedRead // reads a camera sends at once after an outage
	sent        int           // reads already sent from burst
	links       []link        // per camera; used for temporary ones
	seqs        []uint32

	leg         int64 // mean time between two sites
	hurry       int64 // parts per million of the usual time between two sites
	cycle       int64 // mean journey time
	noiseBounds [ClockLost + 1]uint32
	truth       *Truth
	eye         *photographer // nil = nobody draws pictures
}

// car is a vehicle on a journey.
type car struct {
	vehicle uint32
	site    uint16
	legs    uint8
	past    [8]uint16 // the last sites, not passed again on this journey
	n       uint8
}

// link is a temporary camera's connection.
type link struct {
	down    bool
	backlog []plannedRead
}

// maxBacklog is the number of buffered reads at which a camera's link counts as back.
const maxBacklog = 5_000

const meanLegs = 6

// Traffic starts the configured traffic.
func (c *City) Traffic(cfg TrafficConfig) (*Traffic, error) {
	if err := cfg.setDefaults(c); err != nil {
		return nil, err
	}
	t := &Traffic{
		city: c, cfg: cfg, noise: *cfg.Noise, r: newRandom(cfg.Seed^c.cfg.Seed*0x9e3779b97f4a7c15, "traffic"), clock: newClock(&cfg),
		rested: make([]int64, len(c.vehicles)), links: make([]link, len(c.cameras)), seqs: make([]uint32, len(c.cameras)+unknownCameras),
		truth: newTruth(c),
	}
	t.run = uint32(hashOf(fmt.Sprintf("%d %d %d", c.cfg.Seed, cfg.Seed, cfg.Start)))
	t.noiseBounds = t.noise.cumulativeShares()
	if err := t.hirePhotographer(); err != nil {
		return nil, err
	}
	t.populateRoads()
	return t, nil
}

// Config returns the configuration with defaults filled in.
func (t *Traffic) Config() TrafficConfig { return t.cfg }

// Hurry returns the travel time from site to site, in per cent of the usual time. Below 100 the rate is more than the
// vehicles can drive: read order and truth stay right, but a vehicle is back at a site sooner than in life. Below about
// 10 a vehicle may be back within a passage window; give the city more vehicles.
func (t *Traffic) Hurry() int { return int(t.hurry / 10_000) }

// Truth returns the truth about the reads so far. Next updates it.
func (t *Traffic) Truth() *Truth { return t.truth }

// Due returns when the next read is due after the start.
func (t *Traffic) Due() time.Duration { return t.clock.nextDue() }

// populateRoads puts as many cars on the roads as the rate needs, each somewhere on its way.
func (t *Traffic) populateRoads() {
	var roads int64
	for i := range t.city.sites {
		for _, e := range t.city.sites[i].roads {
			t.leg += e.travel
			roads++
		}
	}
	t.leg /= max(roads, 1)
	density := int64(t.cfg.Rate) * million / int64(t.cfg.Compress) // micro-reads per traffic second
	if t.cfg.Profile == RushHour {
		density = density * hourlyPeak / 1000
	}
	passings := density * 1000 / t.readsPerPassing()
	needed := max(passings/1000*(t.leg/1000), 1) / 1000 // thousandths of a car
	cars := min(max(needed/1000, 8), int64(len(t.city.vehicles))/2)
	t.hurry = max(cars*1000*million/max(needed, 1), 1)
	t.leg = max(t.leg*t.hurry/million, 1)
	t.cycle = t.leg * meanLegs
	t.cars = make([]car, cars)
	for i := range t.cars {
		t.startJourney(uint32(i))
		t.cars[i].legs = uint8(t.r.IntN(2 * meanLegs))
		t.q.pushWaiting(waiting{t.r.Int64N(t.leg + t.restTime() + 1), waitCar, uint32(i)})
	}
}

// readsPerPassing estimates, per mille, how many reads one passing gives.
func (t *Traffic) readsPerPassing() int64 {
	var sum, sites int64
	for i := range t.city.sites {
		s := &t.city.sites[i]
		switch {
		case len(s.roads) == 0:
			continue
		case len(s.cameras) > 1:
			sum += 1000 + int64(len(s.cameras)-1)*seesToo*10
		case t.city.cameras[s.cameras[0]].Kind == schemas.CameraFixed:
			sum += 1000 + twice*10
		default:
			sum += 1000
		}
		sites++
	}
	mean := sum / max(sites, 1)
	mean += mean * int64(t.noise.Retransmitted) / million
	return mean + int64(t.noise.Parked)*t.noise.ParkedFor.Microseconds()/2/(4*int64(schemas.Second))*1000/million
}

// restTime returns the rest of a car after a journey: at night longer than at the peak.
func (t *Traffic) restTime() int64 {
	if t.cfg.Profile == Flat {
		return 0
	}
	return t.cycle * (hourlyPeak - t.clock.weight) / t.clock.weight
}

// startJourney starts a journey of another vehicle at a random site.
func (t *Traffic) startJourney(i uint32) {
	c := &t.cars[i]
	*c = car{vehicle: t.pickVehicle(), legs: uint8(1 + t.r.IntN(2*meanLegs-1))}
	t.rested[c.vehicle] = math.MaxInt64
	for {
		c.site = uint16(t.r.IntN(len(t.city.sites)))
		if len(t.city.sites[c.site].roads) > 0 && !t.heedsSign(c, c.site) {
			return
		}
	}
}

func (t *Traffic) pickVehicle() uint32 {
	if n := len(t.city.drivers); n > 0 && t.r.IntN(million) < t.cfg.ListedShare {
		if v := t.city.drivers[t.r.IntN(n)]; t.rested[v] <= t.at {
			return v
		}
	}
	for {
		if v := uint32(t.r.IntN(len(t.rested))); t.rested[v] <= t.at {
			return v
		}
	}
}

// driveOn sends the car to its next site, or ends the journey and starts another vehicle's.
func (t *Traffic) driveOn(i uint32, stay int64) {
	c := &t.cars[i]
	c.past[c.n%8] = c.site + 1
	c.n++
	if c.legs > 0 {
		if e := t.pickRoad(c); e != nil {
			c.legs--
			c.site = e.to
			travel := e.travel * t.hurry / million
			t.q.pushWaiting(waiting{t.at + stay + travel*3/4 + t.r.Int64N(travel/2+1), waitCar, i})
			return
		}
	}
	t.rested[c.vehicle] = t.at + stay + 2*t.leg
	pause := t.leg + t.restTime()
	t.startJourney(i)
	t.q.pushWaiting(waiting{t.at + stay + pause/2 + t.r.Int64N(pause+1), waitCar, i})
}

// pickRoad returns a road to a site that the car has not just passed; nil when there is none.
func (t *Traffic) pickRoad(c *car) *road {
	roads := t.city.sites[c.site].roads
	from := t.r.IntN(len(roads))
	for k := range roads {
		e := &roads[(from+k)%len(roads)]
		if !c.hasPassed(e.to) && !t.heedsSign(c, e.to) {
			return e
		}
	}
	return nil
}

func (c *car) hasPassed(site uint16) bool {
	for _, s := range c.past {
		if s == site+1 {
			return true
		}
	}
	return false
}
