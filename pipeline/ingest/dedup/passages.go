package dedup

import (
	"github.com/gvc-brussels/anpr/schemas"
)

// Joined is the result of adding a read.
type Joined uint8

// The results from Passages.Add.
const (
	JoinedNew     Joined = iota // first read of a passage: store the read, look for hits
	JoinedVariant               // further read with a plate new to the passage: store the read, look for hits
	JoinedSame                  // further read with a known plate: store the read
	JoinedParked                // first read in a slot for a parked vehicle: store the read
	JoinedMerged                // repeat for a parked vehicle: count the read, store nothing
)

// Passages gathers reads into passages. The package comment tells how a rebuild stays exact, and [Config] tells the
// memory.
//
// A passage has a slot (128 bytes, found through a hash table) as long as a straggler may join. Until the decision, a
// passage also has a body (256 bytes, the second half mostly unused). After the decision, 80 bytes of the best read
// replace the body.
type Passages struct {
	cfg        Config
	table      table
	slots      pool[keptPassage]
	bodies     pool[openPassage]
	extras     pool[extra]       // for bodies
	statements pool[[]statement] // for bodies
	lefts      pool[left]        // for decided passages
	recall     []int32           // for Recall
	words      words
	fars       pool[farPlates]
	reports    pool[report]
	schedule   schedule
	next       schemas.Micros // lower bound for the next deadline
	open       int
	clock      schemas.Micros
	emit       func([]Closed)
	closed     []Closed       // not yet handed over
	due        [ChunkSize]due // for closeDue
	loaded     uint64         // keeps the loads of prefetching alive

	// Forced counts passages closed early because MaxPassages was reached. Stragglers counts reads that joined a decided
	// passage.
	Forced, Stragglers uint64
}

// Closed is a closed passage with the camera numbers of the best and the measured read; 0 = no measured read. The
// sightings have no camera names; the caller fills in names from the numbers.
type Closed struct {
	schemas.Passage
	BestCamera, MeasuredCamera uint32
}

// NewPassages returns an empty memory. emit receives closed passages in the order of closing, at most ChunkSize at
// once, before Advance or Add returns. The passages are valid only during the call. emit must not call methods of
// Passages.
func NewPassages(cfg Config, emit func([]Closed)) *Passages {
	cfg = cfg.WithDefaults()
	ps := &Passages{cfg: cfg, emit: emit, closed: make([]Closed, 0, ChunkSize), table: newTable(cfg.PassagesStart), next: never, words: newWords()}
	ps.slots.items = make([]keptPassage, 0, min(cfg.PassagesStart, cfg.MaxPassages))
	return ps
}

// Open returns the number of undecided passages.
func (ps *Passages) Open() int { return ps.open }

// NextClose returns the log time at which the next open passage may close; ok is false without an open passage. The
// time may be too early, never too late. NextClose visits every passage, so callers should ask once a second, not once
// a read.
func (ps *Passages) NextClose() (at schemas.Micros, ok bool) {
	if ps.open == 0 {
		return 0, false
	}
	at = ps.cfg.closingTime(ps.clock)
	look := func(d due) {
		if s := &ps.slots.items[d.slot]; !s.closed {
			at = min(at, ps.cfg.closingTime(s.last))
		}
	}
	for i := range ps.schedule.fresh.n {
		look(*ps.schedule.fresh.entryAt(i))
	}
	for _, d := range ps.schedule.later {
		look(d)
	}
	return at, true
}

// Origin tells where a read comes from.
type Origin struct {
	Site   uint64
	Camera uint32 // number
}

// Advance moves the log clock forward and closes due passages, ordered by deadline and first offset.
func (ps *Passages) Advance(clock schemas.Micros) {
	ps.clock = max(ps.clock, clock)
	if ps.clock >= ps.next {
		ps.closeDue()
		ps.handOver()
	}
}

// closeDue handles many due deadlines at once, so that cache misses overlap. Deadlines with the same time can be
// handled together, because every deadline added in the meantime is later.
func (ps *Passages) closeDue() {
	for {
		list := ps.schedule.popDue(ps.due[:0], ps.clock)
		if len(list) == 0 {
			break
		}
		if len(list) >= prefetchLeast {
			ps.prefetchDue(list)
		}
		for i := range list {
			ps.handleDeadline(&list[i])
		}
	}
	ps.next = never
	if d, _, ok := ps.schedule.nextDue(); ok {
		ps.next = d.at
	}
}

