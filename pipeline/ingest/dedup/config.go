package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Config bounds the memories of a shard. Zero fields take the defaults of [Config.WithDefaults]. Changing a value
// changes which reads form a passage: it belongs to the deployment, not to an experiment on live traffic.
//
// The memory follows from it and does not grow beyond: RepeatIDs x 32 bytes for the [RepeatFilter] (rounded up to a power of
// two), and for [Passages] at most MaxPassages x about 280 bytes, plus 256 bytes for each that is still open. A camera
// network of 7,000 reads a second in one partition holds about 300,000 passages (84 MB), 25,000 of them open (6 MB).
// [ForRate] makes both out of the reads a second of a partition.
type Config struct {
	RepeatSpan    schemas.Micros // a repeated read_id within this log time is a retransmission
	RepeatIDs     int            // ids to have room for
	Gap           schemas.Micros // capture times further apart than this are two passages
	CloseAfter    schemas.Micros // log time without a read of it after which a passage is decided
	CloseStep     schemas.Micros // passages are decided together, when the log's clock passes a multiple of it: their tables get fewer and larger inserts
	KeepClosed    schemas.Micros // log time a decided passage is kept, so that a straggler joins it instead of making another
	ParkedAfter   schemas.Micros // a passage that lasts longer is a vehicle that stands in view
	ParkedSlot    schemas.Micros // a parked vehicle gets one row per slot
	MaxPassages   int            // open and kept passages; beyond it the one nearest its deadline is closed early
	PassagesStart int            // room made at start

	HistorySpan schemas.Micros // log time that [History] remembers closed passages; 0 = it remembers nothing and takes no memory
	MaxHistory  int            // passages of it; default: as many as the span has when passages come as MaxPassages has room for
}

// The reads a second of one partition that [ForRate] makes room for. Below the least one, a camera that sends what it held back would
// fill the memory.
const (
	LeastRate   = 100
	DefaultRate = 800
	MostRate    = 100_000
)

// roomSeconds x 1/100 s of reads have room. An id is remembered for RepeatSpan and one epoch more, 620 s: at the rate itself the memory is
// 95 % full. A passage is remembered for little more than a minute, so that of them it is 10 %: vehicles come in waves.
const roomSeconds = 65_536

// ForRate returns the bounds that a partition of so many reads a second needs; 0 means DefaultRate. All workers of a topic take the same.
func ForRate(rate int) Config {
	if rate == 0 {
		rate = DefaultRate
	}
	room := (rate*roomSeconds + 99) / 100
	return Config{RepeatIDs: room, MaxPassages: room}
}

// Memory returns the bytes that a partition's memories take: of ids from the start on, of passages at most.
func (c Config) Memory() (ids, passages int) {
	c = c.WithDefaults()
	return bucketsFor(c.RepeatIDs) * slotsPerBucket * 8, c.MaxPassages*passageBytes + c.MaxHistory*historyBytes
}

// passageBytes is what a decided passage takes: slot, what is kept of its best read, its place in the table and in the queue of deadlines.
const passageBytes = 280

// historyBytes is what a passage of the history takes: the entry and its share of the index.
const historyBytes = 176

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
	def(&c.CloseStep, schemas.Second/2)
	def(&c.KeepClosed, schemas.Minute)
	def(&c.ParkedAfter, schemas.Minute)
	def(&c.ParkedSlot, 5*schemas.Minute)
	if c.RepeatIDs == 0 {
		c.RepeatIDs = 1 << 19
	}
	if c.MaxPassages == 0 {
		c.MaxPassages = 1 << 19
	}
	if c.PassagesStart == 0 {
		c.PassagesStart = 4096
	}
	if c.HistorySpan > 0 && c.MaxHistory == 0 {
		c.MaxHistory = max(4096, int(int64(c.MaxPassages)*int64(c.HistorySpan/schemas.Second)*100/roomSeconds))
	}
	return c
}

// closingTime returns when a passage whose last read came at last is decided.
func (c *Config) closingTime(last schemas.Micros) schemas.Micros {
	at := last + c.CloseAfter + c.CloseStep - 1
	return at - at%c.CloseStep
}

// Horizon is the log time before an offset beyond which no record can matter to the state at that offset. A passage
// of the history closed up to HistorySpan before, and what it says depends on the records of the horizon without a
// history before that.
func (c Config) Horizon() schemas.Micros {
	c = c.WithDefaults()
	return max(c.RepeatSpan*2, c.ParkedAfter+c.ParkedSlot+c.Gap+c.CloseAfter+c.CloseStep+c.KeepClosed) + schemas.Minute + c.HistorySpan
}
