package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config sets up a shard. Partitions counts the topic's partitions.
type Config struct {
	Topic      string
	Partition  int32
	Partitions int
	Dedup      dedup.Config
	ClockAhead schemas.Micros // captured later than received by more is rejected; 0 = decode's default
	ClockBack  schemas.Micros // captured longer before being received is rejected; 0 = decode's default
	NoPrefetch bool           // prefetch nothing: tests and benchmarks show the difference in time, and no other
}

// seenDays is for how many days back offences are remembered: longer than any camera buffers.
const seenDays = 8

// Shard is a partition's state with the logic that changes it. There is no input or output: Process hands rows on. Not
// safe for concurrent use.
type Shard struct {
	cfg      Config
	window   *dedup.RepeatFilter
	passages *dedup.Passages
	history  *dedup.History // nil when no family asks
	clock    logClock
	marks    clockMarks
	matched  VersionNames                          // versions for the last match over all remembered vehicles
	stale    bool                                  // they are other ones now
	told     map[schemas.PassageID][]schemas.HitID // during a rebuild: hits told already, by the tables
	prior    rules.PriorOffences
	chain    *evidence.Chain

	reach    schemas.Micros // see readReach
	tomorrow schemas.Micros // when the clock's day ends

	// During Process.
	versions *Versions
	tally    *Tally
	emit     func(*Rows) // nil while state is rebuilt
	offset   int64
	seq      uint32
	chunk    *chunk
	subject  rules.Subject
	late     schemas.Passage // of one read
	entries  []*schemas.ListEntry
	statedBy []*schemas.Camera // of the subject's measurements

	// The piece at hand and the memory of its rows, used again for the next piece.
	rows      Rows
	hits      []schemas.Hit
	decisions []schemas.Decision
	traces    []*rules.TraceBuffer // one a passage that was decided with a row
	traced    int                  // how many of them hold traces of the piece
}

// New makes an empty shard that starts at from; the zero Rewind is the log's beginning.
func New(cfg Config, from Rewind) *Shard {
	if cfg.ClockAhead == 0 {
		cfg.ClockAhead = decode.DefaultAhead
	}
	if cfg.ClockBack == 0 {
		cfg.ClockBack = decode.DefaultBehind
	}
	cfg.Dedup = cfg.Dedup.WithDefaults()
	clock := resumedClock(from.Clock, from.Anchors)
	s := &Shard{
		cfg: cfg, clock: clock, reach: readReach(cfg.Dedup),
		window: dedup.NewRepeatFilter(cfg.Dedup.RepeatSpan, cfg.Dedup.RepeatIDs),
		marks:  clockMarks{horizon: cfg.Dedup.Horizon(), marks: []clockMark{{from.Offset, clock}}},
		chain:  &evidence.Chain{}, chunk: &chunk{}, offset: from.Offset,
		rows: Rows{Topic: cfg.Topic, Partition: cfg.Partition},
	}
	s.passages = dedup.NewPassages(cfg.Dedup, s.decidePassages)
	s.history = dedup.NewHistory(cfg.Dedup)
	return s
}

// Clock returns the log clock as a time of receipt, see logClock.
func (s *Shard) Clock() schemas.Micros { return s.clock.activeReceipt() }

// History returns the memory for closed passages, nil when no family asks for it.
func (s *Shard) History() *dedup.History { return s.history }

// LogTime returns the log time. Only the difference between two log times means something.
func (s *Shard) LogTime() schemas.Micros { return s.clock.now }

// OffencesSince returns the first Brussels day whose offences [Shard.Restore] needs.
func (s *Shard) OffencesSince() schemas.Day { return s.clock.earliestReceipt().Day() - seenDays }

// Matched returns the versions for the last match over all remembered vehicles.
func (s *Shard) Matched() VersionNames { return s.matched }

// SetMatched sets these versions, after a rebuild or for a batch made again.
func (s *Shard) SetMatched(v VersionNames) { s.matched = v }

// TickAt reports whether a tick is due after the pause, with the time to write. A tick is due when an open passage may
// close, or when changed lists must be matched against the vehicles in view.
func (s *Shard) TickAt(elapsed schemas.Micros, current VersionNames) (at schemas.Micros, due bool) {
	closes, open := s.passages.NextClose()
	closing := open && s.clock.now+elapsed >= closes
	unmatched := current != s.matched && s.passages.Remembered() > 0
	if !closing && !unmatched {
		return 0, false
	}
	return s.clock.tickAt(elapsed), true
}

