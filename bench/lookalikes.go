package bench

import (
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

// markLookalikes marks the vehicles that share a confusion class with another vehicle, and possibly a few more.
func (c *City) markLookalikes() {
	size := uint64(1) << bits.Len(uint(32*len(c.vehicles))) // bits; about a thirtieth of the vehicles share a value by chance
	seen, again := make([]uint64, size/64+1), make([]uint64, size/64+1)
	for i := range c.vehicles {
		at := classBit(c.vehicles[i].plate.Class(), size)
		again[at/64] |= seen[at/64] & (1 << (at % 64))
		seen[at/64] |= 1 << (at % 64)
	}
	for i := range c.vehicles {
		v := &c.vehicles[i]
		if at := classBit(v.plate.Class(), size); again[at/64]>>(at%64)&1 != 0 {
			v.flags |= lookalike
		}
	}
}

func classBit(k schemas.Class, size uint64) uint64 {
	lo, hi := k.Words()
	h, l := bits.Mul64(lo^0x9e3779b97f4a7c15, hi^0xbf58476d1ce4e5b9)
	return (h ^ l) & (size - 1)
}

// visit is a lookalike at a site.
type visit struct {
	vehicle uint32
	at      schemas.Micros
}

// meetingPoint is a confusion class at a site, where lookalikes may meet.
type meetingPoint struct {
	class schemas.Class
	site  string
}

// passingTime is the longest time span of a passing's reads.
const passingTime = 5 * schemas.Second

// addVisit adds the passing of a lookalike at a site.
func (h *Truth) addVisit(vehicle uint32, site string, at schemas.Micros) {
	p := meetingPoint{h.city.vehicles[vehicle].plate.Class(), site}
	h.visits[p] = append(h.visits[p], visit{vehicle, at})
}

// isMistakable reports whether a lookalike passed the same site so near in time that both vehicles' reads make a
// single passage; window is the passage window. Then the slower measurement counts, for the driver, and no record
// tells the faster car.
func (h *Truth) isMistakable(x *ExpectedRead, at meetingPoint, window schemas.Micros) bool {
	for _, v := range h.visits[at] {
		if v.vehicle != x.vehicle && max(v.at, x.At)-min(v.at, x.At) < window+passingTime {
			return true
		}
	}
	return false
}
