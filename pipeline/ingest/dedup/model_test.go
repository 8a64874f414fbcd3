package dedup

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// model is the first version of Passages: a Go map, slots with whole passages and a single heap of deadlines. The
// model is slow and plain, and defines the required behaviour of Passages.

type modelKey struct {
	class schemas.Class
	site  uint64
}

type modelSlot struct {
	p        schemas.Passage
	seen     []schemas.Read // kept until the decision
	lo, hi   schemas.Micros // capture times of the chain; for a parked vehicle, lo is the slot's start
	opened   int64          // offset of the opening record: unique in the partition
	last     schemas.Micros // log clock at the latest read
	next     int32          // next slot with the same key; -1 = the last
	closed   bool
	doubted  bool
	lacking  bool // closed without a speed
	stated   map[schemas.MeasureName]bool
	nplates  uint8
	plates   [maxPlates]schemas.Plate
	reported []schemas.HitID
}

type model struct {
	cfg    Config
	index  map[modelKey]int32 // first slot by key
	slots  []modelSlot
	free   []int32
	due    deadlines
	open   int
	clock  schemas.Micros
	emit   func(*schemas.Passage)
	lookup modelKey // scratch, keeps Add free of allocation

	// Forced counts passages closed early because MaxPassages was reached. Stragglers counts reads that joined a decided
	// passage.
	Forced, Stragglers uint64
}

// newModel returns an empty memory. emit receives every closed passage during Advance and Add, and must not keep the
// pointer.
func newModel(cfg Config, emit func(*schemas.Passage)) *model {
	cfg = cfg.WithDefaults()
	return &model{
		cfg: cfg, emit: emit,
		index: make(map[modelKey]int32, cfg.PassagesStart),
		slots: make([]modelSlot, 0, cfg.PassagesStart),
		due:   make(deadlines, 0, cfg.PassagesStart),
	}
}

// Open returns the number of undecided passages.
func (ps *model) Open() int { return ps.open }

// NextClose returns the log time at which the next open passage may close; ok is false without an open passage. The
// time may be too early, never too late.
func (ps *model) NextClose() (at schemas.Micros, ok bool) {
	if ps.open == 0 {
		return 0, false
	}
	at = modelCloses(ps.cfg, ps.clock)
	for _, d := range ps.due {
		if s := &ps.slots[d.slot]; !s.closed {
			at = min(at, modelCloses(ps.cfg, s.last))
		}
	}
	return at, true
}

// Advance moves the log clock forward and closes due passages in the order (deadline, first offset).
func (ps *model) Advance(clock schemas.Micros) {
	ps.clock = max(ps.clock, clock)
	for len(ps.due) > 0 && ps.due[0].at <= ps.clock {
		d := ps.due[0]
		s := &ps.slots[d.slot]
		if at := ps.deadline(s); at != d.at {
			ps.due.replaceTop(modelDue{at, d.opened, d.slot}) // a read came since
			continue
		}
		if s.closed {
			ps.due.pop()
			ps.drop(d.slot)
			continue
		}
		ps.close(s)
		ps.due.replaceTop(modelDue{ps.deadline(s), d.opened, d.slot})
	}
}

func (ps *model) deadline(s *modelSlot) schemas.Micros {
	if s.closed {
		return modelCloses(ps.cfg, s.last) + ps.cfg.KeepClosed
	}
	return modelCloses(ps.cfg, s.last)
}

// modelCloses returns the first multiple of CloseStep at least CloseAfter later than last.
func modelCloses(c Config, last schemas.Micros) schemas.Micros {
	at := schemas.Micros(0)
	if n := (last + c.CloseAfter) / c.CloseStep; n > 0 {
		at = n * c.CloseStep
	}
	for at < last+c.CloseAfter {
		at += c.CloseStep
	}
	return at
}

func (ps *model) close(s *modelSlot) {
	modelWhole(&s.p, s.seen)
	s.closed, s.lacking, s.seen = true, s.p.Measured.Read.IsZero(), nil
	ps.open--
	ps.emit(&s.p)
}

