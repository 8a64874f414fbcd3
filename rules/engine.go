package rules

import (
	"slices"
	"sync/atomic"

	"github.com/gvc-brussels/anpr/schemas"
)

// Engine evaluates a catalogue version at the cameras in a registry version. An engine has no state and is safe for
// concurrent use.
type Engine struct {
	cat      *Catalogue
	families []Family // catalogue's families, then further families
	infos    []*Info
	registry []*schemas.Camera // as handed in
	cameras  []compiledCamera  // by schemas.Camera.Number

	measured, stated, stragglers FamilySet // families deciding on the measured sighting, and on a stated one; families judging stragglers
}

// compiledCamera holds every family's work for a camera.
type compiledCamera struct {
	cam      *schemas.Camera
	passage  FamilySet // decide passages there
	first    FamilySet // match first reads there
	closed   FamilySet // tell of closed passages there
	families []Compiled
}

// nowhere is a camera without decisions.
var nowhere compiledCamera

// NewEngine makes an engine for a catalogue and all cameras in a registry version, once per pair. Further families
// decide after the catalogue's. [Families] does not list them, so their Precheck never answers Clear.
func NewEngine(cat *Catalogue, cameras []*schemas.Camera, further ...Family) *Engine {
	e := &Engine{cat: cat, families: slices.Concat(cat.families, further), registry: cameras}
	for i, f := range e.families {
		info := f.Info()
		e.infos = append(e.infos, info)
		if info.DecidedOn == MeasuredSighting {
			e.measured |= 1 << i
		}
		if info.DecidedOn == StatedSighting {
			e.stated |= 1 << i
		}
		if info.Stragglers {
			e.stragglers |= 1 << i
		}
	}
	for _, cam := range cameras {
		if n := int(cam.Number) + 1; n > len(e.cameras) {
			e.cameras = append(e.cameras, make([]compiledCamera, n-len(e.cameras))...)
		}
		e.cameras[cam.Number] = *e.compileFor(cam)
	}
	return e
}

// New makes an engine without a registry: each camera is compiled when met, which allocates. Scenarios and tools use
// New.
func New(cat *Catalogue) *Engine { return NewEngine(cat, nil) }

// Engines makes an engine once per registry version. Safe for concurrent use.
type Engines struct {
	cat  *Catalogue
	last atomic.Pointer[Engine]
}

// NewEngines makes engines for a catalogue.
func NewEngines(cat *Catalogue) *Engines { return &Engines{cat: cat} }

// For returns the engine for a registry's cameras: the last engine when the slice is the same.
func (m *Engines) For(cameras []*schemas.Camera) *Engine {
	if e := m.last.Load(); e != nil && len(e.registry) == len(cameras) && (len(cameras) == 0 || &e.registry[0] == &cameras[0]) {
		return e
	}
	e := NewEngine(m.cat, cameras)
	m.last.Store(e)
	return e
}

// HistorySpan returns the longest log time over which a family in the engine compares passages, 0 without such a
// family.
func (e *Engine) HistorySpan() schemas.Micros { return longestHistory(e.infos) }

// Catalogue returns the catalogue the engine was made for.
func (e *Engine) Catalogue() *Catalogue { return e.cat }

func (e *Engine) compileFor(cam *schemas.Camera) *compiledCamera {
	at := &compiledCamera{cam: cam, families: make([]Compiled, len(e.families))}
	for i, f := range e.families {
		c := f.Compile(cam)
		at.families[i] = c
		if c.Passage != nil && !c.Never && e.infos[i].Decides() {
			at.passage |= 1 << i
		}
		if c.FirstRead != nil && !c.Never {
			at.first |= 1 << i
		}
		if c.Closed != nil && !c.Never {
			at.closed |= 1 << i
		}
	}
	return at
}

// rulesAt returns every family's work for the camera. A camera from another registry is compiled here, so that another
// camera's entry is never used.
func (e *Engine) rulesAt(cam *schemas.Camera) *compiledCamera {
	if cam != nil && int(cam.Number) < len(e.cameras) {
		if at := &e.cameras[cam.Number]; at.cam == cam {
			return at
		}
	}
	return e.rulesElsewhere(cam)
}

func (e *Engine) rulesElsewhere(cam *schemas.Camera) *compiledCamera {
	if cam == nil {
		return &nowhere
	}
	return e.compileFor(cam)
}

// TraceBuffer is trace memory for callers who decide often and keep nothing. For a single goroutine.
type TraceBuffer struct {
	families []builderMemory
}

// memoryOf returns the family's memory, or new memory without a buffer.
func (t *TraceBuffer) memoryOf(place, families int) *builderMemory {
	if t == nil {
		return &builderMemory{}
	}
	if t.families == nil {
		t.families = make([]builderMemory, families)
	}
	return &t.families[place]
}

