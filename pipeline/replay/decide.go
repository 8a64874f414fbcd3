package replay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Registry is one version of the reference data. pipeline/refdata implements it.
type Registry interface {
	rules.Reference
	// Camera finds a camera.
	Camera(id string) (*schemas.Camera, bool)
}

// Counts is what a replay went through.
type Counts struct {
	Reads      uint64 `json:"reads"`       // stored reads that belong to a decided passage
	Passages   uint64 `json:"passages"`    // decided
	NoReads    uint64 `json:"no_reads"`    // passages whose reads are gone: retention, or a window that cuts them
	CameraGone uint64 `json:"camera_gone"` // passages of a camera that is not in the registry: nothing is decided
}

func (c *Counts) add(d *Counts) {
	c.Reads += d.Reads
	c.Passages += d.Passages
	c.NoReads += d.NoReads
	c.CameraGone += d.CameraGone
}

// verdictKey is a row of the table of verdicts.
type verdictKey struct {
	rule    schemas.RuleID
	outcome string
}

// Offence is one candidate or held offence, as stored or as it would be.
type Offence struct {
	ID          string `json:"offence_id"`
	Rule        string `json:"rule"`
	Status      string `json:"status"` // candidate or held
	Reason      string `json:"reason"`
	AmountCents int64  `json:"amount_cents"`
	Measured    int32  `json:"measured_dkmh,omitempty"`
	Corrected   int32  `json:"corrected_dkmh,omitempty"`
	Limit       int32  `json:"limit_dkmh,omitempty"`
	Passage     string `json:"passage_id"`
	CapturedAt  string `json:"captured_at"`
}

// claim is a passage's claim to an offence, and its place in the order of the log.
type claim struct {
	rule                       schemas.RuleID
	outcome                    schemas.Outcome
	reason                     string
	amount                     int64
	measured, corrected, limit schemas.Speed
	passage                    schemas.ID
	plate                      schemas.Plate
	captured                   schemas.Micros
	partition                  int32
	closed, last, first        int64
}

func (c *claim) before(d *claim) bool {
	return cmp.Or(cmp.Compare(c.partition, d.partition), cmp.Compare(c.closed, d.closed), cmp.Compare(c.last, d.last), cmp.Compare(c.first, d.first)) < 0
}

// worker decides ranges of plates, one after the other.
type worker struct {
	cfg       *Config
	group     group
	subject   rules.Subject
	decisions []schemas.Decision
	told      uint64

	count    Counts
	claims   map[schemas.ID]claim
	near     []nearClaim
	verdicts map[verdictKey]uint64
}

func newWorker(cfg *Config) *worker {
	return &worker{cfg: cfg, claims: map[schemas.ID]claim{}, verdicts: map[verdictKey]uint64{}}
}

// decide decides the passages of the group, each as if it was the only one.
func (w *worker) decide() {
	g := &w.group
	g.whole()
	for i := range g.passages {
		p := &g.passages[i]
		if p.Best.Read.IsZero() {
			w.count.NoReads++
			continue
		}
		cam, ok := w.cfg.Registry.Camera(p.Best.Camera)
		if !ok {
			w.count.CameraGone++
			continue
		}
		w.subject = rules.Subject{Passage: p, Camera: cam}
		switch {
		case p.Measured.Read == p.Best.Read:
			w.subject.MeasuredBy = cam
		case !p.Measured.Read.IsZero():
			w.subject.MeasuredBy, _ = w.cfg.Registry.Camera(p.Measured.Camera)
		}
		w.count.Passages++
		w.decisions, _ = w.cfg.Engine.Decide(w.decisions[:0], &w.subject, w.cfg.Registry)
		for k := range w.decisions {
			w.note(&w.decisions[k], i)
		}
	}
	w.decideLate()
	if w.gone()-w.told >= 4096 {
		w.tell()
	}
}