// put puts a read into a passage. The caller must have called Advance with the log clock at the record. offset is the
// record's offset, unique and rising. put stops allocating once the maps have grown to the working size.
func (ps *model) put(r *schemas.Read, siteHash uint64, offset int64) Added {
	ps.lookup = modelKey{r.Class, siteHash}
	i := ps.find(r.CapturedAt)
	if i < 0 {
		i = ps.create(r, offset, r.CapturedAt)
		return Added{Joined: JoinedNew, Passage: ps.slots[i].p.ID, slot: i}
	}
	s := &ps.slots[i]
	if s.p.Parked {
		return ps.addParked(i, r, offset)
	}
	if r.CapturedAt-s.lo > ps.cfg.ParkedAfter {
		if !s.closed {
			ps.close(s)
		}
		return ps.openParked(i, r, offset)
	}
	if s.closed {
		ps.Stragglers++
	}
	s.last = ps.clock
	s.lo, s.hi = min(s.lo, r.CapturedAt), max(s.hi, r.CapturedAt)
	s.p.Reads++
	s.p.Last = max(s.p.Last, r.CapturedAt)
	s.seen = append(s.seen, *r)
	a := Added{Joined: JoinedSame, Passage: s.p.ID, Straggler: s.closed, Measures: s.closed && s.lacking && r.Speed > 0, slot: i}
	s.lacking = s.lacking && !a.Measures
	for _, m := range r.Measures {
		if s.closed && !s.stated[m.Name] {
			a.Stated |= schemas.SetOfMeasure(m.Name)
		}
		s.stated[m.Name] = true
	}
	if s.addPlate(r.Plate) {
		a.Joined = JoinedVariant
	}
	if s.closed {
		if a.Plates = s.nplates; a.Plates == 1 && s.doubted {
			a.Plates = 2
		}
	}
	return a
}

// MarkHit remembers a hit and reports whether the hit is new to the passage.
func (ps *model) MarkHit(a Added, id schemas.HitID) bool {
	s := &ps.slots[a.slot]
	if slices.Contains(s.reported, id) {
		return false
	}
	s.reported = append(s.reported, id)
	return true
}

func (ps *model) Doubt(c schemas.Class, site uint64, at schemas.Micros) {
	ps.lookup = modelKey{c, site}
	if i := ps.find(at); i >= 0 {
		s := &ps.slots[i]
		s.doubted = true
		if !s.closed && s.p.Variants == 1 {
			s.p.Variants = 2
		}
	}
}

// find returns the key's oldest slot whose capture times reach within Gap of at, or -1.
func (ps *model) find(at schemas.Micros) int32 {
	i, ok := ps.index[ps.lookup]
	if !ok {
		return -1
	}
	for ; i >= 0; i = ps.slots[i].next {
		if s := &ps.slots[i]; at >= s.lo-ps.cfg.Gap && at <= s.hi+ps.cfg.Gap {
			return i
		}
	}
	return -1
}

func (ps *model) create(r *schemas.Read, offset int64, lo schemas.Micros) int32 {
	if len(ps.slots)-len(ps.free) >= ps.cfg.MaxPassages {
		ps.evict()
	}
	var i int32
	if n := len(ps.free); n > 0 {
		i = ps.free[n-1]
		ps.free = ps.free[:n-1]
	} else {
		i = int32(len(ps.slots))
		ps.slots = append(ps.slots, modelSlot{})
	}
	s := &ps.slots[i]
	*s = modelSlot{lo: lo, hi: r.CapturedAt, opened: offset, last: ps.clock, next: -1, reported: s.reported[:0], stated: map[schemas.MeasureName]bool{}}
	for _, m := range r.Measures {
		s.stated[m.Name] = true
	}
	s.p = schemas.Passage{
		ID: schemas.PassageIDOf(r.ID), Class: r.Class, SiteHash: ps.lookup.site,
		First: r.CapturedAt, Last: r.CapturedAt, Reads: 1,
	}
	s.seen = append(s.seen, *r)
	s.addPlate(r.Plate)
	ps.append(i)
	ps.open++
	ps.due.push(modelDue{ps.deadline(s), offset, i})
	return i
}

