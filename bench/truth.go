package bench

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Truth is what a load held and what a correct pipeline must make of it. It counts what was generated, so after a [Run] that
// could not send everything it says more than was sent. Passings are judged after their last read; [Traffic.Finish] judges the rest.
type Truth struct {
	Produced        uint64 `json:"produced"`
	Unique          uint64 `json:"unique"` // accepted reads with an id of their own
	Retransmissions uint64 `json:"retransmissions"`
	ParkedRepeats   uint64 `json:"parked_repeats"` // of Unique: reads of a parked vehicle after its first
	Rejected        uint64 `json:"rejected"`
	Confused        uint64 `json:"confused"`     // of Unique
	LateUploads     uint64 `json:"late_uploads"` // of Produced
	NoCountry       uint64 `json:"no_country"`   // of Produced
	Passings        uint64 `json:"passings"`     // judged, with at least one accepted read
	Measured        uint64 `json:"measured"`     // of Passings, with a speed by a camera with a certificate

	kinds  [kinds]uint64
	city   *City
	hits   []ExpectedHit
	speeds []ExpectedSpeed
	days   []lezDay
	visits map[place][]visit // of lookalikes
}

// ExpectedHit is a listed plate that passed a site.
type ExpectedHit struct {
	List, Entry, Site string
	Match             schemas.Match
	At                schemas.Micros // capture time of the first read that matches
}

// ExpectedSpeed is a measurement that must become an offence. Speeds in tenths of km/h.
type ExpectedSpeed struct {
	Read                       schemas.ReadID
	Camera                     string
	Class                      schemas.Class
	At                         schemas.Micros
	Measured, Corrected, Limit schemas.Speed
	vehicle                    uint32
	plate                      schemas.Plate // as it was read
}

// ExpectedLEZ is a confusion class that must, or may, have one row in the LEZ family for a Brussels day.
type ExpectedLEZ struct {
	Class schemas.Class
	Day   schemas.Day
	Must  bool // false: a row is right and no row is right, see README.md
}

type lezDay struct {
	day   schemas.Day
	state []lezVerdict // per vehicle
}

func newTruth(c *City) *Truth { return &Truth{city: c, visits: map[place][]visit{}} }

// count counts one read sent.
func (h *Truth) count(s *shot) {
	h.Produced++
	h.kinds[s.kind]++
	h.LateUploads += uint64(count(s.late))
	h.NoCountry += uint64(count(s.noCountry && s.kind != Malformed))
	switch {
	case rejects[s.kind] != schemas.ReasonNone:
		h.Rejected++
	case s.kind == Retransmission:
		h.Retransmissions++
	default:
		h.Unique++
		h.ParkedRepeats += uint64(count(s.kind == ParkedRepeat))
		h.Confused += uint64(count(s.kind == Confused))
	}
}

// Rejects counts the reads that must be rejected, by reason.
func (h *Truth) Rejects() map[schemas.Reason]uint64 {
	out := map[schemas.Reason]uint64{}
	for k, n := range h.kinds {
		if r := rejects[k]; r != schemas.ReasonNone && n > 0 {
			out[r] += n
		}
	}
	return out
}

// Hits returns the expected hits so far, in the order they must fire.
func (h *Truth) Hits() []ExpectedHit { return h.hits }

// Speeds returns the expected speed offences of the passings whose last read was sent.
func (h *Truth) Speeds() []ExpectedSpeed { return h.speeds }

// LEZ returns the expected LEZ rows of the passings whose last read was sent, by day and class. It is empty for days outside the slice
// of the law the oracle knows; LEZKnown says which those are.
func (h *Truth) LEZ() []ExpectedLEZ {
	var out []ExpectedLEZ
	for _, d := range h.days {
		byClass := map[schemas.Class]bool{}
		for i, v := range d.state {
			if v != lezClear {
				k := h.city.vehicles[i].plate.Class()
				byClass[k] = byClass[k] || v >= lezHeld
			}
		}
		from := len(out)
		for k, must := range byClass {
			out = append(out, ExpectedLEZ{k, d.day, must})
		}
		slices.SortFunc(out[from:], func(a, b ExpectedLEZ) int { return compareClass(a.Class, b.Class) })
	}
	return out
}

// LEZKnown reports whether the oracle knows the LEZ rules of the day.
func LEZKnown(day schemas.Day) bool { return day >= lezKnownFrom && day < lezKnownTo }

