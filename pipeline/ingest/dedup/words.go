package dedup

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// words numbers the makes and colours named by cameras: a body needs four bytes for both, and passages share the text.
// Cameras may send any text, so above a limit the words without an open passage are dropped.
type words struct {
	text  []string // by number; 0 is ""
	index map[string]uint16
	free  []uint16
	most  int // limit on words before a sweep
}

const (
	wordsStart = 1024
	wordsEnd   = 1 << 16
)

func newWords() words {
	return words{text: make([]string, 1), index: map[string]uint16{}, most: wordsStart}
}

// wordsOf returns the numbers of make and colour. The read may alias a record. If open passages already name 65,535
// other words, a new word counts as missing; the row of the read still has the word.
func (ps *Passages) wordsOf(r *schemas.Read) (maker, colour uint16) {
	if r.Make == "" && r.Colour == "" {
		return 0, 0
	}
	if len(ps.words.index)+2 > ps.words.most { // swept before both, or the second word could drop the first
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

// dropUnused drops the words without an open passage.
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
	for s, n := range w.index { // any order: numbers are internal
		if !used[n] {
			delete(w.index, s)
			w.text[n] = ""
			w.free = append(w.free, n)
		}
	}
	w.most = max(wordsStart, 2*len(w.index))
}
