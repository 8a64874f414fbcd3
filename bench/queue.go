package bench

// waiting is a queue entry.
type waiting struct {
	at   int64 // traffic microseconds since the start
	kind waitingKind
	ref  uint32
}

type waitingKind uint8

const (
	waitCar    waitingKind = iota // ref: index in Traffic.cars; the car reaches its next site
	waitRead                      // ref: index in Traffic.queuedReads, a read to send
	waitRepeat                    // ref: index in Traffic.queuedReads, the last read of a parked vehicle
	waitCamera                    // ref: a temporary camera with its link back
)

// waitQueue is a four-way heap, earliest first. It keeps its memory.
type waitQueue struct{ h []waiting }

// isBefore orders by time, then by kind and reference: the order never depends on the growth of the heap.
func (w waiting) isBefore(o waiting) bool {
	if w.at != o.at {
		return w.at < o.at
	}
	if w.kind != o.kind {
		return w.kind < o.kind
	}
	return w.ref < o.ref
}

func (q *waitQueue) pushWaiting(w waiting) {
	q.h = append(q.h, w)
	i := len(q.h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !w.isBefore(q.h[up]) {
			break
		}
		q.h[i] = q.h[up]
		i = up
	}
	q.h[i] = w
}

// popWaiting removes the earliest; the queue must not be empty.
func (q *waitQueue) popWaiting() waiting {
	first := q.h[0]
	last := q.h[len(q.h)-1]
	q.h = q.h[:len(q.h)-1]
	if len(q.h) == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= len(q.h) {
			break
		}
		least := child
		for k := child + 1; k < min(child+4, len(q.h)); k++ {
			if q.h[k].isBefore(q.h[least]) {
				least = k
			}
		}
		if !q.h[least].isBefore(last) {
			break
		}
		q.h[i] = q.h[least]
		i = least
	}
	q.h[i] = last
	return first
}

// slab hands out numbered cells and takes them back.
type slab[T any] struct {
	cells []T
	free  []uint32
}

func (s *slab[T]) addCell(v T) uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.cells[i] = v
		return i
	}
	s.cells = append(s.cells, v)
	return uint32(len(s.cells) - 1)
}

func (s *slab[T]) cellAt(i uint32) *T { return &s.cells[i] }

func (s *slab[T]) freeCell(i uint32) { s.free = append(s.free, i) }
