package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Touching loads what is going to be needed, for many keys in a loop with nothing else in it: cache misses that do not
// depend on each other overlap, where the same look-ups one by one wait for each. It changes nothing that can be seen.
// The results have no meaning; whoever calls adds them up somewhere, so that the compiler keeps the loads.

// TouchMost is how many keys are touched at once at most; what is beyond is left alone.
const TouchMost = 64

// Touch loads the buckets of the ids, for Seen.
//
//go:noinline
func (w *Window) Touch(ids []schemas.ReadID) (loaded uint64) {
	for i := range ids {
		b := w.bucket(&ids[i])
		loaded += b[0] + b[slotsPerBucket/2] // a bucket is two cache lines
	}
	return loaded
}

// Touch loads the table entries and the slots of the keys, for Add. classes and sites have the same length.
//
//go:noinline
func (ps *Passages) Touch(classes []schemas.Class, sites []uint64) (loaded uint64) {
	var tags [TouchMost]uint32
	n := min(len(classes), len(sites), TouchMost)
	for i := range n {
		tags[i] = tagOf(classes[i], sites[i])
		loaded += uint64(ps.table.entries[ps.table.home(tags[i])].head)
	}
	for _, tag := range tags[:n] {
		for i := ps.table.home(tag); ; i = ps.table.after(i) {
			e := ps.table.entries[i]
			if e.head == 0 {
				break
			}
			if e.tag == tag {
				s := &ps.slots.items[e.head-1]
				loaded += s.site + uint64(s.opened)
				break
			}
		}
	}
	return loaded
}

// TouchDue loads what closes or is forgotten when the clock reaches until, and appends what closes: the plate and the
// camera of its best read are looked up then. The passages are valid until the next call of another method, read only, and
// their Measured means nothing.
//
//go:noinline
func (ps *Passages) TouchDue(dst []*schemas.Passage, until schemas.Micros) (closing []*schemas.Passage, loaded uint64) {
	if until < ps.next {
		return dst, 0
	}
	var due [3 * TouchMost]int32
	list := ps.schedule.later.until(ps.schedule.kept.until(ps.schedule.fresh.until(due[:0], until), until), until)
	for _, i := range list {
		loaded += ps.slots.items[i].site
	}
	for _, i := range list {
		s := &ps.slots.items[i]
		if s.closed {
			loaded += uint64(ps.table.entries[ps.table.home(s.tag)].head)
			continue
		}
		b := &ps.bodies.items[s.body]
		lines := b.lines()[:bestLines]
		if ps.measured[s.body] == measuredOwn {
			lines = b.lines()[:]
		}
		for k := range lines {
			loaded += lines[k][0]
		}
		dst = append(dst, &b.Passage)
	}
	return dst, loaded
}

// until appends the slots of the deadlines up to then, TouchMost at most.
func (q *queue) until(dst []int32, then schemas.Micros) []int32 {
	for i := range min(q.n, TouchMost) {
		d := q.at(i)
		if d.at > then {
			break
		}
		dst = append(dst, d.slot)
	}
	return dst
}

// until is queue.until for the heap: what is due lies together at its top.
func (h heap) until(dst []int32, then schemas.Micros) []int32 {
	var look [2*TouchMost + 1]int32 // places whose parent is due
	n := 0
	if len(h) > 0 {
		n = 1
	}
	for k, found := 0, 0; k < n && found < TouchMost; k++ {
		i := look[k]
		if h[i].at > then {
			continue
		}
		found++
		dst = append(dst, h[i].slot)
		for c := 2*i + 1; c <= 2*i+2 && int(c) < len(h); c++ {
			look[n] = c
			n++
		}
	}
	return dst
}
