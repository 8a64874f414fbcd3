package replay

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// closedBefore is the history of a subject: the passages in the same group and partition that the pipeline closed
// earlier. closedBefore implements rules.History from stored rows; the pipeline has dedup.History.
//
// A group holds the passages of a single plate. Passages with another plate of the class are missing, and so are
// passages with several read plates. A family that compares such passages needs the reads of a class as a group.
//
// The log time of a closing is not stored. A family that asks for more capture time than rules.Info.History grants
// gets older passages than in the pipeline.
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

// isEarlier reports whether the passage closed before the passage of the subject: at an earlier record, or earlier
// among the passages that close at the same record.
func (h *closedBefore) isEarlier(s *subject) bool {
	o, rows := h.of, h.group.rows
	return rows[s.of].partition == rows[o.of].partition &&
		cmp.Or(cmp.Compare(s.offset, o.offset), cmp.Compare(s.last, o.last), cmp.Compare(s.first, o.first)) < 0
}