// Decide evaluates a closed passage for every family that applies at the camera. Decisions are appended in the order
// of [Families], except [schemas.OutcomeClear]. The result lists the families that applied and found nothing. A
// passage that is clean for all families costs no allocation.
func (e *Engine) Decide(dst []schemas.Decision, s *Subject, ref Reference) ([]schemas.Decision, FamilySet) {
	return e.DecideIn(nil, dst, s, ref)
}

// DecideIn is Decide with the traces in t, valid until the next use. Only the texts in traces allocate. Without t, a
// passage with a trace gets new memory.
func (e *Engine) DecideIn(t *TraceBuffer, dst []schemas.Decision, s *Subject, ref Reference) ([]schemas.Decision, FamilySet) {
	var clean FamilySet
	ref = withBoundaries(ref, s)
	best := e.rulesAt(s.Camera)
	measured := best
	if s.MeasuredBy != s.Camera {
		measured = e.rulesAt(s.MeasuredBy)
	}
	concerned := best.passage&^(e.measured|e.stated) | measured.passage&e.measured
	if len(s.Passage.Measurements) > 0 {
		concerned |= e.concernedByStated(s)
	}
	if s.Straggler {
		concerned &= e.stragglers
	}
	for ; concerned != 0; concerned &= concerned - 1 {
		i := concerned.firstPlace()
		at := best
		switch {
		case e.measured.Has(i):
			at = measured
		case e.stated.Has(i):
			_, cam := s.decidedOn(e.infos[i])
			at = e.rulesAt(cam)
		}
		family := at.families[i].Passage
		answer := family.Precheck(s, ref)
		if answer == Evaluate {
			d := e.evaluateFamily(t.memoryOf(i, len(e.infos)), i, family, s, ref)
			if s.Straggler && e.infos[i].OnlyCasesOfStragglers() && !opensCase(d) {
				continue
			}
			dst, answer = appendUnlessClear(dst, d)
		}
		if answer == Clear {
			clean |= 1 << i
		}
	}
	return dst, clean
}

// concernedByStated returns the families that decide on a measure of the passage at the camera that stated it.
func (e *Engine) concernedByStated(s *Subject) (out FamilySet) {
	for rest := e.stated; rest != 0; rest &= rest - 1 {
		i := rest.firstPlace()
		if _, cam := s.decidedOn(e.infos[i]); cam != nil {
			out |= e.rulesAt(cam).passage & (1 << i)
		}
	}
	return out
}

func opensCase(d *schemas.Decision) bool {
	return d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld
}

func appendUnlessClear(dst []schemas.Decision, d *schemas.Decision) ([]schemas.Decision, Precheck) {
	switch {
	case d.Outcome != schemas.OutcomeClear:
		return append(dst, *d), NotApplicable
	case d.Reason == reasonNotApplicable:
		return dst, NotApplicable
	default:
		return dst, Clear
	}
}

func (e *Engine) evaluateFamily(m *builderMemory, place int, family Evaluator, s *Subject, ref Reference) *schemas.Decision {
	b := e.newDecision(m, e.infos[place], s, ref)
	family.Evaluate(b, s, ref)
	_, cam := s.decidedOn(e.infos[place])
	b.applySuspension(cam)
	return b.Decision()
}

// Explain evaluates every deciding family and returns all decisions with traces: clear decisions too, and families
// that do not apply, with the reason not_applicable. Decide gives the same outcomes.
func (e *Engine) Explain(s *Subject, ref Reference) (out []schemas.Decision) {
	ref = withBoundaries(ref, s)
	for i, f := range e.families {
		_, cam := s.decidedOn(e.infos[i])
		if c := f.Compile(cam); c.Passage != nil && e.infos[i].Decides() {
			out = append(out, *e.evaluateFamily(&builderMemory{}, i, c.Passage, s, ref))
		}
	}
	return out
}

// Hits appends the matches for a passage's first read, family by family. A read without a match costs no allocation.
func (e *Engine) Hits(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, ref Reference) []schemas.Hit {
	at := e.rulesAt(cam)
	for concerned := at.first; concerned != 0; concerned &= concerned - 1 {
		dst = at.families[concerned.firstPlace()].FirstRead.Match(dst, r, p, ref)
	}
	return dst
}

// HitsOfPassage appends what is to be told of a closed passage, family by family. A late read that is judged alone tells
// nothing. A passage of which nothing is told costs no allocation.
func (e *Engine) HitsOfPassage(dst []schemas.Hit, s *Subject, ref Reference) []schemas.Hit {
	if s.Straggler {
		return dst
	}
	at := e.rulesAt(s.Camera)
	for concerned := at.closed; concerned != 0; concerned &= concerned - 1 {
		dst = at.families[concerned.firstPlace()].Closed.MatchPassage(dst, s, ref)
	}
	return dst
}

// Reasons lists the possible reasons in a family's decisions, for filters and pre-bound metrics. Hits have none.
func (c *Catalogue) Reasons(f schemas.Family) (out []string) {
	if info := InfoOf(f); info != nil {
		out = slices.Clone(info.Reasons)
	}
	for k, s := range c.general.exemptions {
		if k.family == f {
			out = append(out, s.reason)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