// append appends the slot to the key's chain, so that find meets the oldest slot first.
func (ps *model) append(i int32) {
	head, ok := ps.index[ps.lookup]
	if !ok {
		ps.index[ps.lookup] = i
		return
	}
	for ps.slots[head].next >= 0 {
		head = ps.slots[head].next
	}
	ps.slots[head].next = i
}

// evict makes room: the next due passage closes early.
func (ps *model) evict() {
	d := ps.due.pop()
	s := &ps.slots[d.slot]
	if !s.closed {
		ps.Forced++
		ps.close(s)
	}
	ps.drop(d.slot)
}

func (ps *model) drop(i int32) {
	s := &ps.slots[i]
	k := modelKey{s.p.Class, s.p.SiteHash}
	head := ps.index[k]
	if head == i {
		if s.next < 0 {
			delete(ps.index, k)
		} else {
			ps.index[k] = s.next
		}
	} else {
		for ps.slots[head].next != i {
			head = ps.slots[head].next
		}
		ps.slots[head].next = s.next
	}
	if cap(s.reported) > 64 {
		s.reported = nil
	}
	ps.free = append(ps.free, i)
}

// addPlate reports whether the plate is new to the passage.
func (s *modelSlot) addPlate(p schemas.Plate) bool {
	if slices.Contains(s.plates[:s.nplates], p) {
		return false
	}
	if s.nplates < maxPlates {
		s.plates[s.nplates] = p
		s.nplates++
	}
	if s.p.Variants < 255 {
		s.p.Variants++
	}
	return true
}

// openParked starts a slot for a parked vehicle and retires the previous slot i.
func (ps *model) openParked(i int32, r *schemas.Read, offset int64) Added {
	ps.retire(i)
	lo := r.CapturedAt - r.CapturedAt%ps.cfg.ParkedSlot
	told := ps.slots[i].reported
	ps.slots[i].reported = nil
	j := ps.create(r, offset, lo)
	s := &ps.slots[j]
	s.p.Parked, s.reported = true, slices.Clone(told)
	return Added{Joined: JoinedParked, Passage: s.p.ID, slot: j}
}

// addParked counts a repeat on the current slot, or starts the next slot. A late read from an earlier slot also counts
// on the current slot.
func (ps *model) addParked(i int32, r *schemas.Read, offset int64) Added {
	s := &ps.slots[i]
	if r.CapturedAt >= s.lo+ps.cfg.ParkedSlot {
		if !s.closed {
			ps.close(s)
		}
		return ps.openParked(i, r, offset)
	}
	if s.closed {
		ps.Stragglers++
	}
	s.last = ps.clock
	s.hi = max(s.hi, r.CapturedAt)
	s.p.Merged++
	s.p.Last = max(s.p.Last, r.CapturedAt)
	return Added{Joined: JoinedMerged, Passage: s.p.ID, slot: i}
}

// retire hides a closed slot from find with an impossible time range. Advance drops the slot when due.
func (ps *model) retire(i int32) {
	s := &ps.slots[i]
	s.lo, s.hi = never, -never
}

// deadlines is a binary heap, the earliest first. container/heap would box every element.
type deadlines []modelDue

func (h *deadlines) push(d modelDue) {
	*h = append(*h, d)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *deadlines) pop() modelDue {
	s := *h
	top := s[0]
	last := s[len(s)-1]
	*h = s[:len(s)-1]
	if len(*h) > 0 {
		h.replaceTop(last)
	}
	return top
}

