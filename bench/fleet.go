package bench

import (
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// vehicleFlags is a set of facts about a vehicle.
type vehicleFlags uint8

const (
	inRegister  vehicleFlags = 1 << iota // its register has a row for the plate
	oldtimer                             // registered as an old-timer
	exempt                               // LEZ exemption valid on the day
	dayPass                              // LEZ day pass for the day
	registered                           // foreign LEZ registration valid on the day
	parksInView                          // may stand in a camera's view; never a listed vehicle
	lookalike                            // its plate may be taken for another vehicle's
	earlyPass                            // LEZ day pass for the day before, valid until 06:00 on the day
)

// vehicle is a plate with its vehicle during the day.
type vehicle struct {
	plate             schemas.Plate
	firstRegistration schemas.Day
	validFrom         schemas.Day
	listed            uint32 // 1 + index in City.listed; 0 = not listed
	country           uint8  // index in countries
	category          schemas.Category
	fuel              schemas.Fuel
	euro              schemas.Euro
	flags             vehicleFlags
	make              uint8
	colour            uint8
}

// n1Class returns an N1 vehicle's class; for about a quarter the register has none.
func (v *vehicle) n1Class() schemas.N1Class {
	if v.category != schemas.N1 {
		return schemas.N1ClassUnknown
	}
	sum := 0
	for i := range v.plate.Len() {
		sum += int(v.plate.At(i))
	}
	return schemas.N1Class(sum % 4)
}

// earlierVehicle is a former vehicle of a plate: a Belgian plate follows the person.
type earlierVehicle struct {
	vehicle   uint32
	validFrom schemas.Day
	validTo   schemas.Day
	fuel      schemas.Fuel
	euro      schemas.Euro
}

// hasRegister reports whether the city's reference data has a register of the vehicle's country.
func (v *vehicle) hasRegister() bool { return v.country == belgium || v.country == netherlands }

var (
	makes   = [...]string{"Volkswagen", "Peugeot", "Renault", "BMW", "Mercedes-Benz", "Toyota", "Audi", "Ford", "Opel", "Citroen", "Dacia", "Skoda", "Volvo", "Tesla", "Kia", "Hyundai"}
	colours = [...]string{"black", "white", "grey", "blue", "silver", "red", "green", "brown"}
)

func (c *City) buildFleet(r *rand.Rand) {
	c.vehicles = make([]vehicle, c.cfg.Vehicles)
	taken := make(map[schemas.Plate]struct{}, c.cfg.Vehicles)
	for i := range c.vehicles {
		v := &c.vehicles[i]
		u := drawNumber(r, v, taken)
		v.make, v.colour = uint8(r.IntN(len(makes))), uint8(r.IntN(len(colours)))
		v.drawKind(r, u)
		v.drawEngine(r, u)
		v.drawDates(r, c.day)
		if r.IntN(1000) >= 4 {
			v.flags |= inRegister
		}
		if v.country == belgium && u == anyCar && r.IntN(100) < 2 {
			cut := c.day.AddMonths(-1 - r.IntN(24))
			c.earlier = append(c.earlier, earlierVehicle{uint32(i), cut.AddMonths(-60), cut, schemas.Diesel, schemas.Euro5})
			v.validFrom = cut
		}
	}
}

// drawNumber gives the vehicle a country and a plate that no other vehicle has.
func drawNumber(r *rand.Rand, v *vehicle, taken map[schemas.Plate]struct{}) use {
	if r.IntN(100) < foreignShare {
		n := r.IntN(100)
		for i, w := range foreignWeights {
			if n -= w; n < 0 {
				v.country = uint8(i + 1)
				break
			}
		}
	}
	from := belgian[:]
	if v.country != belgium {
		from = foreign[v.country-1]
	}
	for {
		s := drawSeries(r, from)
		p := drawPlate(r, s.form)
		if _, ok := taken[p]; !ok {
			taken[p] = struct{}{}
			v.plate = p
			return s.use
		}
	}
}

func (v *vehicle) drawKind(r *rand.Rand, u use) {
	n := r.IntN(1000)
	switch {
	case u == motorcycle:
		v.category = schemas.L3
	case u == tractor:
		v.category = schemas.T
	case u == taxi || u == veteran || n < 850:
		v.category = schemas.M1
	case n < 965:
		v.category = schemas.N1
	case n < 970:
		v.category = schemas.M2
	case n < 980:
		v.category = schemas.M3
	case n < 990:
		v.category = schemas.N2
	default:
		v.category = schemas.N3
	}
}

// drawEngine draws fuel and norm. About three vehicles in a hundred are below the norm of 2026: diesel below Euro 6,
// petrol and gas below Euro 3.
func (v *vehicle) drawEngine(r *rand.Rand, u use) {
	n := r.IntN(1000)
	switch v.category {
	case schemas.M1:
		v.fuel = pickByBound(n, []int{520, 770, 780, 785, 999}, []schemas.Fuel{schemas.Petrol, schemas.Diesel, schemas.LPG, schemas.CNG, schemas.Electric}, schemas.Hydrogen)
	case schemas.N1, schemas.M2:
		v.fuel = pickByBound(n, []int{790, 880, 900}, []schemas.Fuel{schemas.Diesel, schemas.Petrol, schemas.CNG}, schemas.Electric)
	case schemas.L3:
		v.fuel = pickByBound(n, []int{930}, []schemas.Fuel{schemas.Petrol}, schemas.Electric)
	default:
		v.fuel = pickByBound(n, []int{900, 950}, []schemas.Fuel{schemas.Diesel, schemas.CNG}, schemas.Electric)
	}
	if u == veteran {
		v.fuel, v.euro = schemas.Petrol, schemas.EuroNone
		v.flags |= oldtimer
		return
	}
	n = r.IntN(1000)
	norms := []schemas.Euro{schemas.Euro6, schemas.Euro6dTemp, schemas.Euro6d}
	switch {
	case v.category == schemas.N2 || v.category == schemas.N3 || v.category == schemas.M3 || v.category == schemas.T:
		v.euro = schemas.Euro6
	case v.category == schemas.L3:
		v.euro = pickByBound(n, []int{100, 400}, []schemas.Euro{schemas.Euro3, schemas.Euro4}, schemas.Euro5)
	case v.fuel == schemas.Diesel:
		v.euro = pickByBound(n, []int{8, 25, 80, 560, 720}, append([]schemas.Euro{schemas.Euro3, schemas.Euro4, schemas.Euro5}, norms...), schemas.Euro6d)
	case v.fuel == schemas.Electric || v.fuel == schemas.Hydrogen:
		v.euro = schemas.EuroUnknown
	default:
		v.euro = pickByBound(n, []int{3, 9, 40, 150, 330, 640, 760}, append([]schemas.Euro{schemas.Euro1, schemas.Euro2, schemas.Euro3, schemas.Euro4, schemas.Euro5}, norms...), schemas.Euro6d)
	}
	if v.category == schemas.M1 && v.euro < schemas.Euro6 && v.euro > schemas.EuroNone && r.IntN(1000) < 60 {
		v.euro = schemas.EuroUnknown // the register lost it: the first registration has to do
	}
}

// pickByBound returns the value of the first bound above n, or the last value.
func pickByBound[T any](n int, bounds []int, values []T, last T) T {
	for i, b := range bounds {
		if n < b {
			return values[i]
		}
	}
	return last
}

// years gives the first and last year for first registrations in a norm.
var years = [...][2]int{
	schemas.EuroUnknown: {1997, 2012}, schemas.EuroNone: {1965, 1993}, schemas.Euro1: {1993, 1996}, schemas.Euro2: {1997, 2000},
	schemas.Euro3: {2001, 2005}, schemas.Euro4: {2006, 2010}, schemas.Euro5: {2011, 2015}, schemas.Euro6: {2016, 2019},
	schemas.Euro6dTemp: {2019, 2020}, schemas.Euro6d: {2021, 2025},
}

func (v *vehicle) drawDates(r *rand.Rand, day schemas.Day) {
	y := years[v.euro]
	if v.fuel == schemas.Electric || v.fuel == schemas.Hydrogen {
		y = [2]int{2016, 2025}
	}
	first := schemas.DayOf(y[0]+r.IntN(y[1]-y[0]+1), 1, 1) + schemas.Day(r.IntN(360))
	if first == 0 {
		first++ // 1970-01-01 means "not in the register"
	}
	v.firstRegistration = min(first, day-60)
	v.validFrom = max(v.firstRegistration, min(schemas.DayOf(2010, 11, 16)+schemas.Day(r.IntN(4000)), day-30))
}
