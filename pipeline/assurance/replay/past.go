package replay

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// closedBefore is the history of a subject: the passages of its group that the pipeline closed before it, in the same
// partition. It implements rules.History from what is stored, where the pipeline has dedup.History.
//
// A group holds the passages of one plate, so passages of another plate of the class are not found, nor those in
// which several plates were read: a family that compares them needs the reads of a class as its group. The log time
// of a closing is not stored: a family that asks for more capture time than its History gives it is answered further
// back than in the pipeline.
type closedBefore struct {
	group    *readGroup
	subjects []subject
	of       *subject
}

// Passages implements rules.History.
func (h *closedBefore) Passages(dst []schemas.PastPassage, class schemas.Class, from, to schemas.Micros) []schemas.PastPassage {
	had := len(dst)
	for i := range h.subjects {
		s := &h.subjects[i]
		at := s.Passage.Best.CapturedAt
		if s.Straggler || s.Passage.Class != class || at < from || at >= to || !h.isEarlier(s) {
			continue
		}
		dst = append(dst, schemas.PastPassageOf(s.Passage, s.Camera.SiteHash, s.Camera.Number))
	}
	slices.SortFunc(dst[had:], schemas.ComparePastPassages)
	return dst
}

// isEarlier reports whether the passage closed before that of the subject: at an earlier record, or at the same one
// and in the order in which passages close together.
func (h *closedBefore) isEarlier(s *subject) bool {
	o, rows := h.of, h.group.rows
	return rows[s.of].partition == rows[o.of].partition &&
		cmp.Or(cmp.Compare(s.offset, o.offset), cmp.Compare(s.last, o.last), cmp.Compare(s.first, o.first)) < 0
}
