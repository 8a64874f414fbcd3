package bench

import (
	"fmt"
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// A city's hotlists: file names, shares and entry properties.
var lists = [...]struct {
	name       string
	prefix     string
	share      int // per hundred entries
	priority   uint8
	confusable int // per hundred entries
	reasons    []string
}{
	{"stolen", "STO", 38, 80, 30, []string{"stolen vehicle", "stolen plates", "embezzled rental vehicle"}},
	{"uninsured", "UNI", 45, 30, 0, []string{"no insurance known to the guarantee fund"}},
	{"seizure", "SEI", 12, 60, 20, []string{"seizure ordered", "driver disqualified"}},
	{"disappearances", "DIS", 5, 100, 100, []string{"worrying disappearance"}},
}

// listedClass groups the list entries in a confusion class; vehicles point to the group.
type listedClass struct {
	class   schemas.Class
	entries []uint32 // indexes in City.entries
}

func (c *City) buildLists(r *rand.Rand) {
	chosen := make(map[uint32]struct{}, c.cfg.ListedDrive)
	for len(c.drivers) < c.cfg.ListedDrive {
		i := uint32(r.IntN(len(c.vehicles)))
		if _, ok := chosen[i]; !ok {
			chosen[i] = struct{}{}
			c.drivers = append(c.drivers, i)
		}
	}
	for n := range c.cfg.ListEntries {
		if n < len(c.drivers) {
			v := &c.vehicles[c.drivers[n]]
			c.addEntry(r, n, v.plate, v.country)
			continue
		}
		c.addEntry(r, n, drawPlate(r, drawSeries(r, belgian[:]).form), belgium)
	}
	c.tieLists()
}

// addEntry lists a plate. One entry in ten has run out, is not yet valid, or ends in the middle of the day.
func (c *City) addEntry(r *rand.Rand, n int, p schemas.Plate, country uint8) {
	l := &lists[drawList(r)]
	e := schemas.ListEntry{
		List: l.name, ID: fmt.Sprintf("%s-%06d", l.prefix, n+1), Plate: p, Country: countries[country],
		Reason: l.reasons[r.IntN(len(l.reasons))], CaseRef: fmt.Sprintf("BR.%02d.L%d.%06d/%d", 10+r.IntN(60), 1+r.IntN(6), r.IntN(1_000_000), c.day.Year()),
		Priority: l.priority + uint8(r.IntN(10)), Confusable: r.IntN(100) < l.confusable,
		ValidFrom: (c.day - schemas.Day(2+r.IntN(300))).Start(),
	}
	e.Priority = min(e.Priority, 100)
	if r.IntN(3) == 0 {
		e.Country = schemas.Country{} // unknown to the author of the entry
	}
	switch r.IntN(30) {
	case 0:
		e.ValidTo = (c.day - schemas.Day(r.IntN(2))).Start() // ended, at the latest when the day began
	case 1:
		e.ValidFrom = (c.day + schemas.Day(1+r.IntN(3))).Start()
	case 2:
		e.ValidTo = c.day.Start() + schemas.Micros(8+r.IntN(10))*schemas.Hour
	default:
		if r.IntN(2) == 0 {
			e.ValidTo = (c.day + schemas.Day(10+r.IntN(300))).Start()
		}
	}
	if r.IntN(4) == 0 {
		from := r.IntN(len(zones))
		e.Audience = []string{zones[from], zones[(from+1)%len(zones)]}
	}
	c.entries = append(c.entries, e)
}

func drawList(r *rand.Rand) int {
	n := r.IntN(100)
	for i := range lists {
		if n -= lists[i].share; n < 0 {
			return i
		}
	}
	return len(lists) - 1
}

// tieLists ties each vehicle to every entry in its confusion class, also to entries made for other vehicles. An entry
// also matching a vehicle from another country loses its country, so the entry's matches do not depend on how far a
// rule takes the country into account.
func (c *City) tieLists() {
	byClass := make(map[schemas.Class][]uint32, len(c.entries))
	for i := range c.entries {
		k := c.entries[i].Plate.Class()
		byClass[k] = append(byClass[k], uint32(i))
	}
	at := make(map[schemas.Class]uint32)
	for i := range c.vehicles {
		v := &c.vehicles[i]
		k := v.plate.Class()
		entries, ok := byClass[k]
		if !ok {
			continue
		}
		if at[k] == 0 {
			c.listed = append(c.listed, listedClass{k, entries})
			at[k] = uint32(len(c.listed))
		}
		v.listed = at[k]
		for _, e := range entries {
			if c.entries[e].Country != countries[v.country] {
				c.entries[e].Country = schemas.Country{}
			}
		}
	}
}
