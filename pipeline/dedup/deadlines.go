package dedup

import "github.com/gvc-brussels/anpr/schemas"

// due is a deadline of a slot. opened makes the order total and independent of how the heap was built.
type due struct {
	at     schemas.Micros
	opened int64
	slot   int32
}

func (a due) before(b due) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.opened < b.opened
}

// deadlines is a binary heap, the earliest first. container/heap would box every element.
type deadlines []due

func (h *deadlines) push(d due) {
	*h = append(*h, d)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *deadlines) pop() due {
	s := *h
	top := s[0]
	last := s[len(s)-1]
	*h = s[:len(s)-1]
	if len(*h) > 0 {
		h.replaceTop(last)
	}
	return top
}

func (h *deadlines) replaceTop(d due) {
	s := *h
	s[0] = d
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(s); c++ {
			if s[c].before(s[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}
