package dedup

import "github.com/gvc-brussels/anpr/schemas"

// Config bounds the memories of a shard. Zero fields take the defaults of [Config.WithDefaults]. A changed value
// changes which reads form a passage, so values belong to the deployment and not to an experiment on live traffic.
//
// Config fixes the memory. [RepeatFilter] takes RepeatIDs x 32 bytes, rounded up to a power of two. [Passages] takes
// at most MaxPassages x about 280 bytes, plus 256 bytes for each open passage. At 7,000 reads a second in one
// partition, there are about 300,000 passages (84 MB), with 25,000 of them open (6 MB). [ForRate] derives both bounds
// from the reads a second.
type Config struct {
	RepeatSpan schemas.Micros // log time in which a repeated read_id is a retransmission
	RepeatIDs  int            // room for ids
	Gap        schemas.Micros // a larger gap between capture times separates two passages
	CloseAfter schemas.Micros // log time without a further read until a passage is decided
	// Passages close together when the log clock passes a multiple of CloseStep: the tables get fewer and larger inserts.
	CloseStep     schemas.Micros
	KeepClosed    schemas.Micros // log time for which a decided passage is kept, for stragglers to join
	ParkedAfter   schemas.Micros // a longer passage is a parked vehicle
	ParkedSlot    schemas.Micros // a parked vehicle gets one row for each slot of this length
	MaxPassages   int            // limit on open and kept passages; at the limit, the next due passage closes early
	PassagesStart int            // initial room

	HistorySpan schemas.Micros // log time for which [History] keeps closed passages; 0 = no history and no memory
	// MaxHistory limits the passages in the history; default: enough for HistorySpan at the rate that MaxPassages allows.
	MaxHistory int
}

// Reads a second in one partition, for [ForRate]. Below LeastRate, a camera that sends buffered reads would fill the
// memory.
const (
	LeastRate   = 100
	DefaultRate = 800
	MostRate    = 100_000
)

// roomSeconds is the room in 1/100 s of reads. An id is kept for RepeatSpan and one more epoch, 620 s, so at the given
// rate the memory for ids is 95 % full. A passage is kept for little more than a minute, so the memory for passages is
// 10 % full: vehicles come in waves.
const roomSeconds = 65_536

// ForRate returns the bounds for a partition with the given reads a second; 0 means DefaultRate. All workers on a
// topic must use the same rate.
func ForRate(rate int) Config {
	if rate == 0 {
		rate = DefaultRate
	}
	room := (rate*roomSeconds + 99) / 100
	return Config{RepeatIDs: room, MaxPassages: room}
}

// Memory returns the bytes that a partition's memories take. ids are allocated at the start; passages are an upper
// limit.
func (c Config) Memory() (ids, passages int) {
	c = c.WithDefaults()
	return bucketsFor(c.RepeatIDs) * slotsPerBucket * 8, c.MaxPassages*passageBytes + c.MaxHistory*historyBytes
}

// passageBytes is the memory for a decided passage: the slot, the kept part of the best read, and the places in the
// table and in the queue of deadlines.
const passageBytes = 280

// historyBytes is the memory for a passage in the history: the entry and a share of the index.
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

// closingTime returns when a passage closes whose latest read arrived at last.
func (c *Config) closingTime(last schemas.Micros) schemas.Micros {
	at := last + c.CloseAfter + c.CloseStep - 1
	return at - at%c.CloseStep
}

// Horizon returns the log time that the state at an offset depends on: older records do not matter. The history adds
// HistorySpan, because the oldest passage in the history depends on the records of one horizon before.
func (c Config) Horizon() schemas.Micros {
	c = c.WithDefaults()
	return max(c.RepeatSpan*2, c.ParkedAfter+c.ParkedSlot+c.Gap+c.CloseAfter+c.CloseStep+c.KeepClosed) + schemas.Minute + c.HistorySpan
}
