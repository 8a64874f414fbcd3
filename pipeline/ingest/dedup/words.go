package dedup

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// words numbers the makes and colours that cameras name, so that a body needs four bytes for them and a passage shares their text. Cameras
// may send anything: when there are many, those that no open passage names are forgotten.
type words struct {
	text  []string // by number; 0 is ""
	index map[string]uint16
	free  []uint16
	most  int // sweep when there are more
}

const (
	wordsStart = 1024
	wordsEnd   = 1 << 16
)

func newWords() words {
	return words{text: make([]string, 1), index: map[string]uint16{}, most: wordsStart}
}

// wordsOf returns the numbers of make and colour of a read, which may alias a record. A word for which there is no number, since open
// passages name 65,535 others, is taken for not said: the row of the read has it.
func (ps *Passages) wordsOf(r *schemas.Read) (maker, colour uint16) {
	if r.Make == "" && r.Colour == "" {
		return 0, 0
	}
	if len(ps.words.index)+2 > ps.words.most { // before both, or the second could forget the first
		ps.words.dropUnused(ps)
	}
	return ps.words.numberOf(r.Make), ps.words.numberOf(r.Colour)
}

func (w *words) numberOf(s string) uint16 {
	if s == "" {
		return 0
	}
	if n, ok := w.index[s]; ok {
		return n
	}
	var n uint16
	switch k := len(w.free); {
	case k > 0:
		n = w.free[k-1]
		w.free = w.free[:k-1]
	case len(w.text) < wordsEnd:
		n = uint16(len(w.text))
		w.text = append(w.text, "")
	default:
		return 0
	}
	s = strings.Clone(s)
	w.text[n], w.index[s] = s, n
	return n
}

// dropUnused forgets words without an open passage.
func (w *words) dropUnused(ps *Passages) {
	used := make([]bool, len(w.text))
	for i := range ps.bodies.items {
		b := &ps.bodies.items[i]
		used[b.make], used[b.colour] = true, true
	}
	for i := range ps.extras.items {
		x := &ps.extras.items[i]
		used[x.make], used[x.colour] = true, true
	}
	for s, n := range w.index { // in any order: numbers are seen by nobody
		if !used[n] {
			delete(w.index, s)
			w.text[n] = ""
			w.free = append(w.free, n)
		}
	}
	w.most = max(wordsStart, 2*len(w.index))
}
