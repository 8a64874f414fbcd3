package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// YearConfig sizes a year of stored reads. Zero fields mean the defaults.
type YearConfig struct {
	Seed uint64
	End  schemas.Micros // the last day is the UTC day before this instant's; required
	Days int            // default 364: surely within a retention of 12 months, leap year or not
	Rows uint64         // over all days; default 365,000,000: 200 cameras x 5,000 a day x 365 days
}

// Defaults for a year.
const (
	YearRows = 365_000_000
	YearDays = 364
)

func (c *YearConfig) setDefaults() error {
	if c.Days == 0 {
		c.Days = YearDays
	}
	if c.Rows == 0 {
		c.Rows = YearRows
	}
	switch {
	case c.End == 0:
		return errors.New("year: End is not set: name the day the year ends before")
	case c.Days < 1 || c.Days > 366:
		return fmt.Errorf("year: %d days: want 1 to 366", c.Days)
	case c.Rows < uint64(c.Days) || c.Rows/uint64(c.Days) > 20_000_000:
		return fmt.Errorf("year: %d rows in %d days: want 1 to 20,000,000 a day", c.Rows, c.Days)
	}
	return nil
}

// Year is the reads stored by a city's pipeline in a year, after decode, normalise and dedup: no rejects, no repeats.
// Each day is made by itself, so a load may start at any day. Vehicles are seen as unequally as in life: a tenth makes
// three fifths of the journeys, the busiest about a dozen a day, half about two a year; misreads ([UsualNoise]) add
// plates seen once. A Year belongs to one goroutine.
type Year struct {
	city  *City
	cfg   YearConfig
	hours [24]int64 // journeys started up to the end of each hour, per 24,000
	reads []plannedRead
	order []uint32
	count []uint32
	ids   []schemas.PassageID // the day's passings
	t     *Traffic            // only its random stream and its ways to write a read are used, not its clock
}

// Year makes the configured year.
func (c *City) Year(cfg YearConfig) (*Year, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	y := &Year{city: c, cfg: cfg, t: &Traffic{city: c, noise: *UsualNoise(), seqs: make([]uint32, len(c.cameras))}}
	y.t.noise.OutageFor = 0
	sum := int64(0)
	for h, w := range hourly {
		sum += w
		y.hours[h] = sum
	}
	return y, nil
}

// Config returns the configuration with defaults filled in.
func (y *Year) Config() YearConfig { return y.cfg }

// First returns the number of the day's first read, the total of all earlier days' reads. Day Days gives the number of
// all reads.
func (y *Year) First(day int) uint64 {
	n, d := y.cfg.Rows, uint64(y.cfg.Days)
	return n/d*uint64(day) + n%d*uint64(day)/d
}

// Start returns the instant, midnight UTC, at which the day begins. Day 0 is the first.
func (y *Year) Start(day int) schemas.Micros {
	const length = 24 * schemas.Hour
	return y.cfg.End/length*length - schemas.Micros(y.cfg.Days-day)*length
}

// Stored is a read in a Year with the pipeline's stored facts.
type Stored struct {
	schemas.Read
	From    *schemas.Camera
	Passage schemas.PassageID
	Hits    []schemas.Hit // on the passage's first read only
}

// Day calls each for the day's reads in the order of the log, First(day+1) - First(day) times. The same day gives the
// same reads, whatever days were made before. The argument of each is reused.
func (y *Year) Day(day int, each func(*Stored)) {
	y.t.r = newRandom(y.cfg.Seed^y.city.cfg.Seed*0x9e3779b97f4a7c15, fmt.Sprint("year ", day))
	y.t.run = uint32(hashOf(fmt.Sprintf("%d %d year %d", y.city.cfg.Seed, y.cfg.Seed, y.Start(day))))
	clear(y.t.seqs)
	y.drawJourneys(day)
	y.sortReads(day)
	clear(y.ids)
	var s Stored
	for _, i := range y.order {
		y.fillStored(&s, &y.reads[i])
		each(&s)
	}
}

// drawJourneys makes journeys until they give the day's reads.
func (y *Year) drawJourneys(day int) {
	want := int(y.First(day+1) - y.First(day))
	start := y.Start(day)
	y.reads = y.reads[:0]
	passings := uint32(0)
	for len(y.reads) < want {
		c := car{vehicle: y.drawVehicle(), legs: uint8(1 + y.t.r.IntN(2*meanLegs-1)), site: y.t.drawStartSite()}
		at := int64(start) + y.drawStartTime()
		for at < int64(start+24*schemas.Hour-2*schemas.Second) {
			y.addPassing(&c, at, passings)
			passings++
			c.past[c.n%8] = c.site + 1
			c.n++
			e := y.t.pickRoad(&c)
			if c.legs == 0 || e == nil {
				break
			}
			c.legs--
			c.site = e.to
			at += e.travel*3/4 + y.t.r.Int64N(e.travel/2+1)
		}
	}
	y.reads = y.reads[:want]
	if int(passings) > len(y.ids) {
		y.ids = make([]schemas.PassageID, passings)
	}
}

// drawStartSite draws the first site of a journey among the sites with a road.
func (t *Traffic) drawStartSite() uint16 {
	for {
		if s := uint16(t.r.IntN(len(t.city.sites))); len(t.city.sites[s].roads) > 0 {
			return s
		}
	}
}

