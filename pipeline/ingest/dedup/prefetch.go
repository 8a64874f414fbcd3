package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Prefetching loads memory for many keys in a loop that does nothing else. Independent cache misses then overlap,
// while look-ups one by one would wait for each miss. Prefetching changes no result. Callers add up the returned
// values somewhere, so that the compiler keeps the loads; the values have no meaning.

// ChunkSize is the most keys to prefetch together, and the most closed passages to emit together. Prefetch ignores
// further keys.
const ChunkSize = 64

// prefetchLeast is the least number of deadlines for which prefetching pays.
const prefetchLeast = 4

// Prefetch loads the buckets of the ids, for Seen.
//
//go:noinline
func (w *RepeatFilter) Prefetch(ids []schemas.ReadID) (loaded uint64) {
	for i := range ids {
		b := w.bucketOf(&ids[i])
		loaded += b[0] + b[slotsPerBucket/2] // a bucket is two cache lines
	}
	return loaded
}

// Prefetch loads the keys' table entries, slots and bodies, for Add. classes and sites have the same length.
//
//go:noinline
func (ps *Passages) Prefetch(classes []schemas.Class, sites []uint64) (loaded uint64) {
	var tags [ChunkSize]uint32
	n := min(len(classes), len(sites), ChunkSize)
	for i := range n {
		tags[i] = tagOf(classes[i], sites[i])
		loaded += uint64(ps.table.entries[ps.table.homePlace(tags[i])].head)
	}
	var open [ChunkSize]int32
	k := 0
	for _, tag := range tags[:n] {
		for i := ps.table.homePlace(tag); ; i = ps.table.placeAfter(i) {
			e := ps.table.entries[i]
			if e.head == 0 {
				break
			}
			if e.tag == tag {
				s := &ps.slots.items[e.head-1]
				loaded += uint64(s.opened)
				if open[k] = s.body; !s.closed {
					k++
				}
				break
			}
		}
	}
	for _, b := range open[:k] { // lines that a further read changes
		lines := ps.bodies.items[b].cacheLines()
		loaded += lines[0][0] + lines[1][0]
	}
	return loaded
}

// prefetchDue loads memory for closing or dropping the listed slots.
//
//go:noinline
func (ps *Passages) prefetchDue(list []due) {
	var loaded uint64
	for i := range list {
		loaded += ps.slots.items[list[i].slot].site
	}
	for i := range list {
		s := &ps.slots.items[list[i].slot]
		if s.closed {
			loaded += uint64(ps.table.entries[ps.table.homePlace(s.tag)].head) + uint64(s.opened)
			continue
		}
		if ps.deadlineOf(s) != list[i].at {
			continue
		}
		b := &ps.bodies.items[s.body]
		lines := b.cacheLines()
		loaded += lines[bestLines-1][0]
		if b.measuredIn == measuredOwn {
			loaded += lines[bestLines][0]
		}
	}
	ps.loaded += loaded
}