func compareClass(a, b schemas.Class) int {
	var x, y [schemas.MaxPlate]byte
	return slices.Compare(a.AppendTo(x[:0]), b.AppendTo(y[:0]))
}

// settle puts a sent read to its passing and judges the passing after its last read.
func (t *Traffic) settle(s *shot) {
	p := t.passings.at(s.passing)
	p.left--
	if rejects[s.kind] == schemas.ReasonNone {
		p.take(s)
		if t.city.decidesLEZ(s) {
			p.inZone = s.captured
		}
		t.expectHits(p, s)
	}
	if p.left == 0 {
		t.judge(p)
		t.passings.release(s.passing)
	}
}

// Finish judges the passings whose last read has not been sent, with the reads that were: the pipeline decides them too when nothing
// more comes. Call it once, after the last Next.
func (t *Traffic) Finish() *Truth {
	for i := range t.passings.cells {
		if p := &t.passings.cells[i]; p.left > 0 {
			t.judge(p)
		}
	}
	return t.truth
}

func (p *passing) take(s *shot) {
	if !p.accepted || s.sure > p.best.sure {
		p.best = *s
	}
	p.accepted = true
	p.unclean = p.unclean || s.kind == Confused || s.noCountry
	if s.speed > 0 && (!p.timed || s.speed < p.measured.speed) {
		p.measured, p.timed = *s, true
	}
}

func (t *Traffic) expectHits(p *passing, s *shot) {
	v := &t.city.vehicles[p.vehicle]
	cam := &t.city.cameras[s.camera]
	if p.last != 0 && s.captured-p.last > onePassage {
		p.hits = 0
	}
	p.last = s.captured
	if v.listed == 0 || !cam.Purposes.Has(schemas.PurposeHotlist) {
		return
	}
	for k, i := range t.city.listed[v.listed-1].entries {
		e := &t.city.entries[i]
		m := met(e, s.plate, s.captured)
		bit := uint64(m) << (2 * (k % 32))
		if m == 0 || p.hits&bit != 0 {
			continue
		}
		p.hits |= bit
		t.truth.hits = append(t.truth.hits, ExpectedHit{e.List, e.ID, cam.Site, m, s.captured})
	}
}

func (t *Traffic) judge(p *passing) {
	if !p.accepted {
		return
	}
	t.truth.Passings++
	t.judgeLEZ(p)
	if !p.timed || p.parked {
		return
	}
	s := &p.measured
	cam := &t.city.cameras[s.camera]
	t.truth.Measured += uint64(count(cam.CertificateAt(s.captured) != nil))
	corrected, limit, is := speeding(cam, s, t.city.vehicles[p.vehicle].category)
	if !is {
		return
	}
	ev := Event{Kind: s.kind, shot: *s, t: t}
	t.truth.speeds = append(t.truth.speeds, ExpectedSpeed{ev.ReadID(), cam.ID, s.plate.Class(), s.captured, schemas.Speed(s.speed), corrected, limit, p.vehicle, s.plate})
}

// decidesLEZ reports whether a read there is one of the zone.
func (c *City) decidesLEZ(s *shot) bool {
	cam := &c.cameras[s.camera]
	lane := cam.Lane(s.lane, s.direction)
	return cam.InsideLEZ && cam.Purposes.Has(schemas.PurposeLEZ) && lane != nil && !lane.LEZExcluded
}

// judgeLEZ expects a row when the passing's best read is one of the zone. Another read of the passing may be decided by itself, when a backlog parted
// it from the others: then a row is right, and none is.
func (t *Traffic) judgeLEZ(p *passing) {
	s := &p.best
	at, must := s.captured, t.city.decidesLEZ(s)
	if !must {
		at = p.inZone
	}
	day := at.Day()
	if at == 0 || !LEZKnown(day) {
		return
	}
	verdict := t.city.lezOf(&t.city.vehicles[p.vehicle], at)
	if p.unclean || p.parked || !must && verdict != lezClear {
		verdict = lezMay
	}
	if verdict == lezClear {
		return
	}
	state := t.truth.stateOf(day)
	state[p.vehicle] = max(state[p.vehicle], verdict)
}

func (h *Truth) stateOf(day schemas.Day) []lezVerdict {
	for _, d := range slices.Backward(h.days) {
		if d.day == day {
			return d.state
		}
	}
	h.days = append(h.days, lezDay{day, make([]lezVerdict, len(h.city.vehicles))})
	return h.days[len(h.days)-1].state
}
