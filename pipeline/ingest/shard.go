package ingest

import (
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Toucher is what a [Registry] may implement as well: it loads what look-ups are going to need, many at a time, so that
// their cache misses overlap. The results have no meaning. Calling it or not changes no answer.
type Toucher interface {
	// TouchEntries is for Entries of these classes, at most dedup.TouchMost.
	TouchEntries(classes []schemas.Class) uint64
	// TouchVehicles is for Vehicle of these plates.
	TouchVehicles(plates []schemas.Plate) uint64
}

// Registry is one version of the reference data as the pipeline needs it. pipeline/reference implements it.
type Registry interface {
	rules.Reference
	// Camera finds the camera of that id; id may alias a record.
	Camera(id string) (*schemas.Camera, bool)
}

// World is the pair of versions a batch is decided under. It is read once a batch, so that no batch mixes two.
type World struct {
	Registry Registry
	Engine   *rules.Engine
}

// ShardConfig sets up a shard. Partitions is the number of partitions of the topic.
type ShardConfig struct {
	Topic      string
	Partition  int32
	Partitions int
	Dedup      dedup.Config
	ClockAhead schemas.Micros // captured later than received by more is rejected; 0 = decode's default
	ClockBack  schemas.Micros // captured longer before being received is rejected; 0 = decode's default
	Publisher  Publisher
	Now        func() schemas.Micros // only for the processed_at column of hits
}

// seenDays is for how many days back offences are remembered: longer than any camera buffers.
const seenDays = 8

// Shard is the state of one partition and the whole logic of the data path: decode, normalise, dedup, rules, evidence.
// It does no input or output but through the block and the publisher. Not safe for concurrent use.
type Shard struct {
	cfg      ShardConfig
	window   *dedup.Window
	passages *dedup.Passages
	clock    logClock
	marks    marks
	matched  versions                              // under which lists were last matched against all that is remembered
	stale    bool                                  // they are other ones now
	told     map[schemas.PassageID][]schemas.HitID // while state is rebuilt: what the tables say was told
	prior    rules.PriorOffences
	chain    *evidence.Chain

	reach    schemas.Micros // see readReach
	tomorrow schemas.Micros // when the clock's day ends

	// During Process.
	out       *Batch // nil while state is rebuilt
	world     World
	pos       Position
	seq       uint32
	group     *group
	cameras   cameraTable
	untouched bool // touch nothing, to measure and test what that changes
	subject   rules.Subject
	late      schemas.Passage // of one read
	hits      []schemas.Hit
	entries   []*schemas.ListEntry
	decisions []schemas.Decision
	traces    rules.TraceBuffer // of the decisions' traces: block and publisher keep none
}

// NewShard makes an empty shard whose first record is at offset start, when the log's clock stood at clock.
func NewShard(cfg ShardConfig, start int64, clock schemas.Micros) *Shard {
	return newShard(cfg, start, resumed(clock, nil))
}

func newShard(cfg ShardConfig, start int64, clock logClock) *Shard {
	if cfg.ClockAhead == 0 {
		cfg.ClockAhead = decode.DefaultAhead
	}
	if cfg.ClockBack == 0 {
		cfg.ClockBack = decode.DefaultBehind
	}
	cfg.Dedup = cfg.Dedup.WithDefaults()
	s := &Shard{
		cfg: cfg, clock: clock, reach: readReach(cfg.Dedup),
		window: dedup.NewWindow(cfg.Dedup.RepeatSpan, cfg.Dedup.RepeatIDs),
		marks:  marks{horizon: cfg.Dedup.Horizon()},
		chain:  &evidence.Chain{},
		pos:    Position{Topic: cfg.Topic, Partition: cfg.Partition, Offset: start},
	}
	s.group = &group{}
	s.passages = dedup.NewPassages(cfg.Dedup, s.closed)
	s.passages.Ahead(s.touchClosing)
	s.marks.at = append(s.marks.at, mark{start, clock})
	return s
}

// Clock returns the log's clock as a time of receipt, see logClock.
func (s *Shard) Clock() schemas.Micros { return s.clock.received() }

func (s *Shard) forgotten() Forgotten {
	return Forgotten{IDs: s.window.Evicted, Passages: s.passages.Forced}
}

// Restore loads what the tables remember of records below the offset at which Process goes on.
func (s *Shard) Restore(offences []schemas.Earlier, seals map[string]schemas.Sum) {
	for _, o := range offences {
		s.prior.Add(o)
	}
	s.chain.Load(seals)
}

// versions names a pair of versions; empty = not known.
type versions struct{ catalogue, reference string }

func (w *World) versions() versions {
	return versions{w.Engine.Catalogue().Version(), w.Registry.Version()}
}

// Told is a hit that was told: the passage, and what names the hit within a passage.
type Told struct {
	Passage schemas.PassageID
	List    string
	Entry   string
	Match   schemas.Match
}

// within names a hit within its passage: a vehicle that stands in view has a passage a slot.
func (t *Told) within() schemas.HitID {
	return schemas.NewHitID(t.List, t.Entry, schemas.PassageID{}, t.Match)
}

// RestoreTold says before state is rebuilt what was told of the passages that will be met: no list is asked then.
func (s *Shard) RestoreTold(told []Told) {
	s.told = make(map[schemas.PassageID][]schemas.HitID, len(told))
	for i := range told {
		s.told[told[i].Passage] = append(s.told[told[i].Passage], told[i].within())
	}
}

// take stores or merges an admitted read and fires hits.
func (s *Shard) take(r *schemas.Read, cam *schemas.Camera, from dedup.Origin) {
	s.advance(r.ReceivedAt, s.reach)
	if s.window.Seen(r.ID, s.clock.now) {
		s.merge(MergeRetransmission, r, schemas.PassageID{})
		return
	}
	a := s.passages.Add(r, from, s.pos.Offset)
	if a.Joined == dedup.JoinedMerged {
		s.merge(MergeParked, r, a.Passage)
		return
	}
	if b := s.out; b != nil {
		b.Totals.Stored++
		b.stamps.received = append(b.stamps.received, r.ReceivedAt)
		if r.Flags&schemas.FlagLate != 0 {
			b.Counts.Late++
		}
		if r.Flags&schemas.FlagMisrouted != 0 {
			b.Counts.Misrouted++
		}
		b.Block.Read(r, a.Passage, cam, s.pos)
	}
	switch {
	case s.out == nil:
		for _, id := range s.told[a.Passage] {
			s.passages.Report(a, id)
		}
	case a.Joined == dedup.JoinedNew || a.Joined == dedup.JoinedVariant:
		s.match(r, cam, a)
	}
	if a.Straggler {
		r.Camera = s.passages.Name(from.Camera)
		s.straggler(r, cam, &a)
	}
}

// doubt takes a gateway's word that a read and another one, in whatever partition, may be of one vehicle: the passage is then one of which
// two plates were read, and what would be a candidate is held.
func (s *Shard) doubt(r *schemas.Read) {
	s.advance(r.Tick, s.reach)
	if normalise.Read(r) != nil {
		return
	}
	if c := s.lookup(r.Camera, cameraHash(r.Camera)); c != nil {
		s.passages.Doubt(r.Class, c.site, r.CapturedAt)
	}
}

// straggler judges a read that was held back on its way until its passage was decided, as a passage of its own. Its speed is judged when
// it is the only one that was measured: had the passage had a measurement, the lower one would count, for the driver, so a later one changes
// nothing. What names another plate than the passage did is held.
func (s *Shard) straggler(r *schemas.Read, cam *schemas.Camera, a *dedup.Added) {
	if s.out == nil {
		return
	}
	p := &s.late
	*p = dedup.Alone(r, a.Passage)
	p.Variants = a.Plates
	if !a.Measures {
		p.Measured = schemas.Sighting{}
	}
	s.subject = rules.Subject{Passage: p, Camera: cam, MeasuredBy: cam, Straggler: true, Prior: &s.prior}
	var clean rules.FamilySet
	s.decisions, clean = s.world.Engine.DecideIn(&s.traces, s.decisions[:0], &s.subject, s.world.Registry)
	s.out.Counts.addClean(clean)
	for i := range s.decisions {
		s.decide(&s.decisions[i], p, cam)
	}
}

// match fires the hits of a read that the passage has not had yet.
func (s *Shard) match(r *schemas.Read, cam *schemas.Camera, a dedup.Added) {
	s.hits = s.world.Engine.Hits(s.hits[:0], r, a.Passage, cam, s.world.Registry)
	for i := range s.hits {
		h := &s.hits[i]
		told := Told{List: h.Entry.List, Entry: h.Entry.ID, Match: h.Match}
		if !s.passages.Report(a, told.within()) {
			continue
		}
		s.cfg.Publisher.Hit(&s.out.Pending, h, r)
		s.out.Block.Hit(h, r, cam, s.pos, s.cfg.Now())
		s.out.Totals.Hits++
		s.out.Counts.Hits[h.Match]++
	}
}

// rematch matches the lists of a new version against the vehicles in view and those that left a moment before: what was received at is the
// present. Hits that were told are not told again.
func (s *Shard) rematch(at schemas.Micros) {
	c := &s.cfg.Dedup
	moment := c.KeepClosed + c.CloseAfter + c.CloseStep
	s.passages.Recall(func(class schemas.Class, captured schemas.Micros) bool {
		s.entries = s.world.Registry.Entries(s.entries[:0], class, captured)
		return len(s.entries) > 0
	}, func(v *dedup.Recalled) {
		if d := at - v.Read.ReceivedAt; v.Decided && (d > moment || d < -moment) {
			return // log time stood still since: it left long ago
		}
		cam, ok := s.numbered(v.Camera, v.Read.Camera)
		if !ok {
			return
		}
		v.Read.RawPlate = v.Read.Plate.String()
		s.match(&v.Read, cam, v.Added)
	})
}

// closed decides a passage. While state is rebuilt nothing is decided: Restore brings what earlier decisions left.
func (s *Shard) closed(p *schemas.Passage) {
	b := s.out
	if b == nil {
		return
	}
	b.Totals.Passages++
	best, measured := s.passages.Cameras()
	cam, ok := s.numbered(best, p.Best.Camera)
	if !ok { // left the registry since the read: keep the passage, decide nothing
		b.Block.Passage(p, nil, s.pos)
		return
	}
	b.Block.Passage(p, cam, s.pos)
	if p.Parked {
		return
	}
	subject := &s.subject
	*subject = rules.Subject{Passage: p, Camera: cam, Prior: &s.prior}
	switch {
	case p.Measured.Read == p.Best.Read:
		subject.MeasuredBy = cam
	case !p.Measured.Read.IsZero():
		subject.MeasuredBy, _ = s.numbered(measured, p.Measured.Camera)
	}
	var clean rules.FamilySet
	s.decisions, clean = s.world.Engine.DecideIn(&s.traces, s.decisions[:0], subject, s.world.Registry)
	s.out.Counts.addClean(clean)
	for i := range s.decisions {
		s.decide(&s.decisions[i], p, cam)
	}
}

func (s *Shard) decide(d *schemas.Decision, p *schemas.Passage, best *schemas.Camera) {
	b := s.out
	b.Counts.Decisions[Verdict{d.Family, d.Outcome}]++
	cam := best
	if d.On.Read == p.Measured.Read {
		if c, ok := s.camera(d.On.Camera); ok {
			cam = c
		}
	}
	candidate := d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld
	if candidate {
		s.chain.Next(d)
		s.prior.Add(d.Earlier())
		b.Totals.Offences++
		s.cfg.Publisher.Offence(&b.Pending, d)
	}
	if d.Outcome == schemas.OutcomeDuplicate {
		if first, _ := s.prior.ByID(d.Offence); first.Passage == d.Passage {
			return // the same reads, sent again after the window of retransmissions: the first verdict on the passage stays
		}
	}
	b.Block.Decision(d, p.Class, cam, s.pos, s.seq)
	s.seq++
}

func (s *Shard) merge(kind MergeKind, r *schemas.Read, p schemas.PassageID) {
	if b := s.out; b != nil {
		b.Totals.Merged++
		b.Counts.Merged[kind]++
		b.Block.Merge(kind, r, p, s.pos)
	}
}

func (s *Shard) reject(r *Rejected) {
	b := s.out
	if b == nil {
		return
	}
	r.Pos = s.pos
	if r.Camera != "" {
		if cam, known := s.world.Registry.Camera(r.Camera); known {
			r.Zone = cam.ZoneAt(r.ReceivedAt)
		}
	}
	b.Totals.Rejected++
	b.Counts.Rejected[r.Err.Reason]++
	s.cfg.Publisher.Reject(&b.Pending, r)
	b.Block.Reject(r)
}

// advance tells the log's clock of a record and closes the passages that are due. It is where a batch under new versions looks at the
// vehicles in view: they are those of the time of its first record.
func (s *Shard) advance(at, reach schemas.Micros) {
	if s.clock.hear(at, reach) {
		if s.out != nil {
			s.newDay(s.clock.earliest())
		}
		s.passages.Advance(s.clock.now)
	}
	if s.stale && s.out != nil {
		s.stale = false
		s.rematch(at)
	}
}

// newDay forgets old days when the clock moves to another one. Days are those of Brussels, and dear to compute.
func (s *Shard) newDay(to schemas.Micros) {
	if to < s.tomorrow {
		return
	}
	s.prior.DropBefore((to.Day() - seenDays).Start())
	s.tomorrow = (to.Day() + 1).Start()
}
