package dedup

import (
	"github.com/gvc-brussels/anpr/schemas"
)

// Joined is a read's outcome.
type Joined uint8

// The outcomes from Passages.Add.
const (
	JoinedNew     Joined = iota // opens a passage: store it, look for hits
	JoinedVariant               // a further read whose plate is new to the passage: store it, look for hits
	JoinedSame                  // a further read with a plate already seen: store it
	JoinedParked                // opens a slot for a parked vehicle: store it
	JoinedMerged                // repeats a parked vehicle: count it, store nothing
)

// Passages gathers reads into passages. See the package comment for how it stays reproducible, [Config] for its memory.
//
// A passage is a slot (128 bytes, found through a hash table) for as long as a straggler may join it, and a body (256 bytes, of which
// the second half is mostly not used) until it is decided; of its best read 80 bytes are kept for as long as the slot.
type Passages struct {
	cfg      Config
	table    table
	slots    pool[keptPassage]
	bodies   pool[openPassage]
	extras   pool[extra] // of bodies
	lefts    pool[left]  // of decided passages
	recall   []int32     // for Recall
	words    words
	fars     pool[farPlates]
	reports  pool[report]
	schedule schedule
	next     schemas.Micros // no deadline is before
	open     int
	clock    schemas.Micros
	emit     func([]Closed)
	closed   []Closed       // not yet handed over
	due      [ChunkSize]due // for closeDue
	loaded   uint64         // keeps the loads of prefetching alive

	// Forced counts passages closed early because MaxPassages was reached; Stragglers reads that joined a passage
	// already decided.
	Forced, Stragglers uint64
}

// Closed is a passage that closed, with the numbers of the cameras of its best read and of its measured one, 0 when none was measured. The
// cameras of its sightings are not named: whoever knows the numbers does that.
type Closed struct {
	schemas.Passage
	BestCamera, MeasuredCamera uint32
}

// NewPassages makes an empty memory. emit receives the passages that close, in the order in which they close and ChunkSize at most at a time,
// before Advance or Add returns. They are valid during the call, which must not call back.
func NewPassages(cfg Config, emit func([]Closed)) *Passages {
	cfg = cfg.WithDefaults()
	ps := &Passages{cfg: cfg, emit: emit, closed: make([]Closed, 0, ChunkSize), table: newTable(cfg.PassagesStart), next: never, words: newWords()}
	ps.slots.items = make([]keptPassage, 0, min(cfg.PassagesStart, cfg.MaxPassages))
	return ps
}

// Open returns the number of undecided passages.
func (ps *Passages) Open() int { return ps.open }

// NextClose returns the log time at which the next open passage may close; ok is false when none is open. It may be
// early, never late. It looks at every passage: ask once a second, not once a read.
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

// Origin is where a read comes from.
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

// closeDue handles due deadlines many at a time, so that cache misses overlap. Deadlines that share a time can leave
// together: every deadline added meanwhile is later.
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
	case at != d.at: // a read came since
		ps.schedule.later.pushItem(due{at, d.opened, d.slot})
	case s.closed:
		ps.dropPassage(d.slot)
	default:
		ps.closePassage(s)
		ps.schedule.insertDeadline(&ps.schedule.kept, due{ps.deadlineOf(s), d.opened, d.slot})
	}
}

// handOver hands the closed passages over, if there are any.
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

// closePassage closes the passage and swaps its body for the kept remainder.
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

// Added is Add's answer.
type Added struct {
	Joined    Joined
	Passage   schemas.PassageID
	Straggler bool  // the passage was decided before
	Measures  bool  // it was, without a measurement, and this is the first read with a speed
	Plates    uint8 // of a straggler: how many plates the passage names with it, up to four; two if it was doubted
	slot      int32
}

// Add puts a read into its passage. Advance must have been called with the log's clock at this record. offset is the
// record's, unique and rising. It does not allocate once the memory has grown to its working size.
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

// Doubt says that the vehicle read then may have another plate, of another class: its passage counts two variants if it had one. A passage that
// was decided keeps its verdict; reads that join it later count so.
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

// findPassage returns the slot of the chain from head on whose capture times reach to within Gap of at, the oldest first, or -1.
func (ps *Passages) findPassage(head int32, at schemas.Micros) int32 {
	for i := head; i >= 0; i = ps.slots.items[i].next {
		if s := &ps.slots.items[i]; at >= s.lo-ps.cfg.Gap && at <= s.hi+ps.cfg.Gap {
			return i
		}
	}
	return -1
}

// key is what the reads of one passage share, with its tag and the place in the table that lookup gave.
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

// takeSlot is slots.take, but asks for huge pages when the slots move.
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

// appendPlace puts the slot at the end of its key's chain, so that find meets the oldest first.
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

// evictOldest makes room by closing the next due passage early.
func (ps *Passages) evictOldest() {
	d, from, _ := ps.schedule.nextDue()
	ps.schedule.removeDue(from)
	if s := &ps.slots.items[d.slot]; !s.closed {
		ps.Forced++
		ps.closePassage(s)
	}
	ps.dropPassage(d.slot)
}

// dropPassage forgets a slot.
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
	ps.lefts.release(s.body) // what is dropped was decided
	ps.slots.release(i)
}
