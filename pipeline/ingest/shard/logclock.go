package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

// logClock is the log time of a partition: passages close and repeats are forgotten by it. It depends on the log
// alone. No single record is believed, because received_at comes from the clock of a gateway, and a gateway's clock
// may be wrong.
//
// Log time is the sum of short steps. An anchor says how far a source of records (in practice a gateway) is ahead of
// log time. A record near an anchor moves log time on by the time passed since, up to a step. Any other record, after
// a quiet hour or from a clock a year ahead, becomes a new anchor and moves nothing. So a single record never closes a
// passage read at the present log time, and the next records go on from there. A pause without records does not count.
// Ticks close open passages in a pause: the owner writes a tick when the time has passed on the owner's clock.
//
// The zero value has heard nothing. Not safe for concurrent use.
type logClock struct {
	now     schemas.Micros // log time: never goes back
	anchors [maxAnchors]anchor
	n       int // anchors, the last heard first
}

// anchor is a record source.
type anchor struct {
	ahead schemas.Micros // ahead of log time; negative = behind
	score int32          // recent activity: each record takes a quarter off every score, then adds anchorHeard to the score of its source
}

const (
	maxAnchors  = 4
	anchorHeard = 256
	clockBack   = schemas.Minute // largest delay between receipt and log
	tickReach   = schemas.Minute // longest pause that a tick may claim
)

// readReach returns the largest step of the clock by a read: the wait of an open passage until a tick is due, and a
// second for writing the tick. Reads move the clock in shorter pauses, ticks in longer ones.
func readReach(c dedup.Config) schemas.Micros { return c.CloseAfter + c.CloseStep + schemas.Second }

// hearRecord takes the time of a record and reports whether log time has moved on.
func (c *logClock) hearRecord(at, reach schemas.Micros) bool {
	before, i := c.now, c.findAnchor(at, reach)
	for k := range c.n {
		c.anchors[k].score -= c.anchors[k].score / 4
	}
	a := anchor{ahead: at - c.now}
	switch {
	case i >= 0:
		a = c.anchors[i]
	case c.n == 0: // first log record
		c.now, a.ahead = at, 0
	}
	a.score += anchorHeard
	if i < 0 {
		i = min(c.n, maxAnchors-1) // a new anchor, or the replaced anchor heard longest ago
		c.n = i + 1
	}
	c.now = max(c.now, at-a.ahead)
	copy(c.anchors[1:i+1], c.anchors[:i])
	c.anchors[0] = a
	return c.now > before
}

// findAnchor returns the anchor near the time, or -1. The last heard anchor goes first, then the nearest.
func (c *logClock) findAnchor(at, reach schemas.Micros) int {
	best, least := -1, schemas.Micros(0)
	for i := range c.n {
		d := at - c.anchors[i].ahead - c.now
		if d < -clockBack || d > reach {
			continue
		}
		if i == 0 {
			return 0
		}
		if d = max(d, -d); best < 0 || d < least {
			best, least = i, d
		}
	}
	return best
}

// activeReceipt returns log time as a time of receipt at the most active recent source. People and tables read it.
func (c *logClock) activeReceipt() schemas.Micros {
	best := anchor{}
	for _, a := range c.anchors[:c.n] {
		if a.score > best.score {
			best = a
		}
	}
	return c.now + best.ahead
}

// earliestReceipt returns log time as a time of receipt at the source least ahead. It is never too late while any clock
// is right.
func (c *logClock) earliestReceipt() schemas.Micros {
	if c.n == 0 {
		return c.now
	}
	least := c.anchors[0].ahead
	for _, a := range c.anchors[1:c.n] {
		least = min(least, a.ahead)
	}
	return c.now + least
}

// tickAt returns the time for a tick after a pause since the last record.
func (c *logClock) tickAt(passed schemas.Micros) schemas.Micros {
	return c.now + c.anchors[0].ahead + min(passed, tickReach)
}

// AnchorMark is an anchor in commit metadata: lead over log time, and score.
type AnchorMark [2]int64

// anchorMarks returns the anchors for commit metadata; nil before the first record.
func (c *logClock) anchorMarks() []AnchorMark {
	if c.n == 0 {
		return nil
	}
	out := make([]AnchorMark, c.n)
	for i, a := range c.anchors[:c.n] {
		out[i] = AnchorMark{int64(a.ahead), int64(a.score)}
	}
	return out
}

// resumedClock is the clock that stood at now with these anchors.
func resumedClock(now schemas.Micros, marks []AnchorMark) logClock {
	c := logClock{now: now}
	if now == 0 {
		return c
	}
	for _, m := range marks[:min(len(marks), maxAnchors)] {
		c.anchors[c.n] = anchor{schemas.Micros(m[0]), int32(m[1])}
		c.n++
	}
	if c.n == 0 {
		c.anchors[0], c.n = anchor{score: anchorHeard}, 1
	}
	return c
}
