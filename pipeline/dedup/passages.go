package dedup

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Config bounds the memories of a shard. Zero fields take the defaults of [Config.WithDefaults]. Changing a value
// changes which reads form a passage: it belongs to the deployment, not to an experiment on live traffic.
type Config struct {
	RepeatSpan    schemas.Micros // a repeated read_id within this log time is a retransmission
	RepeatIDs     int            // ids to have room for
	Gap           schemas.Micros // capture times further apart than this are two passages
	CloseAfter    schemas.Micros // log time without a read of it after which a passage is decided
	KeepClosed    schemas.Micros // log time a decided passage is kept, so that a straggler joins it instead of making another
	ParkedAfter   schemas.Micros // a passage that lasts longer is a vehicle that stands in view
	ParkedSlot    schemas.Micros // a parked vehicle gets one row per slot
	MaxPassages   int            // open and kept passages; beyond it the one nearest its deadline is closed early
	PassagesStart int            // room made at start
}

// WithDefaults fills the zero fields.
func (c Config) WithDefaults() Config {
	def := func(v *schemas.Micros, d schemas.Micros) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.RepeatSpan, 10*schemas.Minute)
	def(&c.Gap, 10*schemas.Second)
	def(&c.CloseAfter, 5*schemas.Second)
	def(&c.KeepClosed, schemas.Minute)
	def(&c.ParkedAfter, schemas.Minute)
	def(&c.ParkedSlot, 5*schemas.Minute)
	if c.RepeatIDs == 0 {
		c.RepeatIDs = 1 << 18
	}
	if c.MaxPassages == 0 {
		c.MaxPassages = 1 << 18
	}
	if c.PassagesStart == 0 {
		c.PassagesStart = 4096
	}
	return c
}

// Horizon is the log time before an offset beyond which no record can matter to the state at that offset.
func (c Config) Horizon() schemas.Micros {
	c = c.WithDefaults()
	return max(c.RepeatSpan*2, c.ParkedAfter+c.ParkedSlot+c.Gap+c.CloseAfter+c.KeepClosed) + schemas.Minute
}

// Joined says what became of a read.
type Joined uint8

// The outcomes of Passages.Add.
const (
	JoinedNew     Joined = iota // opens a passage: store it, look for hits
	JoinedVariant               // a further read whose plate is new to the passage: store it, look for hits
	JoinedSame                  // a further read with a plate already seen: store it
	JoinedParked                // opens a slot of a parked vehicle: store it
	JoinedMerged                // repeats a parked vehicle: count it, store nothing
)

type key struct {
	class schemas.Class
	site  uint64
}

// maxPlates bounds the distinct plates remembered per passage; further ones only count as variants.
const maxPlates = 4

type slot struct {
	p        schemas.Passage
	lo, hi   schemas.Micros // capture times of the chain; of a parked vehicle lo is the slot's start
	opened   int64          // offset of the record that opened it: unique in the partition
	last     schemas.Micros // log clock at the latest read
	next     int32          // of the same key, -1 at the end
	closed   bool
	nplates  uint8
	plates   [maxPlates]schemas.Plate
	reported []schemas.HitID
}

// Passages gathers reads into passages. See the package comment for how it stays reproducible.
type Passages struct {
	cfg    Config
	index  map[key]int32 // first slot of a key
	slots  []slot
	free   []int32
	due    deadlines
	open   int
	clock  schemas.Micros
	emit   func(*schemas.Passage)
	lookup key // scratch, keeps Add free of allocation

	// Forced counts passages closed early because MaxPassages was reached; Stragglers reads that joined a passage
	// already decided.
	Forced, Stragglers uint64
}

// NewPassages makes an empty memory. emit receives every passage that closes, during Advance and Add; it must not keep
// the pointer.
func NewPassages(cfg Config, emit func(*schemas.Passage)) *Passages {
	cfg = cfg.WithDefaults()
	return &Passages{
		cfg: cfg, emit: emit,
		index: make(map[key]int32, cfg.PassagesStart),
		slots: make([]slot, 0, cfg.PassagesStart),
		due:   make(deadlines, 0, cfg.PassagesStart),
	}
}

// Open returns the number of passages not yet decided.
func (ps *Passages) Open() int { return ps.open }

