package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Observe takes a read into the best read and the measured speed of a passage, in any order and any number of times: what a replay
// over stored reads does to see what the pipeline saw. It does not allocate.
func Observe(p *schemas.Passage, r *schemas.Read) {
	if p.Best.Read.IsZero() || better(r, &p.Best) {
		sight(&p.Best, r)
	}
	if r.Speed > 0 && (p.Measured.Read.IsZero() || slower(r, &p.Measured)) {
		sight(&p.Measured, r)
	}
}
