package bench

import "github.com/gvc-brussels/anpr/schemas"

// This file is the independent oracle: it says what a correct pipeline must find, from what the generator knows, with
// integers, and without package rules. It covers one dated slice of the law on purpose, and says so outside it.

// The slice of the LEZ the oracle knows: from the day fines for diesel below Euro 6 (minibuses and vans of class II and III: Euro 5)
// and petrol, LPG and CNG below Euro 3 started, to the day before the steps announced for 2028 (DOMAIN 1.2, 1.3).
var (
	lezKnownFrom = schemas.DayOf(2026, 7, 1)
	lezKnownTo   = schemas.DayOf(2028, 1, 1)
)

// lezVerdict is what a clean passing of a vehicle inside the zone must lead to.
type lezVerdict uint8

const (
	lezClear lezVerdict = iota
	lezMay              // a row is right and no row is right: the sources do not decide it, or the read was not clean
	lezHeld             // a row that is held: the registers do not answer, or a foreign vehicle may still register
	lezFine             // a row: below the norm and nothing that excuses it
)

// passEnds is the hour of the next day at which a day pass ends.
const passEnds = 6

// belowNorm reports whether the vehicle is below the norm of the known slice, or may be because the register does not have its class.
func belowNorm(v *vehicle) bool {
	if v.euro == schemas.EuroUnknown {
		return false
	}
	switch v.fuel {
	case schemas.Diesel:
		if c := v.class(); v.category == schemas.M2 || c == schemas.N1Class2 || c == schemas.N1Class3 {
			return v.euro < schemas.Euro5
		}
		return v.euro < schemas.Euro6
	case schemas.Petrol, schemas.LPG, schemas.CNG:
		return v.euro < schemas.Euro3
	default:
		return false
	}
}

// lezOf judges a vehicle at a time. The papers are those of the city's day, so on another day a vehicle they matter for is
// undecided.
func (c *City) lezOf(v *vehicle, at schemas.Micros) lezVerdict {
	day := at.Day()
	if v.flags&(exempt|dayPass|earlyPass|registered) != 0 && day != c.day {
		return lezMay
	}
	passed := v.flags&dayPass != 0 || v.flags&earlyPass != 0 && at.Local().Hour() < passEnds
	if !v.hasRegister() {
		if v.flags&registered != 0 {
			return lezMay // registered, and no register says on what
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

// correct takes the technical margin off a measured speed: 6 km/h up to 100 km/h, 6 per cent above (RD 12/10/2010, annex 2,
// art. 5.2), and rounds down to whole km/h, for the driver. Tenths of km/h.
func correct(measured schemas.Speed) schemas.Speed {
	c := measured - 60
	if measured > 1000 {
		c = measured * 94 / 100
	}
	return max(c, 0) / 10 * 10
}

// heavyLimit is what vehicles above 3.5 t may drive on motorways (road code art. 11.2). Coaches may drive 100 when belts, limiter and sign allow it, which no
// register says: an excess of 90 is a row too, a held one. So is that of a lorry or coach that no register knows, which the camera saw.
const heavyLimit = schemas.Speed(900)

// limitFor returns what a vehicle of the category may drive in a lane at a time, 0 when no limit is known.
func limitFor(cam *schemas.Camera, lane uint8, d schemas.Direction, at schemas.Micros, c schemas.Category) schemas.Speed {
	limit, surround := limitAt(cam, lane, d, at)
	heavy := c == schemas.N2 || c == schemas.N3 || c == schemas.M2 || c == schemas.M3
	if heavy && surround == "motorway" {
		limit = min(limit, heavyLimit)
	}
	return limit
}

// limitAt returns the limit of a lane at a time and its surroundings, 0 when none is known.
func limitAt(cam *schemas.Camera, lane uint8, d schemas.Direction, at schemas.Micros) (schemas.Speed, string) {
	l := cam.Lane(lane, d)
	if l == nil {
		return 0, ""
	}
	for i := range l.Limits {
		if x := &l.Limits[i]; at >= x.ValidFrom && (x.ValidTo == 0 || at < x.ValidTo) {
			return x.Limit, x.Surround
		}
	}
	return 0, ""
}

// speeding judges one measurement: the corrected speed and the limit, and whether it must become an offence.
func speeding(cam *schemas.Camera, s *shot, c schemas.Category) (corrected, limit schemas.Speed, is bool) {
	if !cam.Purposes.Has(schemas.PurposeSpeed) || s.speed == 0 || cam.CertificateAt(s.captured) == nil {
		return 0, 0, false
	}
	limit = limitFor(cam, s.lane, s.direction, s.captured, c)
	corrected = correct(schemas.Speed(s.speed))
	return corrected, limit, limit != 0 && corrected > limit
}

// met says how a plate as read meets a list entry at a time; 0 = not at all.
func met(e *schemas.ListEntry, p schemas.Plate, at schemas.Micros) schemas.Match {
	switch {
	case at < e.ValidFrom || e.ValidTo != 0 && at >= e.ValidTo:
		return 0
	case e.Plate == p:
		return schemas.MatchExact
	case e.Confusable:
		return schemas.MatchConfusable
	default:
		return 0
	}
}
