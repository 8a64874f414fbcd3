package reference

import "github.com/gvc-brussels/anpr/schemas"

// Prefetch loads memory that Entries will read for these classes and Vehicle for these plates. The loads do not depend on each other, so many
// cache misses overlap, where look-ups one after the other wait for each. It is worth its time for 16 to 128 keys that are looked up next:
// on shared cores it gave 1.1 to 2.4 times.
func (s *Snapshot) Prefetch(classes []schemas.Class, plates []schemas.Plate) {
	s.prefetchEntries(classes)
	s.prefetchVehicles(plates)
}

// prefetchEntries loads memory of the lists. The result has no meaning; it keeps the loads alive.
//
//go:noinline
func (s *Snapshot) prefetchEntries(classes []schemas.Class) (loaded uint64) {
	for i := range classes {
		loaded += uint64(s.lists.prefetchSlot(classes[i]))
	}
	return loaded
}

// prefetchVehicles loads memory of the registers. The result has no meaning; it keeps the loads alive.
//
//go:noinline
func (s *Snapshot) prefetchVehicles(plates []schemas.Plate) (loaded uint64) {
	for i := range plates {
		loaded += uint64(s.vehicles.prefetchBucket(plates[i]))
	}
	return loaded
}