// NextClose returns the log time at which the next open passage may close; ok is false when none is open. It may be
// early, never late.
func (ps *Passages) NextClose() (at schemas.Micros, ok bool) {
	if ps.open == 0 {
		return 0, false
	}
	at = ps.clock + ps.cfg.CloseAfter
	for _, d := range ps.due {
		if s := &ps.slots[d.slot]; !s.closed {
			at = min(at, s.last+ps.cfg.CloseAfter)
		}
	}
	return at, true
}

// Advance moves the log's clock forward and closes what is due, in the order (deadline, first offset).
func (ps *Passages) Advance(clock schemas.Micros) {
	ps.clock = max(ps.clock, clock)
	for len(ps.due) > 0 && ps.due[0].at <= ps.clock {
		d := ps.due[0]
		s := &ps.slots[d.slot]
		if at := ps.deadline(s); at != d.at {
			ps.due.replaceTop(due{at, d.opened, d.slot}) // a read came since
			continue
		}
		if s.closed {
			ps.due.pop()
			ps.drop(d.slot)
			continue
		}
		ps.close(s)
		ps.due.replaceTop(due{ps.deadline(s), d.opened, d.slot})
	}
}

func (ps *Passages) deadline(s *slot) schemas.Micros {
	if s.closed {
		return s.last + ps.cfg.CloseAfter + ps.cfg.KeepClosed
	}
	return s.last + ps.cfg.CloseAfter
}

func (ps *Passages) close(s *slot) {
	s.closed = true
	ps.open--
	ps.emit(&s.p)
}

// Added is the answer of Add.
type Added struct {
	Joined  Joined
	Passage schemas.PassageID
	slot    int32
}

// Add puts a read into its passage. Advance must have been called with the log's clock at this record. offset is the
// record's, unique and rising. It does not allocate once the maps have grown to their working size.
func (ps *Passages) Add(r *schemas.Read, siteHash uint64, offset int64) Added {
	ps.lookup = key{r.Class, siteHash}
	i := ps.find(r.CapturedAt)
	if i < 0 {
		i = ps.create(r, offset, r.CapturedAt)
		return Added{JoinedNew, ps.slots[i].p.ID, i}
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
	observe(&s.p, r)
	if s.addPlate(r.Plate) {
		return Added{JoinedVariant, s.p.ID, i}
	}
	return Added{JoinedSame, s.p.ID, i}
}

// Report remembers a hit of the passage and says whether it is new to it.
func (ps *Passages) Report(a Added, id schemas.HitID) bool {
	s := &ps.slots[a.slot]
	if slices.Contains(s.reported, id) {
		return false
	}
	s.reported = append(s.reported, id)
	return true
}

// find returns the slot of the key whose capture times reach to within Gap of at, the oldest first, or -1.
func (ps *Passages) find(at schemas.Micros) int32 {
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

func (ps *Passages) create(r *schemas.Read, offset int64, lo schemas.Micros) int32 {
	if len(ps.slots)-len(ps.free) >= ps.cfg.MaxPassages {
		ps.evict()
	}
	var i int32
	if n := len(ps.free); n > 0 {
		i = ps.free[n-1]
		ps.free = ps.free[:n-1]
	} else {
		i = int32(len(ps.slots))
		ps.slots = append(ps.slots, slot{})
	}
	s := &ps.slots[i]
	*s = slot{lo: lo, hi: r.CapturedAt, opened: offset, last: ps.clock, next: -1, reported: s.reported[:0]}
	s.p = schemas.Passage{
		ID: schemas.PassageIDOf(r.ID), Class: r.Class, SiteHash: ps.lookup.site,
		First: r.CapturedAt, Last: r.CapturedAt, Reads: 1,
	}
	observe(&s.p, r)
	s.addPlate(r.Plate)
	ps.append(i)
	ps.open++
	ps.due.push(due{ps.deadline(s), offset, i})
	return i
}

// append puts the slot at the end of its key's chain, so that find meets the oldest first.
func (ps *Passages) append(i int32) {
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

// evict makes room by closing what is next due, early.
func (ps *Passages) evict() {
	d := ps.due.pop()
	s := &ps.slots[d.slot]
	if !s.closed {
		ps.Forced++
		ps.close(s)
	}
	ps.drop(d.slot)
}

func (ps *Passages) drop(i int32) {
	s := &ps.slots[i]
	k := key{s.p.Class, s.p.SiteHash}
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
func (s *slot) addPlate(p schemas.Plate) bool {
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
