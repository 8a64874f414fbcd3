package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

func hashOf(s string) uint64 { return xxhash.Sum64String(s) }

// site is a place with one to three cameras and roads to its neighbours.
type site struct {
	name     string
	town     int // index in municipalities
	lat, lon int32
	street   schemas.Street
	motorway bool
	cameras  []uint16
	roads    []road
}

// road leads to another site.
type road struct {
	to     uint16
	travel int64 // microseconds at the usual pace
}

// pace is the usual speed between two sites of the city, lights and queues included, in millimetres per second.
const pace = 6_500

const motorwaySites = 3 // per hundred sites

func (c *City) buildStreets(r *rand.Rand) {
	gone := max(1, c.cfg.Cameras/100)
	for n := c.cfg.Cameras - gone; n > 0; {
		size := min(n, 1+boolToInt(r.IntN(10) < 4)+boolToInt(r.IntN(10) < 2))
		c.addSite(r, size, schemas.CameraFixed)
		n -= size
	}
	for range c.cfg.Temporary {
		c.addSite(r, 1, schemas.CameraTemporary)
	}
	c.layRoads()
	for range gone { // after paving: no road leads to them
		s := c.addSite(r, 1, schemas.CameraFixed)
		cam := &c.cameras[s.cameras[0]]
		cam.ValidTo = (c.day - schemas.Day(1+r.IntN(200))).Start()
		c.expired = append(c.expired, s.cameras[0])
	}
	for i := range 3 { // lent to the next zone for some weeks
		cam := &c.cameras[r.IntN(c.cfg.Cameras-gone)]
		from := c.day - schemas.Day(r.IntN(20))
		cam.Loans = append(cam.Loans[:0], schemas.Loan{Zone: otherZone(cam.Zone, i), ValidFrom: from.Start(), ValidTo: (from + 28).Start()})
	}
}

func otherZone(zone string, i int) string {
	at := slices.Index(zones[:], zone)
	return zones[(at+1+i)%len(zones)]
}

// addSite places a site with size cameras; motorway sites come at a fixed interval, so small cities have some too.
func (c *City) addSite(r *rand.Rand, size int, kind schemas.CameraKind) *site {
	i := len(c.sites)
	s := site{name: fmt.Sprintf("S-%04d", i+1), town: drawTown(r), motorway: kind == schemas.CameraFixed && i%(100/motorwaySites) == 1}
	if s.motorway {
		s.town = []int{0, 1, 17}[r.IntN(3)] // Anderlecht, Auderghem, Woluwe-Saint-Lambert: towards the R0
	}
	t := &municipalities[s.town]
	s.lat = clampInt(t.lat+drawOffset(r, t.radius)*898/100, latMin, latMax)
	s.lon = clampInt(t.lon+drawOffset(r, t.radius)*1423/100, lonMin, lonMax)
	s.street = c.drawStreet(&s)
	plan := drawPlan(r, &s)
	for k := range size {
		s.cameras = append(s.cameras, uint16(len(c.cameras)))
		c.cameras = append(c.cameras, c.newCamera(r, &s, plan.planCamera(k, kind)))
	}
	c.sites = append(c.sites, s)
	return &c.sites[i]
}

func drawTown(r *rand.Rand) int {
	total := 0
	for i := range municipalities {
		total += municipalities[i].weight
	}
	n := r.IntN(total)
	for i := range municipalities {
		if n -= municipalities[i].weight; n < 0 {
			return i
		}
	}
	return len(municipalities) - 1
}

// drawOffset draws metres in [-radius, radius], denser towards the centre.
func drawOffset(r *rand.Rand, radius int32) int32 {
	return r.Int32N(radius+1) - r.Int32N(radius+1)
}

func clampInt(v, low, high int32) int32 { return min(max(v, low), high) }

// layRoads joins each site to its four nearest, both ways, and then joins the city's separate parts.
func (c *City) layRoads() {
	for i := range c.sites {
		for _, j := range c.nearestSites(i, 4) {
			c.addRoad(i, j)
		}
	}
	for {
		part := c.markReachable()
		from, to, best := -1, -1, int64(0)
		for i := range c.sites {
			for j := range c.sites {
				if part[i] && !part[j] {
					if d := c.squaredDistance(i, j); from < 0 || d < best {
						from, to, best = i, j, d
					}
				}
			}
		}
		if from < 0 {
			return
		}
		c.addRoad(from, to)
	}
}

// markReachable marks the sites that roads reach from the first site.
func (c *City) markReachable() []bool {
	seen := make([]bool, len(c.sites))
	todo := []int{0}
	seen[0] = true
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range c.sites[i].roads {
			if !seen[e.to] {
				seen[e.to] = true
				todo = append(todo, int(e.to))
			}
		}
	}
	return seen
}

// squaredDistance returns the squared distance, in square metres.
func (c *City) squaredDistance(i, j int) int64 {
	a, b := &c.sites[i], &c.sites[j]
	return squaredMetres(a.lat, a.lon, b.lat, b.lon)
}

// nearestSites returns the n sites closest to site i, nearest first; of two equally far the lower number comes first.
func (c *City) nearestSites(i, n int) []int {
	type far struct {
		site int
		d    int64
	}
	near := make([]far, 0, n+1)
	for j := range c.sites {
		if j == i {
			continue
		}
		d := c.squaredDistance(i, j)
		if len(near) == n && d >= near[n-1].d {
			continue
		}
		at, _ := slices.BinarySearchFunc(near, d, func(f far, d int64) int {
			if f.d <= d {
				return -1
			}
			return 1
		})
		near = slices.Insert(near, at, far{j, d})
		near = near[:min(n, len(near))]
	}
	out := make([]int, 0, n)
	for _, f := range near {
		out = append(out, f.site)
	}
	return out
}

func (c *City) addRoad(i, j int) {
	for _, e := range c.sites[i].roads {
		if int(e.to) == j {
			return
		}
	}
	travel := max(integerSqrt(c.squaredDistance(i, j))*1_000_000_000/pace, int64(15*schemas.Second))
	c.sites[i].roads = append(c.sites[i].roads, road{uint16(j), travel})
	c.sites[j].roads = append(c.sites[j].roads, road{uint16(i), travel})
}