func (h *deadlines) replaceTop(d modelDue) {
	s := *h
	s[0] = d
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(s); c++ {
			if s[c].before(s[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}

// modelMeasurements finds the read that counts for each measure, one measure after the other.
func modelMeasurements(p *schemas.Passage, reads []schemas.Read) {
	p.Measurements = nil
	for _, name := range []schemas.MeasureName{schemas.RedTime, schemas.AmberTime, schemas.VehicleLength, schemas.VehicleMass} {
		var winner *schemas.Read
		var least schemas.Measure
		for i := range reads {
			r := &reads[i]
			for _, m := range r.Measures {
				if m.Name == name && (winner == nil || cmp.Or(cmp.Compare(m.Value, least.Value), cmp.Compare(r.CapturedAt, winner.CapturedAt), bytes.Compare(r.ID.ID[:], winner.ID.ID[:])) < 0) {
					winner, least = r, m
				}
			}
		}
		if winner == nil {
			continue
		}
		if i := slices.IndexFunc(p.Measurements, func(x schemas.Measurement) bool { return x.On.Read == winner.ID }); i >= 0 {
			all := append(p.Measurements[i].Measures, least)
			slices.SortFunc(all, func(a, b schemas.Measure) int { return cmp.Compare(a.Name, b.Name) })
			p.Measurements[i].Measures = all
			continue
		}
		x := schemas.Measurement{Measures: []schemas.Measure{least}}
		bits := map[schemas.PictureKind]schemas.PictureSet{schemas.PictureScene: 1, schemas.PicturePlate: 2, schemas.PictureSecond: 4, schemas.PictureOther: 8}
		pictures := len(winner.MoreImages)
		if !winner.Image.IsZero() {
			pictures++
		}
		for _, k := range schemas.PictureKindsOf(winner.ImageKinds, pictures) {
			x.Pictures |= bits[k]
		}
		writeSighting(&x.On, winner)
		modelLend(&x.On, &p.Best)
		p.Measurements = append(p.Measurements, x)
	}
}

// modelWhole combines the reads of a passage. The best read has the highest confidence, then the earliest capture,
// then the smallest id, whatever the order of arrival. Missing facts come from the next read in this order with the
// fact. The measured read is the slowest read with a speed, in the driver's favour.
func modelWhole(p *schemas.Passage, reads []schemas.Read) {
	reads = slices.Clone(reads)
	slices.SortFunc(reads, func(a, b schemas.Read) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.CapturedAt, b.CapturedAt), bytes.Compare(a.ID.ID[:], b.ID.ID[:]))
	})
	writeSighting(&p.Best, &reads[0])
	for _, r := range reads {
		modelFill(&p.Best, r.Country, r.CountryConfidence, r.Kind, r.Make, r.Colour, r.Image)
	}
	p.Measured = schemas.Sighting{}
	slices.SortStableFunc(reads, func(a, b schemas.Read) int {
		return cmp.Or(cmp.Compare(a.Speed, b.Speed), cmp.Compare(a.CapturedAt, b.CapturedAt), bytes.Compare(a.ID.ID[:], b.ID.ID[:]))
	})
	for _, r := range reads {
		if r.Speed == 0 {
			continue
		}
		writeSighting(&p.Measured, &r)
		modelLend(&p.Measured, &p.Best)
		break
	}
	modelMeasurements(p, reads)
}

// modelLend gives the sighting what it lacks and the best read says. Lane and direction are of a camera.
func modelLend(s, b *schemas.Sighting) {
	if s.Make, s.Colour = b.Make, b.Colour; s.Read != b.Read && s.Camera == b.Camera {
		if s.Lane == 0 {
			s.Lane = b.Lane
		}
		if s.Direction == schemas.DirectionUnknown {
			s.Direction = b.Direction
		}
	}
	modelFill(s, b.Country, b.CountryConfidence, b.Kind, b.Make, b.Colour, b.Image)
}

func modelFill(s *schemas.Sighting, c schemas.Country, cc schemas.PerMille, k schemas.VehicleKind, maker, colour string, image schemas.Sum) {
	if s.Country.IsZero() {
		s.Country, s.CountryConfidence = c, cc
	}
	if s.Kind == schemas.KindUnknown {
		s.Kind = k
	}
	if s.Make == "" {
		s.Make = maker
	}
	if s.Colour == "" {
		s.Colour = colour
	}
	if s.Image.IsZero() {
		s.Image = image
	}
}

type modelDue struct {
	at     schemas.Micros
	opened int64
	slot   int32
}

func (a modelDue) before(b modelDue) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.opened < b.opened
}