// drawVehicle draws a journey's vehicle.
func (y *Year) drawVehicle() uint32 {
	n := len(y.city.vehicles)
	r := y.t.r
	if r.IntN(1000) == 0 && len(y.city.drivers) > 0 {
		return y.city.drivers[r.IntN(len(y.city.drivers))]
	}
	switch part := r.IntN(10); {
	case part < 6: // within the first tenth, the k-th vehicle by the cube root of k
		return uint32(float64(n/10) * math.Pow(r.Float64(), 1.5))
	case part < 9:
		return uint32(n/10 + r.IntN(n/2-n/10))
	default:
		return uint32(n/2 + r.IntN(n-n/2))
	}
}

// drawStartTime draws a journey's start time in the day, in microseconds; the hours are Brussels hours in winter.
func (y *Year) drawStartTime() int64 {
	w := y.t.r.Int64N(y.hours[23])
	h := 0
	for y.hours[h] <= w {
		h++
	}
	return int64((h+23)%24)*int64(schemas.Hour) + y.t.r.Int64N(int64(schemas.Hour))
}

// addPassing adds a passing's reads.
func (y *Year) addPassing(c *car, at int64, passing uint32) {
	t, site := y.t, &y.city.sites[c.site]
	v := &y.city.vehicles[c.vehicle]
	speed := t.drawSpeed(site)
	for i, cam := range site.cameras {
		if i > 0 && t.r.IntN(100) >= seesToo {
			continue
		}
		s := plannedRead{plate: v.plate, vehicle: c.vehicle, passing: passing, captured: schemas.Micros(at)}
		t.aimCamera(&s, cam, speed)
		if t.drawChance(t.noise.Confused) {
			t.applyFault(&s, Confused, 0)
		}
		s.late = t.r.IntN(500) == 0
		y.reads = append(y.reads, s)
		at += int64(200*schemas.Millisecond) + t.r.Int64N(int64(800*schemas.Millisecond))
	}
}

// sortReads puts the reads into log order: by second, and within a second as drawn, so a passing's first read comes
// first.
func (y *Year) sortReads(day int) {
	const seconds = 24*3600 + 1
	if y.count == nil {
		y.count = make([]uint32, seconds+1)
	}
	clear(y.count)
	if cap(y.order) < len(y.reads) {
		y.order = make([]uint32, len(y.reads))
	}
	y.order = y.order[:len(y.reads)]
	start := y.Start(day)
	for i := range y.reads {
		y.count[(y.reads[i].captured-start)/schemas.Second+1]++
	}
	for i := 1; i < len(y.count); i++ {
		y.count[i] += y.count[i-1]
	}
	for i := range y.reads {
		k := &y.count[(y.reads[i].captured-start)/schemas.Second]
		y.order[*k] = uint32(i)
		*k++
	}
}

// fillStored fills out with the read as the pipeline stores it.
func (y *Year) fillStored(out *Stored, s *plannedRead) {
	t, v := y.t, &y.city.vehicles[s.vehicle]
	var eventBuf, rawBuf [64]byte
	event, raw := t.appendEventID(eventBuf[:0], s), t.appendPlate(rawBuf[:0], s)
	out.From = &y.city.cameras[s.camera]
	r := &out.Read
	r.Reset()
	r.Camera, r.EventID, r.RawPlate = out.From.ID, string(event), string(raw)
	r.CapturedAt = s.captured
	r.ReceivedAt = s.captured + 80*schemas.Millisecond + schemas.Micros(s.randomBits%1_200_000)
	if s.late {
		r.Flags = schemas.FlagLate | schemas.FlagLateUpload
		r.ReceivedAt += 10*schemas.Minute + schemas.Micros(s.randomBits%600)*schemas.Second
	}
	r.Format = "canonical"
	t.describeVehicle(r, s)
	if s.plate != v.plate {
		r.Alternatives = append(r.Alternatives,
			schemas.Alternative{Plate: s.plate.String(), Confidence: schemas.PerMille(s.confidence)},
			schemas.Alternative{Plate: v.plate.String(), Confidence: schemas.PerMille(s.confidence - 60)})
	}
	r.ID = schemas.NewReadID(r)
	r.Plate, r.Class = s.plate, s.plate.Class()
	out.Hits = out.Hits[:0]
	id := &y.ids[s.passing]
	if id.IsZero() {
		*id = schemas.PassageIDOf(r.ID)
		y.addHits(out, v, *id)
	}
	out.Passage = *id
}

// addHits appends a hit for each list entry that the read matches. The lists of the city's day count as valid all year.
func (y *Year) addHits(out *Stored, v *vehicle, p schemas.PassageID) {
	if v.listed == 0 {
		return
	}
	for _, i := range y.city.listed[v.listed-1].entries {
		e := &y.city.entries[i]
		match := schemas.MatchExact
		if e.Plate != out.Plate {
			match = schemas.MatchConfusable
		}
		if match == schemas.MatchExact || e.Confusable {
			out.Hits = append(out.Hits, schemas.Hit{ID: schemas.NewHitID(e.List, e.ID, p, match), Passage: p, Match: match, Entry: e, ReferenceVersion: "generated"})
		}
	}
}

// Sample draws n vehicles as often as they drive, for look-ups with existing plates.
func (y *Year) Sample(seed uint64, n int) []schemas.Plate {
	y.t.r = rand.New(rand.NewPCG(seed, hashOf("sample"))) //nolint:gosec // repeatable on purpose
	out := make([]schemas.Plate, n)
	for i := range out {
		out[i] = y.city.vehicles[y.drawVehicle()].plate
	}
	return out
}
