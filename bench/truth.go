package bench

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Truth counts a load's reads and a correct pipeline's results. Generated reads count: after an incomplete [Run], the
// truth says more than was sent. A passing gets its results after its last read; [Traffic.Finish] adds the results for
// the others.
type Truth struct {
	Produced        uint64 `json:"produced"`
	Unique          uint64 `json:"unique"` // accepted reads with their own id
	Retransmissions uint64 `json:"retransmissions"`
	ParkedRepeats   uint64 `json:"parked_repeats"` // part of Unique: a parked vehicle's reads after its first
	Rejected        uint64 `json:"rejected"`
	Confused        uint64 `json:"confused"`     // part of Unique
	LateUploads     uint64 `json:"late_uploads"` // part of Produced
	NoCountry       uint64 `json:"no_country"`   // part of Produced
	Passings        uint64 `json:"passings"`     // judged, with at least one accepted read
	Measured        uint64 `json:"measured"`     // of Passings, with a speed by a camera with a certificate

	kinds    [kinds]uint64
	verdicts []ExpectedVerdict
	city     *City
	oracles  []oracle
	visits   map[meetingPoint][]visit // by lookalikes
}

func newTruth(c *City) *Truth {
	return &Truth{city: c, oracles: newOracles(), visits: map[meetingPoint][]visit{}}
}

// countRead counts a sent read.
func (h *Truth) countRead(s *plannedRead) {
	h.Produced++
	h.kinds[s.kind]++
	h.LateUploads += uint64(boolToInt(s.late))
	h.NoCountry += uint64(boolToInt(s.noCountry && s.kind != Malformed))
	switch {
	case rejects[s.kind] != schemas.ReasonNone:
		h.Rejected++
	case s.kind == Retransmission:
		h.Retransmissions++
	default:
		h.Unique++
		h.ParkedRepeats += uint64(boolToInt(s.kind == ParkedRepeat))
		h.Confused += uint64(boolToInt(s.kind == Confused))
	}
}

// Rejects counts the reads that must be rejected, by reason.
func (h *Truth) Rejects() map[schemas.Reason]uint64 {
	out := map[schemas.Reason]uint64{}
	for k, n := range h.kinds {
		if r := rejects[k]; r != schemas.ReasonNone && n > 0 {
			out[r] += n
		}
	}
	return out
}

func compareClass(a, b schemas.Class) int {
	var x, y [schemas.MaxPlate]byte
	return slices.Compare(a.AppendTo(x[:0]), b.AppendTo(y[:0]))
}

// recordSent adds a sent read to its passing. After the passing's last read it expects the results.
func (t *Traffic) recordSent(s *plannedRead) {
	p := t.passings.cellAt(s.passing)
	p.left--
	if rejects[s.kind] == schemas.ReasonNone {
		p.addRead(s)
		for _, o := range t.truth.oracles {
			o.addRead(t, p, s)
		}
	}
	if p.left == 0 {
		t.expectOffences(p)
		t.passings.freeCell(s.passing)
	}
}

// Finish judges the passings whose last read has not been sent, with the reads that were: the pipeline decides them
// too when nothing more comes. Call it once, after the last Next.
func (t *Traffic) Finish() *Truth {
	for i := range t.passings.cells {
		if p := &t.passings.cells[i]; p.left > 0 {
			t.expectOffences(p)
		}
	}
	return t.truth
}

func (p *passing) addRead(s *plannedRead) {
	p.tied = p.accepted && (p.tied || s.confidence == p.best.confidence)
	if !p.accepted || s.confidence > p.best.confidence {
		p.best, p.tied = *s, false
	}
	p.accepted = true
	p.unclean = p.unclean || s.kind == Confused || s.noCountry
	if s.speed > 0 && (!p.timed || s.speed < p.measured.speed) {
		p.measured, p.timed = *s, true
	}
}

func (t *Traffic) expectOffences(p *passing) {
	if !p.accepted {
		return
	}
	t.truth.Passings++
	for _, o := range t.truth.oracles {
		o.expectResults(t, p)
	}
}
