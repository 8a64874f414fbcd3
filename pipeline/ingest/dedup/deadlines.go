package dedup

import "github.com/gvc-brussels/anpr/schemas"

// due is a slot's deadline. opened makes the order total, whatever the order of arrival.
type due struct {
	at     schemas.Micros
	opened int64
	slot   int32
}

func (a due) isBefore(b due) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.opened < b.opened
}

// schedule returns deadlines in order, with a single entry for each slot. Most deadlines arrive in order: for new
// passages, because the clock never goes back; for decided passages, because decisions are in order. Two queues hold
// them, and finding the next costs nothing. Only postponed deadlines lie in the heap.
type schedule struct {
	fresh, kept queue
	later       heap
}

// nextDue returns the next deadline and the queue behind it (nil = the heap); ok is false without a deadline.
func (s *schedule) nextDue() (d due, from *queue, ok bool) {
	if ok = len(s.later) > 0; ok {
		d = s.later[0]
	}
	for _, q := range [...]*queue{&s.fresh, &s.kept} {
		if q.n > 0 && (!ok || q.first().isBefore(d)) {
			d, from, ok = *q.first(), q, true
		}
	}
	return d, from, ok
}

// removeDue removes the deadline found by nextDue.
func (s *schedule) removeDue(from *queue) {
	if from != nil {
		from.popFirst()
		return
	}
	s.later.popLeast()
}

// popDue removes the next deadlines up to until, as long as they share a time and fit into dst.
func (s *schedule) popDue(dst []due, until schemas.Micros) []due {
	for len(dst) < cap(dst) {
		d, from, ok := s.nextDue()
		if !ok || d.at > until || len(dst) > 0 && d.at != dst[0].at {
			break
		}
		s.removeDue(from)
		dst = append(dst, d)
	}
	return dst
}

// insertDeadline adds a deadline to a queue, or to the heap when the queue's end is later.
func (s *schedule) insertDeadline(q *queue, d due) {
	if q.n > 0 && d.isBefore(*q.last()) {
		s.later.pushItem(d)
		return
	}
	q.pushBack(d)
}

// queue is a ring with deadlines in order.
type queue struct {
	ring []due // length 0 or a power of two
	head int
	n    int
}

func (q *queue) entryAt(i int) *due { return &q.ring[(q.head+i)&(len(q.ring)-1)] }
func (q *queue) first() *due        { return &q.ring[q.head] }
func (q *queue) last() *due         { return q.entryAt(q.n - 1) }

func (q *queue) pushBack(d due) {
	if q.n == len(q.ring) {
		grown := make([]due, max(64, 2*q.n))
		for i := range q.n {
			grown[i] = *q.entryAt(i)
		}
		q.ring, q.head = grown, 0
	}
	q.n++
	*q.last() = d
}

func (q *queue) popFirst() {
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
}

// heap is a binary heap, the earliest deadline first. container/heap would box every element.
type heap []due

func (h *heap) pushItem(d due) {
	*h = append(*h, d)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !d.isBefore(s[up]) {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = d
}

func (h *heap) popLeast() {
	s := *h
	last := s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) == 0 {
		return
	}
	i := 0
	for {
		c := 2*i + 1
		if c >= len(s) {
			break
		}
		if c+1 < len(s) && s[c+1].isBefore(s[c]) {
			c++
		}
		if !s[c].isBefore(last) {
			break
		}
		s[i] = s[c]
		i = c
	}
	s[i] = last
}
