package shard

import (
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Totals counts the outcomes in a range. Fetched = Stored + Merged + Rejected + Ticks.
type Totals struct {
	Fetched, Stored, Merged, Rejected, Ticks uint64
	Passages, Hits, Offences                 uint64
	Clock                                    schemas.Micros
	CatalogueVersion, ReferenceVersion       string
}

// Balanced reports whether every record ended somewhere.
func (t *Totals) Balanced() bool { return t.Fetched == t.Stored+t.Merged+t.Rejected+t.Ticks }

// Counts splits Totals by closed sets, for metrics.
type Counts struct {
	Merged    [2]uint64 // by MergeKind
	Rejected  map[schemas.Reason]uint64
	Hits      [3]uint64 // by Match
	Decisions map[DecisionLabel]uint64
	Clear     []uint64 // by place in rules.Families: families that applied and found nothing
	Misrouted uint64
	Late      uint64
	Forgotten Forgotten
}

// DecisionLabel is a label pair for the decisions metric.
type DecisionLabel struct {
	Family  schemas.Family
	Outcome schemas.Outcome
}

// addClean counts the families that applied and found nothing.
func (c *Counts) addClean(clean rules.FamilySet) {
	for i := range clean.All {
		c.Clear[i]++
	}
}

// Forgotten counts memories dropped early for lack of room, see [dedup.Config]. A repeat of a dropped id is stored as
// a new read, a dropped passage is decided before its last reads, and later passages do not find a dropped passage in
// the history.
type Forgotten struct{ IDs, Passages, History uint64 }

// Tally counts the outcomes in a range. A shard counts when an outcome is decided, not from its rows, so the two can
// be compared when rows are stored.
type Tally struct {
	Totals
	Counts Counts
}

// NewTally makes an empty tally.
func NewTally() Tally {
	return Tally{Counts: Counts{Rejected: map[schemas.Reason]uint64{}, Decisions: map[DecisionLabel]uint64{}, Clear: make([]uint64, len(rules.Families()))}}
}

// Reset empties the tally and keeps its memory.
func (t *Tally) Reset() {
	clear(t.Counts.Rejected)
	clear(t.Counts.Decisions)
	clear(t.Counts.Clear)
	*t = Tally{Counts: Counts{Rejected: t.Counts.Rejected, Decisions: t.Counts.Decisions, Clear: t.Counts.Clear}}
}

// Fill says how many ids and passages a shard's memory holds, and how many it has room for. It is a function of the log up to the last
// record that was processed: a partition that gets none keeps it, as its memory does.
type Fill struct {
	IDs, IDRoom           int
	Passages, PassageRoom int
	Open                  int // of the passages, not yet decided
	History, HistoryRoom  int // closed passages for the families that compare them
}

// Fill returns how full the shard's memory is.
func (s *Shard) Fill() Fill {
	return Fill{
		IDs: s.window.Live(s.clock.now), IDRoom: s.window.Room(),
		Passages: s.passages.Remembered(), PassageRoom: s.passages.Room(), Open: s.passages.Open(),
		History: s.history.Len(), HistoryRoom: s.history.Room(),
	}
}

// Forgotten returns what the shard's memory let go before its time since it was made.
func (s *Shard) Forgotten() Forgotten {
	return Forgotten{IDs: s.window.Evicted, Passages: s.passages.Forced, History: s.history.Forgotten()}
}
