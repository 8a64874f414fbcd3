package schemas

// RoadTime is the shortest time in which a vehicle can come from one site to another, by the road and on an empty one.
type RoadTime struct {
	Shortest  Micros
	ValidFrom Micros // inclusive
	ValidTo   Micros // exclusive; 0 = open
}

// RoadTimes is a matrix of road times between sites, immutable once loaded and shared by all goroutines. A nil RoadTimes is
// empty.
type RoadTimes struct {
	pairs map[[2]uint64][]RoadTime
	sites map[uint64]bool
}

// Add adds a time from one site to another, named by their hashes. It is for the loader alone.
func (t *RoadTimes) Add(from, to uint64, x RoadTime) {
	if t.pairs == nil {
		t.pairs, t.sites = map[[2]uint64][]RoadTime{}, map[uint64]bool{}
	}
	t.sites[from], t.sites[to] = true, true
	k := [2]uint64{from, to}
	t.pairs[k] = append(t.pairs[k], x)
}

// Compares reports whether passages of the site are compared with those of others.
func (t *RoadTimes) Compares(site uint64) bool { return t != nil && t.sites[site] }

// Shortest returns the shortest time from one site to another that held at the instant; ok is false when nobody said.
func (t *RoadTimes) Shortest(from, to uint64, at Micros) (shortest Micros, ok bool) {
	if t == nil {
		return 0, false
	}
	for _, x := range t.pairs[[2]uint64{from, to}] {
		if at >= x.ValidFrom && (x.ValidTo == 0 || at < x.ValidTo) {
			return x.Shortest, true
		}
	}
	return 0, false
}

// Times returns the times of a pair of sites, in the order in which they were added.
func (t *RoadTimes) Times(from, to uint64) []RoadTime {
	if t == nil {
		return nil
	}
	return t.pairs[[2]uint64{from, to}]
}