// decideLate judges the speeds of the reads that came after their passages were decided.
func (w *worker) decideLate() {
	g := &w.group
	for i := range g.late {
		l := &g.late[i]
		cam, ok := w.cfg.Registry.Camera(l.passage.Best.Camera)
		if !ok || !g.judged(l) {
			continue
		}
		w.subject = rules.Subject{Passage: &l.passage, Camera: cam, MeasuredBy: cam, Late: true}
		w.decisions, _ = w.cfg.Engine.Decide(w.decisions[:0], &w.subject, w.cfg.Registry)
		for k := range w.decisions {
			w.noteAt(&w.decisions[k], int(l.of), l.offset, l.offset, l.offset)
		}
	}
}

// gone is how many passages the worker has gone through.
func (w *worker) gone() uint64 { return w.count.Passages + w.count.NoReads + w.count.CameraGone }

func (w *worker) tell() {
	n := w.gone()
	w.cfg.tell(n - w.told)
	w.told = n
}

// note takes a decision on a passage into the result.
func (w *worker) note(d *schemas.Decision, i int) {
	g := &w.group
	w.noteAt(d, i, g.rows[i].closed, g.last[i], g.first[i])
}

// noteAt takes a decision made at the record closed into the result.
func (w *worker) noteAt(d *schemas.Decision, i int, closed, last, first int64) {
	outside := d.On.CapturedAt < w.cfg.From || d.On.CapturedAt >= w.cfg.To
	if d.Outcome != schemas.OutcomeOffence && d.Outcome != schemas.OutcomeHeld {
		if !outside {
			w.verdicts[verdictKey{d.Rule, d.Outcome.String()}]++
		}
		return
	}
	g := &w.group
	c := claim{
		rule: d.Rule, outcome: d.Outcome, reason: d.Reason, amount: d.AmountCents, measured: d.Measured, corrected: d.Corrected, limit: d.Limit,
		passage: g.rows[i].id, plate: g.rows[i].plate, captured: d.On.CapturedAt,
		partition: g.rows[i].partition, closed: closed, last: last, first: first,
	}
	switch {
	case d.Within > 0:
		w.near = append(w.near, nearClaim{c, d.Offence, d.Spot, d.Within})
	case !outside:
		w.claim(d.Offence.ID, &c)
	}
}

// claim keeps the earliest claim to an offence; the others are duplicates.
func (w *worker) claim(id schemas.ID, c *claim) {
	old, taken := w.claims[id]
	if taken {
		w.verdicts[verdictKey{c.rule, schemas.OutcomeDuplicate.String()}]++
		if !c.before(&old) {
			return
		}
	}
	w.claims[id] = *c
}

// join takes another worker's result.
func (w *worker) join(o *worker) {
	w.count.add(&o.count)
	for k, n := range o.verdicts {
		w.verdicts[k] += n
	}
	for id, c := range o.claims {
		w.claim(id, &c)
	}
	w.near = append(w.near, o.near...)
}

// nearClaim is a claim that an offence of another id may have made a duplicate of: one of the spot, captured less than within away.
type nearClaim struct {
	claim
	id     schemas.OffenceID
	spot   schemas.SpotID
	within schemas.Micros
}

// settle lets the near claims become claims in the order of the log, as the pipeline did. Those outside the window, which made
// others duplicates, are dropped.
func (w *worker) settle() {
	slices.SortFunc(w.near, func(a, b nearClaim) int {
		switch {
		case a.before(&b.claim):
			return -1
		case b.before(&a.claim):
			return 1
		}
		return bytes.Compare(a.id.ID[:], b.id.ID[:])
	})
	var standing rules.Standing
	for i := range w.near {
		c := &w.near[i]
		first, taken := standing.Of(c.id)
		if !taken {
			first, taken = standing.Near(c.spot, c.captured, c.within)
		}
		if !taken {
			standing.Add(schemas.Earlier{ID: c.id, Spot: c.spot, CapturedAt: c.captured, Passage: schemas.PassageID{ID: c.passage}})
		}
		switch {
		case c.captured < w.cfg.From || c.captured >= w.cfg.To:
		case taken && first.Passage.ID == c.passage: // the first verdict on the passage stays
		case taken:
			w.verdicts[verdictKey{c.rule, schemas.OutcomeDuplicate.String()}]++
		default:
			w.claims[c.id.ID] = c.claim
		}
	}
	w.near = nil
}