// Restore loads facts from the tables about records below the offset where Process goes on.
func (s *Shard) Restore(offences []schemas.PriorOffence, seals map[string]schemas.Sum) {
	for _, o := range offences {
		s.prior.Add(o)
	}
	s.chain.Load(seals)
}

// Told is a published hit: the passage, and the hit's name inside the passage.
type Told struct {
	Passage schemas.PassageID
	List    string
	Entry   string
	Match   schemas.Match
}

// idInPassage names a hit inside a passage. The passage id stays out, because a vehicle standing in view has several
// passages.
func (t *Told) idInPassage() schemas.HitID {
	return schemas.NewHitID(t.List, t.Entry, schemas.PassageID{}, t.Match)
}

// RestoreTold takes the published hits before a rebuild, which then asks no list.
func (s *Shard) RestoreTold(told []Told) {
	s.told = make(map[schemas.PassageID][]schemas.HitID, len(told))
	for i := range told {
		s.told[told[i].Passage] = append(s.told[told[i].Passage], told[i].idInPassage())
	}
}

// storeOrMerge stores or merges an admitted read and fires hits.
func (s *Shard) storeOrMerge(r *schemas.Read, cam *schemas.Camera, from dedup.Origin) {
	s.advanceClock(r.ReceivedAt, s.reach)
	if s.window.Seen(r.ID, s.clock.now) {
		s.recordMerge(MergeRetransmission, r, schemas.PassageID{})
		return
	}
	a := s.passages.Add(r, from, s.offset)
	if a.Joined == dedup.JoinedMerged {
		s.recordMerge(MergeParked, r, a.Passage)
		return
	}
	if s.emit != nil {
		s.tally.Stored++
		if r.Flags&schemas.FlagLate != 0 {
			s.tally.Counts.Late++
		}
		if r.Flags&schemas.FlagMisrouted != 0 {
			s.tally.Counts.Misrouted++
		}
		s.rows.Reads = append(s.rows.Reads, ReadRow{Read: r, Camera: cam, Passage: a.Passage, Offset: s.offset})
	}
	switch {
	case s.emit == nil:
		for _, id := range s.told[a.Passage] {
			s.passages.MarkHit(a, id)
		}
	case a.Joined == dedup.JoinedNew || a.Joined == dedup.JoinedVariant:
		s.fireHits(r, cam, a)
	}
	if a.Straggler {
		r.Camera = cam.ID
		s.judgeStraggler(r, cam, &a)
	}
}

// applyDoubt takes a gateway's word that two reads, perhaps in different partitions, may show the same vehicle. The
// passage then counts two plates, and findings are held.
func (s *Shard) applyDoubt(r *schemas.Read) {
	s.advanceClock(r.Tick, s.reach)
	if normalise.Read(r) != nil {
		return
	}
	if c, ok := s.versions.Reference.Camera(r.Camera); ok {
		s.passages.Doubt(r.Class, c.SiteHash, r.CapturedAt)
	}
}

// judgeStraggler judges a delayed read as a separate passage, after the real passage was decided. The speed counts
// only when no other read was measured: with a measurement the lower speed would have counted, for the driver, and a
// later speed changes nothing. A straggler with another plate is held.
func (s *Shard) judgeStraggler(r *schemas.Read, cam *schemas.Camera, a *dedup.Added) {
	if s.emit == nil {
		return
	}
	p := &s.late
	*p = dedup.PassageOfRead(r, a.Passage)
	p.Variants = a.Plates
	if !a.Measures {
		p.Measured = schemas.Sighting{}
	}
	dedup.KeepNew(p, a.Stated)
	s.subject = rules.Subject{Passage: p, Camera: cam, MeasuredBy: cam, Straggler: true, Prior: &s.prior}
	s.addStatedBy(p)
	s.decideSubject(p, cam)
}

// decideSubject applies the rules and records every decision. best is the camera of the best read.
func (s *Shard) decideSubject(p *schemas.Passage, best *schemas.Camera) {
	var clean rules.FamilySet
	first := len(s.decisions)
	s.decisions, clean = s.versions.Engine.DecideIn(s.nextTrace(), s.decisions, &s.subject, s.versions.Reference)
	s.tally.Counts.addClean(clean)
	if len(s.decisions) > first {
		s.traced++
	}
	for i := first; i < len(s.decisions); i++ {
		s.recordDecision(&s.decisions[i], p, best)
	}
}

// nextTrace returns trace memory for a passage, unused by rows in the piece.
func (s *Shard) nextTrace() *rules.TraceBuffer {
	if s.traced == len(s.traces) {
		s.traces = append(s.traces, &rules.TraceBuffer{})
	}
	return s.traces[s.traced]
}

