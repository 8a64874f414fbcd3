package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Alone is a read as a passage of its own, under the id of the passage it joined. r.Camera must not alias a record.
func Alone(r *schemas.Read, id schemas.PassageID) schemas.Passage {
	p := schemas.Passage{ID: id, Class: r.Class, First: r.CapturedAt, Last: r.CapturedAt, Reads: 1, Variants: 1}
	sight(&p.Best, r)
	if r.Speed > 0 {
		p.Measured = p.Best
	}
	return p
}

// Observe takes a read into the best read and the measured speed of a passage, in any order and any number of times: what a replay
// over stored reads does to see what the pipeline saw. r.Camera must not alias a record. It does not allocate.
func Observe(p *schemas.Passage, r *schemas.Read) {
	if p.Best.Read.IsZero() || better(r, &p.Best) {
		sight(&p.Best, r)
	}
	if r.Speed > 0 && (p.Measured.Read.IsZero() || slower(r, &p.Measured)) {
		sight(&p.Measured, r)
	}
}