func (ps *Passages) handleDeadline(d *due) {
	s := &ps.slots.items[d.slot]
	switch at := ps.deadlineOf(s); {
	case at != d.at: // a later read moved the deadline
		ps.schedule.later.pushItem(due{at, d.opened, d.slot})
	case s.closed:
		ps.dropPassage(d.slot)
	default:
		ps.closePassage(s)
		ps.schedule.insertDeadline(&ps.schedule.kept, due{ps.deadlineOf(s), d.opened, d.slot})
	}
}

// handOver emits the closed passages, if there are any.
func (ps *Passages) handOver() {
	if len(ps.closed) > 0 {
		ps.emit(ps.closed)
		ps.closed = ps.closed[:0]
	}
}

func (ps *Passages) deadlineOf(s *keptPassage) schemas.Micros {
	if s.closed {
		return ps.cfg.closingTime(s.last) + ps.cfg.KeepClosed
	}
	return ps.cfg.closingTime(s.last)
}

// closePassage closes the passage and replaces the body by the kept remainder.
func (ps *Passages) closePassage(s *keptPassage) {
	s.closed = true
	ps.open--
	n := len(ps.closed)
	ps.closed = ps.closed[:n+1]
	c := &ps.closed[n]
	ps.writePassage(s, c)
	ps.keepLeft(s, &ps.bodies.items[s.body], &c.Passage)
	if n+1 == ChunkSize {
		ps.handOver()
	}
}

// Added is the result of Add.
type Added struct {
	Joined    Joined
	Passage   schemas.PassageID
	Straggler bool               // the passage was already decided
	Measures  bool               // first read with a speed for a passage decided without a measurement
	Stated    schemas.MeasureSet // measures of the read that no read of the decided passage stated before
	Plates    uint8              // for a straggler: plates of the passage including the read's, up to four; at least two if doubted
	slot      int32
}

// Add puts a read into a passage. The caller must have called Advance with the log clock at the record. offset is the
// record's offset, unique and rising. Add stops allocating once the memory has grown to the working size.
func (ps *Passages) Add(r *schemas.Read, from Origin, offset int64) Added {
	a := ps.addRead(r, from, offset)
	ps.handOver()
	return a
}

func (ps *Passages) addRead(r *schemas.Read, from Origin, offset int64) Added {
	site := from.Site
	tag := tagOf(r.Class, site)
	place := ps.firstOfClass(tag, r.Class, site)
	head := ps.table.entries[place].head - 1
	i := ps.findPassage(head, r.CapturedAt)
	if i < 0 {
		i = ps.createPassage(r, key{r.Class, from, tag, place}, offset, r.CapturedAt)
		return Added{Joined: JoinedNew, Passage: ps.slots.items[i].id, slot: i}
	}
	s := &ps.slots.items[i]
	if s.parked {
		return ps.addParked(i, r, from, place, offset)
	}
	if r.CapturedAt-s.lo > ps.cfg.ParkedAfter {
		if !s.closed {
			ps.closePassage(s)
		}
		return ps.openParked(i, r, from, place, offset)
	}
	s.last = ps.clock
	s.lo, s.hi = min(s.lo, r.CapturedAt), max(s.hi, r.CapturedAt)
	fresh := ps.addPlate(s, r.Plate)
	a := Added{Joined: JoinedSame, Passage: s.id, slot: i}
	if s.closed {
		ps.Stragglers++
		a.Straggler, a.Plates = true, s.nplates
		l := &ps.lefts.items[s.body]
		if l.doubted {
			a.Plates = max(a.Plates, 2)
		}
		if l.unmeasured && r.Speed > 0 {
			a.Measures, l.unmeasured = true, false
		}
		if len(r.Measures) > 0 {
			a.Stated = StatedBy(r) &^ l.stated
			l.stated |= a.Stated
		}
	} else {
		b := &ps.bodies.items[s.body]
		b.reads++
		b.last = max(b.last, r.CapturedAt)
		if fresh && b.variants < 255 {
			b.variants++
		}
		ps.updateSightings(b, r, from.Camera)
	}
	if fresh {
		a.Joined = JoinedVariant
	}
	return a
}