// fireHits fires hits new to the passage and reports whether there were any.
func (s *Shard) fireHits(r *schemas.Read, cam *schemas.Camera, a dedup.Added) (fired bool) {
	first := len(s.hits)
	s.hits = s.versions.Engine.Hits(s.hits, r, a.Passage, cam, s.versions.Reference)
	for i := first; i < len(s.hits); i++ {
		h := &s.hits[i]
		told := Told{List: h.Entry.List, Entry: h.Entry.ID, Match: h.Match}
		if !s.passages.MarkHit(a, told.idInPassage()) {
			continue
		}
		fired = true
		s.recordHit(h, r, cam)
	}
	return fired
}

// recordHit counts a hit and adds its row.
func (s *Shard) recordHit(h *schemas.Hit, r *schemas.Read, cam *schemas.Camera) {
	s.tally.Hits++
	s.tally.Counts.Hits[h.Match]++
	s.rows.Hits = append(s.rows.Hits, HitRow{Hit: h, Read: r, Camera: cam, Offset: s.offset})
	if len(s.rows.Hits) == PieceRows {
		s.emitPiece()
	}
}

// rematchRecalled matches new lists against vehicles in view and vehicles just gone. at is the present, as a time of
// receipt. A hit is never told twice.
func (s *Shard) rematchRecalled(at schemas.Micros) {
	c := &s.cfg.Dedup
	moment := c.KeepClosed + c.CloseAfter + c.CloseStep
	s.passages.Recall(func(class schemas.Class, captured schemas.Micros) bool {
		s.entries = s.versions.Reference.Entries(s.entries[:0], class, captured)
		return len(s.entries) > 0
	}, func(v *dedup.Recalled) {
		if d := at - v.Read.ReceivedAt; v.Decided && (d > moment || d < -moment) {
			return // log time stood still: the vehicle left long ago
		}
		cam, ok := s.versions.Reference.CameraNumbered(v.Camera)
		if !ok {
			return
		}
		v.Read.Camera, v.Read.RawPlate = cam.ID, v.Read.Plate.String()
		if s.fireHits(&v.Read, cam, v.Added) {
			s.handOver() // the memory uses the read again
		}
	})
}

// decidePassages decides at most ChunkSize closed passages. A rebuild decides nothing: Restore brings the earlier
// results. Each passage enters the history between its own decision and the next, so in a pair only the later passage
// meets the earlier.
func (s *Shard) decidePassages(closed []dedup.Closed) {
	if s.emit == nil {
		for i := range closed {
			s.history.Add(&closed[i], s.clock.now)
		}
		return
	}
	s.prefetchClosed(closed)
	for i := range closed {
		s.decidePassage(&closed[i])
		s.history.Add(&closed[i], s.clock.now)
	}
	s.handOver() // the memory uses the passages again
}

func (s *Shard) decidePassage(c *dedup.Closed) {
	p := &c.Passage
	s.tally.Passages++
	reference := s.versions.Reference
	p.Best.Camera = reference.CameraName(c.BestCamera)
	if c.MeasuredCamera != 0 {
		p.Measured.Camera = reference.CameraName(c.MeasuredCamera)
	}
	cam, ok := reference.CameraNumbered(c.BestCamera)
	if !ok { // left the registry since the read: keep the passage, decide nothing
		cam = nil
	}
	s.rows.Passages = append(s.rows.Passages, PassageRow{Passage: p, Camera: cam, Offset: s.offset})
	if !ok || p.Parked {
		return
	}
	subject := &s.subject
	*subject = rules.Subject{Passage: p, Camera: cam, Prior: &s.prior}
	if s.history != nil {
		subject.History = s.history
	}
	switch {
	case p.Measured.Read == p.Best.Read:
		subject.MeasuredBy = cam
	case !p.Measured.Read.IsZero():
		subject.MeasuredBy, _ = reference.CameraNumbered(c.MeasuredCamera)
	}
	s.addStatedBy(p)
	s.fireHitsOfPassage(p, cam)
	s.decideSubject(p, cam)
}

