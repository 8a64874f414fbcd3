package bench

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	kindLEZ    = "lez"
	purposeLEZ = schemas.CameraPurpose(1 << 0)
)

// lezOracle keeps the expected result of each vehicle in the low emission zone, by day.
type lezOracle struct {
	days []lezDay
}

// ExpectedLEZ is a confusion class that must, or may, have one row in the LEZ family for a Brussels day.
type ExpectedLEZ struct {
	Class schemas.Class
	Day   schemas.Day
	Must  bool // false: a row is right and no row is right, see README.md
}

type lezDay struct {
	day   schemas.Day
	state []lezExpectation // per vehicle
}

// LEZ returns the expected LEZ rows for passings with their last read sent, by day and class. Days outside the
// oracle's slice of the law have no rows; see LEZKnown.
func (h *Truth) LEZ() []ExpectedLEZ {
	var out []ExpectedLEZ
	for _, d := range oracleIn[*lezOracle](h).days {
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

func (*lezOracle) kindName() string                               { return kindLEZ }
func (*lezOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeLEZ, "lez" }

// addRead implements [oracle].
func (*lezOracle) addRead(t *Traffic, p *passing, s *plannedRead) {
	if t.city.decidesLEZ(s) {
		p.inZone = s.captured
	}
}

// The slice of the LEZ the oracle knows: from the day fines for diesel below Euro 6 (minibuses and vans of class II
// and III: Euro 5) and petrol, LPG and CNG below Euro 3 started, to the day before the steps announced for 2028
// (DOMAIN 1.2, 1.3).
var (
	lezKnownFrom = schemas.DayOf(2026, 7, 1)
	lezKnownTo   = schemas.DayOf(2028, 1, 1)
)

// lezExpectation is the expected result of a clean passing inside the zone.
type lezExpectation uint8

const (
	lezClear lezExpectation = iota
	lezMay                  // a row is right and no row is right: the sources do not decide it, or the read was not clean
	lezHeld                 // a row that is held: the registers do not answer, or a foreign vehicle may still register
	lezFine                 // a row: below the norm and without an excuse
)

// passEnds is the hour on the next day when a day pass ends.
const passEnds = 6

// belowNorm reports whether the vehicle is below the norm of the known slice, or may be because the register does not
// have its class.
func belowNorm(v *vehicle) bool {
	if v.euro == schemas.EuroUnknown {
		return false
	}
	switch v.fuel {
	case schemas.Diesel:
		if c := v.n1Class(); v.category == schemas.M2 || c == schemas.N1Class2 || c == schemas.N1Class3 {
			return v.euro < schemas.Euro5
		}
		return v.euro < schemas.Euro6
	case schemas.Petrol, schemas.LPG, schemas.CNG:
		return v.euro < schemas.Euro3
	default:
		return false
	}
}

// judgeVehicle returns the expected result of a vehicle at a time. Permits are known for the city's day only: on
// another day a vehicle with a permit is undecided.
func (c *City) judgeVehicle(v *vehicle, at schemas.Micros) lezExpectation {
	day := at.Day()
	if v.flags&(exempt|dayPass|earlyPass|registered) != 0 && day != c.day {
		return lezMay
	}
	passed := v.flags&dayPass != 0 || v.flags&earlyPass != 0 && at.Local().Hour() < passEnds
	if !v.hasRegister() {
		if v.flags&registered != 0 {
			return lezMay // registered, and the vehicle is in no register
		}
		if v.category == schemas.M1 || v.category == schemas.N1 {
			return lezHeld // five days to register from abroad
		}
		return lezMay
	}
	if v.flags&inRegister == 0 {
		if v.flags&exempt != 0 || passed {
			return lezMay
		}
		return lezHeld
	}
	switch {
	case v.fuel == schemas.Electric || v.fuel == schemas.Hydrogen || v.flags&exempt != 0 || passed:
		return lezClear
	case v.flags&oldtimer != 0:
		if day-v.firstRegistration > 31*366 {
			return lezClear
		}
		return lezMay
	case v.euro == schemas.EuroUnknown || v.category != schemas.M1 && v.category != schemas.N1 && belowNorm(v):
		return lezMay
	case belowNorm(v):
		return lezFine
	default:
		return lezClear
	}
}

// decidesLEZ reports whether the read's camera and lane lie in the zone and may be used for LEZ.
func (c *City) decidesLEZ(s *plannedRead) bool {
	cam := &c.cameras[s.camera]
	lane := cam.Lane(s.lane, s.direction)
	return cam.InsideLEZ && cam.Purposes.Has(purposeLEZ) && lane != nil && !lane.LEZExcluded
}

// expectResults notes a row when the best read of the passing lies in the zone. A backlog may part another read of the
// passing from the best read: then the row is optional.
func (o *lezOracle) expectResults(t *Traffic, p *passing) {
	s := &p.best
	at, must := s.captured, t.city.decidesLEZ(s)
	if !must {
		at = p.inZone
	}
	day := at.Day()
	if at == 0 || !LEZKnown(day) {
		return
	}
	verdict := t.city.judgeVehicle(&t.city.vehicles[p.vehicle], at)
	if p.unclean || p.parked || !must && verdict != lezClear {
		verdict = lezMay
	}
	if verdict == lezClear {
		return
	}
	state := o.dayState(t.city, day)
	state[p.vehicle] = max(state[p.vehicle], verdict)
}

func (o *lezOracle) dayState(c *City, day schemas.Day) []lezExpectation {
	for _, d := range slices.Backward(o.days) {
		if d.day == day {
			return d.state
		}
	}
	o.days = append(o.days, lezDay{day, make([]lezExpectation, len(c.vehicles))})
	return o.days[len(o.days)-1].state
}

// compareResults implements [oracle].
func (o *lezOracle) compareResults(h *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	want := map[rowOfDay]bool{}
	for _, x := range h.LEZ() {
		want[rowOfDay{x.Class, x.Day}] = x.Must
	}
	r.compareDays(kindLEZ, want, got, LEZKnown)
}
