package bench

import (
	"fmt"
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// permits are the documents of the LEZ: exemptions, day passes and registrations from abroad.
type permits struct {
	exemptions    []exemption
	passes        []dayPermit
	registrations []registration
}

type exemption struct {
	vehicle   uint32
	kind, ref string
	from, to  schemas.Day
}

type dayPermit struct {
	vehicle uint32
	day     schemas.Day
}

type registration struct {
	vehicle  uint32
	from, to schemas.Day
}

func (c *City) buildPermits(r *rand.Rand) {
	for i := range c.vehicles {
		v := &c.vehicles[i]
		switch {
		case v.country == belgium && belowNorm(v) && v.flags&oldtimer == 0:
			c.drawReprieve(r, uint32(i))
		case v.country == belgium && r.IntN(2000) == 0: // exempt without need
			c.addExemption(r, uint32(i), c.day.AddMonths(-6), 0)
		case !v.hasRegister():
			c.drawRegistration(r, uint32(i))
		}
	}
}

// drawReprieve gives some of the vehicles below the norm an exemption or a pass, valid or just run out.
func (c *City) drawReprieve(r *rand.Rand, i uint32) {
	switch n := r.IntN(100); {
	case n < 12:
		c.addExemption(r, i, c.day.AddMonths(-12), c.day.AddMonths(48))
	case n < 15:
		c.addExemption(r, i, c.day.AddMonths(-60), c.day-schemas.Day(r.IntN(3))) // ended yesterday: valid_to is exclusive
	case n < 20:
		c.addPass(i, c.day)
	case n < 23:
		c.addPass(i, c.day-1)
		c.addPass(i, c.day+1)
	}
}

func (c *City) addExemption(r *rand.Rand, i uint32, from, to schemas.Day) {
	kind := []string{"disabled_card", "priority", "disabled_adapted"}[r.IntN(3)]
	c.permits.exemptions = append(c.permits.exemptions, exemption{i, kind, fmt.Sprintf("LEZ-X-%06d", len(c.permits.exemptions)+1), from, to})
	if from <= c.day && (to == 0 || c.day < to) {
		c.vehicles[i].flags |= exempt
	}
}

func (c *City) addPass(i uint32, day schemas.Day) {
	c.permits.passes = append(c.permits.passes, dayPermit{i, day})
	switch day {
	case c.day:
		c.vehicles[i].flags |= dayPass
	case c.day - 1:
		c.vehicles[i].flags |= earlyPass
	}
}

// drawRegistration registers seven foreign vehicles in ten; a few registrations have run out.
func (c *City) drawRegistration(r *rand.Rand, i uint32) {
	n := r.IntN(100)
	if n >= 73 {
		return
	}
	from := c.day - schemas.Day(10+r.IntN(1500))
	if n >= 70 {
		from = c.day.AddMonths(-61) - schemas.Day(r.IntN(300))
	}
	to := from.AddMonths(60)
	c.permits.registrations = append(c.permits.registrations, registration{i, from, to})
	if from <= c.day && c.day < to {
		c.vehicles[i].flags |= registered
	}
}