// fireHitsOfPassage fires what is told of a closed passage. It closes once, so nothing is told twice.
func (s *Shard) fireHitsOfPassage(p *schemas.Passage, cam *schemas.Camera) {
	first := len(s.hits)
	s.hits = s.versions.Engine.HitsOfPassage(s.hits, &s.subject, s.versions.Reference)
	if len(s.hits) == first {
		return
	}
	b := &p.Best
	r := &schemas.Read{
		ID: b.Read, Camera: cam.ID, RawPlate: b.Plate.String(), Plate: b.Plate, Class: p.Class, Country: b.Country, CountryConfidence: b.CountryConfidence,
		CapturedAt: b.CapturedAt, ReceivedAt: b.ReceivedAt, Confidence: b.Confidence, Lane: b.Lane, Direction: b.Direction, Kind: b.Kind, Flags: b.Flags, Image: b.Image,
	}
	for i := first; i < len(s.hits); i++ {
		s.recordHit(&s.hits[i], r, cam)
	}
}

// addStatedBy tells the subject the cameras of the passage's measurements.
func (s *Shard) addStatedBy(p *schemas.Passage) {
	s.statedBy = s.statedBy[:0]
	for i := range p.Measurements {
		cam, _ := s.versions.Reference.Camera(p.Measurements[i].On.Camera) // nil when it left the registry
		s.statedBy = append(s.statedBy, cam)
	}
	s.subject.StatedBy = s.statedBy
}

// recordDecision counts a decision, seals it when it opens a case, and adds its row.
func (s *Shard) recordDecision(d *schemas.Decision, p *schemas.Passage, best *schemas.Camera) {
	s.tally.Counts.Decisions[DecisionLabel{d.Family, d.Outcome}]++
	cam := best
	if d.On.Read != p.Best.Read {
		if c, ok := s.versions.Reference.Camera(d.On.Camera); ok {
			cam = c
		}
	}
	row := DecisionRow{Decision: d, Camera: cam, Class: p.Class, Offset: s.offset, Seq: s.seq, Straggler: s.subject.Straggler}
	if row.IsOffence() {
		s.chain.Next(d)
		s.prior.Add(d.PriorOffence())
		s.tally.Offences++
	}
	if d.Outcome == schemas.OutcomeDuplicate {
		if first, _ := s.prior.ByID(d.Offence); first.Passage == d.Passage {
			return // the same reads, sent again after the repeat window: the first verdict stays
		}
	}
	s.seq++
	s.rows.Decisions = append(s.rows.Decisions, row)
	if len(s.rows.Decisions) == PieceRows {
		s.emitPiece()
	}
}

func (s *Shard) recordMerge(kind MergeKind, r *schemas.Read, p schemas.PassageID) {
	if s.emit == nil {
		return
	}
	s.tally.Merged++
	s.tally.Counts.Merged[kind]++
	s.rows.Merges = append(s.rows.Merges, MergeRow{Kind: kind, Read: r, Passage: p, Offset: s.offset})
}

func (s *Shard) recordReject(r RejectRow) {
	if s.emit == nil {
		return
	}
	r.Pos = s.rows.At(s.offset)
	if r.Camera != "" {
		if cam, known := s.versions.Reference.Camera(r.Camera); known {
			r.Zone = cam.ZoneAt(r.ReceivedAt)
		}
	}
	s.tally.Rejected++
	s.tally.Counts.Rejected[r.Err.Reason]++
	s.rows.Rejects = append(s.rows.Rejects, r)
}

// emitPiece hands a piece with rows on. Hits and decisions keep their memory, because their maker may still be at
// work.
func (s *Shard) emitPiece() {
	if s.rows.Len() > 0 {
		s.emit(&s.rows)
		s.rows.resetRows()
	}
}

// handOver hands the piece on and begins the next in the same memory.
func (s *Shard) handOver() {
	if s.emit != nil {
		s.emitPiece()
		s.hits, s.decisions, s.traced = s.hits[:0], s.decisions[:0], 0
	}
}

// advanceClock moves the log clock by a record and closes due passages. A batch under new versions starts here with
// the vehicles in view, at the time of the first record.
func (s *Shard) advanceClock(at, reach schemas.Micros) {
	if s.clock.hearRecord(at, reach) {
		if s.emit != nil {
			s.forgetOldDays(s.clock.earliestReceipt())
		}
		s.history.Advance(s.clock.now)
		s.passages.Advance(s.clock.now)
	}
	if s.stale && s.emit != nil {
		s.stale = false
		s.rematchRecalled(at)
	}
}

// forgetOldDays forgets old Brussels days when the clock enters another day. Days are dear to compute.
func (s *Shard) forgetOldDays(now schemas.Micros) {
	if now < s.tomorrow {
		return
	}
	s.prior.DropBefore((now.Day() - seenDays).Start())
	s.tomorrow = (now.Day() + 1).Start()
}
