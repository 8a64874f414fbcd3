package ingest

import (
	"time"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Batch is what a shard made of one range of its partition.
type Batch struct {
	Range  Range
	Totals Totals
	Block  Block
	Counts Counts
	// Pending is what was published from this range and not yet acknowledged.
	Pending Pending

	plan, after Plan      // commits before and after the insert
	opened      time.Time // of the first record
	forgotten   Forgotten // by the shard before the first record
	stamps      stamps
	world       World
}

// Counts are the parts of Totals by closed set, for metrics.
type Counts struct {
	Merged    [2]uint64 // by MergeKind
	Rejected  map[schemas.Reason]uint64
	Hits      [3]uint64 // by Match
	Decisions map[Verdict]uint64
	Clear     []uint64 // by place in rules.Families: families that applied and found nothing
	Misrouted uint64
	Late      uint64
	Forgotten Forgotten
}

// addClean counts the families that applied and found nothing.
func (c *Counts) addClean(clean rules.FamilySet) {
	for i := range clean.All {
		c.Clear[i]++
	}
}

// Forgotten is what a shard's memory let go before its time for want of room, see [dedup.Config]: a repeat of such an id is stored as a read
// of its own, a passage is decided before its last reads.
type Forgotten struct{ IDs, Passages uint64 }

// Verdict is a label pair of the decisions metric.
type Verdict struct {
	Family  schemas.Family
	Outcome schemas.Outcome
}

func newBatch(b Block) *Batch {
	return &Batch{Block: b, Counts: Counts{Rejected: map[schemas.Reason]uint64{}, Decisions: map[Verdict]uint64{}, Clear: make([]uint64, len(rules.Families()))}}
}

func (b *Batch) reset() {
	b.Block.Reset()
	b.Range, b.Totals, b.plan, b.after, b.opened, b.world = Range{}, Totals{}, Plan{}, Plan{}, time.Time{}, World{}
	b.stamps.reset()
	clear(b.Counts.Rejected)
	clear(b.Counts.Decisions)
	clear(b.Counts.Clear)
	b.Counts = Counts{Rejected: b.Counts.Rejected, Decisions: b.Counts.Decisions, Clear: b.Counts.Clear}
}

// balanced checks the identity that every batch must keep.
func (b *Batch) balanced() bool {
	t := &b.Totals
	return t.Fetched == t.Stored+t.Merged+t.Rejected+t.Ticks
}
