package dedup

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// History is the third memory of a shard: the passages that closed in the last HistorySpan of log time, for families
// that compare passages. History holds no decisions. Not safe for concurrent use.
//
// A shard adds every passage after deciding the passage, in the order of closing, also while state is rebuilt. A
// passage therefore meets only passages that closed earlier, and a pair meets once: when the later passage closes.
//
// The memory holds at most MaxHistory passages. At the limit, the oldest passage is dropped and counted in Evicted.
type History struct {
	span    schemas.Micros
	most    int
	ring    []pastEntry // length 0 or a power of two; index = number modulo length
	first   uint64      // number of the oldest passage; numbers begin at 1, in the order of closing
	after   uint64      // number for the next passage
	classes map[schemas.Class]pastChain

	// Evicted counts passages dropped early because the memory was full.
	Evicted uint64
}

// pastEntry is a passage, linked to the next passage in the same class.
type pastEntry struct {
	schemas.PastPassage
	closed schemas.Micros // log time
	next   uint64         // number; 0 = none
}

// pastChain holds the numbers of the first and the last passage in a class.
type pastChain struct{ first, last uint64 }

// NewHistory returns an empty history, or nil when HistorySpan is 0. Every method works on a nil History and does
// nothing.
func NewHistory(cfg Config) *History {
	cfg = cfg.WithDefaults()
	if cfg.HistorySpan == 0 {
		return nil
	}
	return &History{span: cfg.HistorySpan, most: cfg.MaxHistory, first: 1, after: 1, classes: map[schemas.Class]pastChain{}}
}

// Len returns the number of kept passages.
func (h *History) Len() int {
	if h == nil {
		return 0
	}
	return int(h.after - h.first)
}

// Forgotten returns the number of passages dropped early; see Evicted.
func (h *History) Forgotten() uint64 {
	if h == nil {
		return 0
	}
	return h.Evicted
}

// Room returns the limit on kept passages.
func (h *History) Room() int {
	if h == nil {
		return 0
	}
	return h.most
}

// Advance moves the log clock and drops passages that closed at least HistorySpan before.
func (h *History) Advance(clock schemas.Micros) {
	if h == nil {
		return
	}
	for h.first < h.after && h.entryAt(h.first).closed <= clock-h.span {
		h.dropFirst()
	}
}

// Add keeps a passage that closed at the log time clock, which must not go back. Slots of parked vehicles are left
// out, because they are no passing. Add stops allocating once the memory has grown to the working size.
func (h *History) Add(c *Closed, clock schemas.Micros) {
	if h == nil || c.Parked {
		return
	}
	if h.Len() >= h.most {
		h.Evicted++
		h.dropFirst()
	}
	if h.Len() == len(h.ring) {
		h.growRing()
	}
	n := h.after
	h.after++
	*h.entryAt(n) = pastEntry{closed: clock, PastPassage: schemas.PastPassageOf(&c.Passage, c.SiteHash, c.BestCamera)}
	class := c.Best.Plate.Class()
	chain, ok := h.classes[class]
	if ok {
		h.entryAt(chain.last).next = n
	} else {
		chain.first = n
	}
	chain.last = n
	h.classes[class] = chain
}

// Passages appends the passages in a class captured in [from, to), ordered by capture time and id. Passages implements
// rules.History.
func (h *History) Passages(dst []schemas.PastPassage, class schemas.Class, from, to schemas.Micros) []schemas.PastPassage {
	if h == nil {
		return dst
	}
	had := len(dst)
	for n := h.classes[class].first; n != 0; n = h.entryAt(n).next {
		if p := h.entryAt(n); p.CapturedAt >= from && p.CapturedAt < to {
			dst = append(dst, p.PastPassage)
		}
	}
	slices.SortFunc(dst[had:], schemas.ComparePastPassages)
	return dst
}

func (h *History) entryAt(n uint64) *pastEntry { return &h.ring[n&uint64(len(h.ring)-1)] }

// dropFirst drops the oldest passage, which is also the first in its class.
func (h *History) dropFirst() {
	e := h.entryAt(h.first)
	class := e.Plate.Class()
	if e.next == 0 {
		delete(h.classes, class)
	} else {
		chain := h.classes[class]
		chain.first = e.next
		h.classes[class] = chain
	}
	h.first++
}

func (h *History) growRing() {
	old := *h
	h.ring = make([]pastEntry, max(64, 2*len(h.ring)))
	for n := old.first; n < old.after; n++ {
		*h.entryAt(n) = *old.entryAt(n)
	}
}