// Doubt says that the vehicle read at that time may have another plate, in another class. The passage then counts at
// least two variants. A decided passage keeps the decision; later stragglers count at least two plates.
func (ps *Passages) Doubt(c schemas.Class, site uint64, at schemas.Micros) {
	i := ps.findPassage(ps.table.entries[ps.firstOfClass(tagOf(c, site), c, site)].head-1, at)
	if i < 0 {
		return
	}
	s := &ps.slots.items[i]
	if s.closed {
		ps.lefts.items[s.body].doubted = true
		return
	}
	b := &ps.bodies.items[s.body]
	b.variants = max(b.variants, 2)
}

// findPassage returns the oldest slot in the chain from head whose capture times reach within Gap of at, or -1.
func (ps *Passages) findPassage(head int32, at schemas.Micros) int32 {
	for i := head; i >= 0; i = ps.slots.items[i].next {
		if s := &ps.slots.items[i]; at >= s.lo-ps.cfg.Gap && at <= s.hi+ps.cfg.Gap {
			return i
		}
	}
	return -1
}

// key is the common key of a passage's reads, with the tag and the place from firstOfClass.
type key struct {
	class schemas.Class
	from  Origin
	tag   uint32
	place int
}

func (ps *Passages) createPassage(r *schemas.Read, k key, offset int64, lo schemas.Micros) int32 {
	if ps.slots.liveCount() >= ps.cfg.MaxPassages {
		ps.evictOldest()
		k.place = ps.firstOfClass(k.tag, k.class, k.from.Site)
	}
	i, b := ps.takeSlot(), ps.bodies.alloc()
	s := &ps.slots.items[i]
	*s = keptPassage{
		class: k.class, site: k.from.Site, lo: lo, hi: r.CapturedAt, last: ps.clock, next: -1, body: b, tag: k.tag,
		id: schemas.PassageIDOf(r.ID), opened: offset, nplates: 1, plates: [nearPlates]schemas.Plate{r.Plate},
	}
	ps.beginBody(&ps.bodies.items[b], r, k.from.Camera)
	ps.appendPlace(k, i)
	ps.open++
	d := due{ps.deadlineOf(s), offset, i}
	ps.next = min(ps.next, d.at)
	ps.schedule.insertDeadline(&ps.schedule.fresh, d)
	return i
}

// takeSlot allocates a slot, and asks for huge pages when the slots move.
func (ps *Passages) takeSlot() int32 {
	p := &ps.slots
	if len(p.free) == 0 && len(p.items) == cap(p.items) {
		grown := make([]keptPassage, len(p.items), min(max(2*len(p.items), 16), max(ps.cfg.MaxPassages, len(p.items)+1)))
		adviseHugePages(grown[:cap(grown)])
		copy(grown, p.items)
		p.items = grown
	}
	return p.alloc()
}

// appendPlace appends the slot to the key's chain, so that findPassage meets the oldest slot first.
func (ps *Passages) appendPlace(k key, i int32) {
	at := ps.table.entries[k.place].head - 1
	if at < 0 {
		ps.table.insertKey(k.place, k.tag, i)
		return
	}
	for ps.slots.items[at].next >= 0 {
		at = ps.slots.items[at].next
	}
	ps.slots.items[at].next = i
}

// evictOldest makes room: the next due passage closes early.
func (ps *Passages) evictOldest() {
	d, from, _ := ps.schedule.nextDue()
	ps.schedule.removeDue(from)
	if s := &ps.slots.items[d.slot]; !s.closed {
		ps.Forced++
		ps.closePassage(s)
	}
	ps.dropPassage(d.slot)
}

// dropPassage removes a slot from the table and releases the memory.
func (ps *Passages) dropPassage(i int32) {
	s := &ps.slots.items[i]
	place := ps.firstOfClass(s.tag, s.class, s.site)
	at := ps.table.entries[place].head - 1
	switch {
	case at == i && s.next < 0:
		ps.table.removeKey(place)
	case at == i:
		ps.table.entries[place].head = s.next + 1
	default:
		for ps.slots.items[at].next != i {
			at = ps.slots.items[at].next
		}
		ps.slots.items[at].next = s.next
	}
	ps.releaseOutside(s)
	ps.lefts.release(s.body) // a dropped passage is always decided
	ps.slots.release(i)
}
