package replay

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// CameraRegistry is a version of the reference data. pipeline/reference implements the interface.
type CameraRegistry interface {
	rules.Reference
	// Camera finds a camera.
	Camera(id string) (*schemas.Camera, bool)
}

// InputCounts counts the input of a replay.
type InputCounts struct {
	Reads      uint64 `json:"reads"`       // stored reads of decided passages
	Passages   uint64 `json:"passages"`    // decided
	NoReads    uint64 `json:"no_reads"`    // passages whose reads are gone, by retention or by the edge of the time range
	CameraGone uint64 `json:"camera_gone"` // passages of an unregistered camera: nothing is decided
}

func (c *InputCounts) addCounts(d *InputCounts) {
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

// FoundOffence is a candidate or held offence, as stored or as replayed.
type FoundOffence struct {
	ID          string `json:"offence_id"`
	Rule        string `json:"rule"`
	Status      string `json:"status"` // candidate or held
	Reason      string `json:"reason"`
	AmountCents int64  `json:"amount_cents"`
	Measured    int32  `json:"measured_dkmh,omitempty"` // from Measures, like the next two fields
	Corrected   int32  `json:"corrected_dkmh,omitempty"`
	Limit       int32  `json:"limit_dkmh,omitempty"`
	Passage     string `json:"passage_id"`
	CapturedAt  string `json:"captured_at"`

	Measures []schemas.Measure `json:"measures,omitempty"`
}

// isSame reports whether both offences have the same id and the same content.
func (o *FoundOffence) isSame(other *FoundOffence) bool {
	return slices.Equal(o.Measures, other.Measures) && o.ID == other.ID && o.Rule == other.Rule && o.Status == other.Status && o.Reason == other.Reason &&
		o.AmountCents == other.AmountCents && o.Passage == other.Passage && o.CapturedAt == other.CapturedAt
}

// offenceClaim is a passage's claim to an offence, with the place in the order of the log.
type offenceClaim struct {
	id            schemas.OffenceID
	rule          schemas.RuleID
	outcome       schemas.Outcome
	reason        string
	amount        int64
	measures      []schemas.Measure
	passage, read schemas.ID
	plate         schemas.Plate
	captured      schemas.Micros
	standing      schemas.PriorOffence // the prior offence for later passages
	within        schemas.Micros
	beside        doubted
	silent        bool // from a late read; a duplicate is then not stored, see rules.Engine.Decide
	sealed        bool // the sealed record equals the stored record, byte for byte
	columnPlace
	last, first int64 // offsets of the passage's last and first read
}

func (c *offenceClaim) isBefore(d *offenceClaim) bool {
	return cmp.Or(
		cmp.Compare(c.partition, d.partition), cmp.Compare(c.offset, d.offset), cmp.Compare(c.seq, d.seq),
		cmp.Compare(c.last, d.last), cmp.Compare(c.first, d.first), bytes.Compare(c.id.ID[:], d.id.ID[:]),
	) < 0
}

// doubted is the form of a claim beside an offence that may belong to the same vehicle.
type doubted struct {
	outcome schemas.Outcome
	reason  string
	sealed  bool
}

// worker decides ranges of plates in turn.
type worker struct {
	cfg       *Config
	stored    *storedOffences
	group     readGroup
	subjects  []subject
	decisions []schemas.Decision
	doubts    []schemas.Decision
	doubting  *rules.PriorOffences
	past      closedBefore
	told      uint64

	count    InputCounts
	claims   map[schemas.OffenceID]offenceClaim // the earliest of each id
	later    map[schemas.OffenceID][]schemas.ID // passages of the other claims
	offences map[schemas.ID]offenceClaim        // standing offences, from resolveExclusions
	verdicts map[verdictKey]uint64
}

func newWorker(cfg *Config, stored *storedOffences) *worker {
	return &worker{cfg: cfg, stored: stored, doubting: rules.Doubting(), claims: map[schemas.OffenceID]offenceClaim{}, later: map[schemas.OffenceID][]schemas.ID{}, verdicts: map[verdictKey]uint64{}}
}

// subject is a question to the rules, with the place on the log where the pipeline asked it.
type subject struct {
	rules.Subject
	of                  int // passage of the group
	offset, last, first int64
}

// subjectsOf appends the group's subjects: the passages, and the late reads that were judged alone. All reads of the
// group have been taken. skipped is called for a passage that cannot be decided.
func (g *readGroup) subjectsOf(dst []subject, reg CameraRegistry, skipped func(noReads bool)) []subject {
	for i := range g.passages {
		p := &g.passages[i]
		if p.Best.Read.IsZero() {
			skipped(true)
			continue
		}
		cam, ok := reg.Camera(p.Best.Camera)
		if !ok {
			skipped(false)
			continue
		}
		s := subject{rules.Subject{Passage: p, Camera: cam, StatedBy: statedBy(p, reg)}, i, g.rows[i].closed, g.last[i], g.first[i]}
		switch {
		case p.Measured.Read == p.Best.Read:
			s.MeasuredBy = cam
		case !p.Measured.Read.IsZero():
			s.MeasuredBy, _ = reg.Camera(p.Measured.Camera)
		}
		dst = append(dst, s)
	}
	for i := range g.late {
		l := &g.late[i]
		if cam, ok := reg.Camera(l.passage.Best.Camera); ok {
			if !g.wasJudged(l) {
				l.passage.Measured = schemas.Sighting{}
			}
			dedup.KeepNew(&l.passage, g.newlyStated(l))
			l.passage.Variants = g.countVariants(l)
			s := rules.Subject{Passage: &l.passage, Camera: cam, MeasuredBy: cam, StatedBy: statedBy(&l.passage, reg), Straggler: true}
			dst = append(dst, subject{s, int(l.of), l.offset, l.offset, l.offset})
		}
	}
	return dst
}

// statedBy returns the cameras of the passage's measurements, nil for one that is not in the registry.
func statedBy(p *schemas.Passage, reg CameraRegistry) (out []*schemas.Camera) {
	for i := range p.Measurements {
		cam, ok := reg.Camera(p.Measurements[i].On.Camera)
		if !ok {
			cam = nil
		}
		out = append(out, cam)
	}
	return out
}

// decideGroup decides each passage of the group as if there were no other.
func (w *worker) decideGroup() {
	w.group.completePassages()
	w.subjects = w.group.subjectsOf(w.subjects[:0], w.cfg.Registry, func(noReads bool) {
		if noReads {
			w.count.NoReads++
		} else {
			w.count.CameraGone++
		}
	})
	for i := range w.subjects {
		s := &w.subjects[i]
		if !s.Straggler {
			w.count.Passages++
			if w.cfg.Engine.HistorySpan() > 0 {
				w.past = closedBefore{&w.group, w.subjects, s}
				s.History = &w.past
			}
		}
		w.decisions, _ = w.cfg.Engine.Decide(w.decisions[:0], &s.Subject, w.cfg.Registry)
		w.doubts = w.doubts[:0]
		if slices.ContainsFunc(w.decisions, claimsOffence) {
			s.Prior = w.doubting
			w.doubts, _ = w.cfg.Engine.Decide(w.doubts, &s.Subject, w.cfg.Registry)
			s.Prior = nil
		}
		for k := range w.decisions {
			w.countDecision(&w.decisions[k], s)
		}
	}
	if w.countDone()-w.told >= 4096 {
		w.reportProgress()
	}
}

// countDone returns the number of finished passages.
func (w *worker) countDone() uint64 { return w.count.Passages + w.count.NoReads + w.count.CameraGone }

func (w *worker) reportProgress() {
	n := w.countDone()
	w.cfg.reportProgress(n - w.told)
	w.told = n
}

// claimsOffence reports whether the decision claims an offence.
func claimsOffence(d schemas.Decision) bool {
	return d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld
}

// countDecision takes a decision into the result.
func (w *worker) countDecision(d *schemas.Decision, s *subject) {
	if !claimsOffence(*d) {
		w.countOutcome(d.Rule, d.Outcome, d.On.CapturedAt)
		return
	}
	row := &w.group.rows[s.of]
	c := offenceClaim{
		rule: d.Rule, outcome: d.Outcome, reason: d.Reason, amount: d.AmountCents, measures: slices.Clone(d.Measures),
		passage: row.id, read: d.On.Read.ID, plate: row.plate, captured: d.On.CapturedAt, within: d.ExclusionSpan,
		silent:      s.Straggler && rules.InfoOf(d.Family).OnlyCasesOfStragglers(),
		columnPlace: columnPlace{row.partition, s.offset, unplaced}, last: s.last, first: s.first,
	}
	if at, ok := w.stored.places[evidenceOf{c.passage, c.read, c.rule}]; ok {
		c.columnPlace, d.Offence.ID = at.columnPlace, at.id // also where the stored ids were made otherwise
	}
	c.id, c.standing = d.Offence, d.PriorOffence()
	c.sealed = w.sealsAsStored(d, c.passage)
	for i := range w.doubts {
		if x := &w.doubts[i]; x.Rule == d.Rule {
			x.Offence = d.Offence
			c.beside = doubted{x.Outcome, x.Reason, w.sealsAsStored(x, c.passage)}
		}
	}
	w.keepClaim(&c)
}

// sealsAsStored reports whether the decision, sealed as the pipeline did, has the stored seal.
func (w *worker) sealsAsStored(d *schemas.Decision, passage schemas.ID) bool {
	o, ok := w.stored.offences[d.Offence.ID]
	if !ok || o.passage != passage {
		return false
	}
	return evidence.SealsTo(d, o.prevSeal, o.seal)
}

// countOutcome counts an outcome inside the time range.
func (w *worker) countOutcome(rule schemas.RuleID, o schemas.Outcome, captured schemas.Micros) {
	if w.cfg.coversCapture(captured) {
		w.verdicts[verdictKey{rule, o.String()}]++
	}
}

// keepClaim keeps the earliest claim to an offence, and only the passages of later claims. Duplicates are known
// when all claims are there.
func (w *worker) keepClaim(c *offenceClaim) {
	old, taken := w.claims[c.id]
	switch {
	case !taken:
		w.claims[c.id] = *c
	case c.isBefore(&old):
		w.claims[c.id] = *c
		w.dropClaim(&old)
	default:
		w.dropClaim(c)
	}
}

func (w *worker) dropClaim(c *offenceClaim) {
	if !c.silent {
		w.later[c.id] = append(w.later[c.id], c.passage)
	}
}

// addResults takes another worker's result.
func (w *worker) addResults(o *worker) {
	w.count.addCounts(&o.count)
	for k, n := range o.verdicts {
		w.verdicts[k] += n
	}
	for _, c := range o.claims {
		w.keepClaim(&c)
	}
	for id, all := range o.later {
		w.later[id] = append(w.later[id], all...)
	}
}

// resolveExclusions turns the claims into offences in log order, as the pipeline did. Claims outside the time range
// make later claims duplicates, and are then dropped.
func (w *worker) resolveExclusions() {
	all := make([]*offenceClaim, 0, len(w.claims))
	for _, c := range w.claims {
		all = append(all, &c)
	}
	slices.SortFunc(all, func(a, b *offenceClaim) int {
		if a.isBefore(b) {
			return -1
		}
		return 1
	})
	w.offences = make(map[schemas.ID]offenceClaim, len(all))
	var standing rules.PriorOffences
	for _, c := range all {
		first, answer := standing.Compare(&c.standing, c.within)
		if answer == rules.PriorDoubt {
			c.outcome, c.reason, c.sealed = c.beside.outcome, c.beside.reason, c.beside.sealed
		}
		if answer != rules.PriorSame {
			standing.Add(c.standing)
		}
		stands := c.passage
		if answer == rules.PriorSame {
			stands = first.Passage.ID
		}
		w.dropClaim(c)
		for _, passage := range w.later[c.id] {
			if passage != stands { // a second verdict on the passage of the first says nothing new
				w.countOutcome(c.rule, schemas.OutcomeDuplicate, c.captured)
			}
		}
		if answer != rules.PriorSame && w.cfg.coversCapture(c.captured) {
			w.offences[c.id.ID] = *c
		}
	}
	w.claims, w.later = nil, nil
}
