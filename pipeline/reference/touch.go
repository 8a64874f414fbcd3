package reference

import "github.com/gvc-brussels/anpr/schemas"

// TouchEntries loads what Entries will read for these classes; see Prefetch for why. The result has no meaning.
//
//go:noinline
func (s *Snapshot) TouchEntries(classes []schemas.Class) (loaded uint64) {
	for i := range classes {
		loaded += uint64(s.lists.touch(classes[i]))
	}
	return loaded
}

// TouchVehicles loads what Vehicle will read for these plates. The result has no meaning.
//
//go:noinline
func (s *Snapshot) TouchVehicles(plates []schemas.Plate) (loaded uint64) {
	for i := range plates {
		loaded += uint64(s.vehicles.touch(plates[i]))
	}
	return loaded
}
