package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

// logClock is a partition's log time, by which passages close and repeats are forgotten. It is a function of the log alone, and it
// believes no single record: received_at is the clock of whichever gateway wrote the record, and one of several may be wrong.
//
// Log time is the sum of short steps. An anchor says how far a source of records (in practice: a gateway) is ahead of log time. A record that
// an anchor explains moves log time on by what passed since, as far as that is a step; any other record, whether it comes after a quiet
// hour or from a clock that is a year ahead, becomes an anchor of its own and moves nothing. So one record never closes a passage that was
// read at the present log time, and the records after it, of its source or another, go on from there. Time in which nothing was received is
// not counted; open passages close in it by ticks, which their owner writes when the time has passed by its own clock.
//
// The zero value has heard nothing. Not safe for concurrent use.
type logClock struct {
	now     schemas.Micros // log time: never goes back
	anchors [maxAnchors]anchor
	n       int // anchors, the last heard first
}

// anchor is a source of records.
type anchor struct {
	ahead schemas.Micros // of log time; negative when behind
	score int32          // how often it was heard of late: every record takes a quarter off all and gives anchorHeard to its own
}

const (
	maxAnchors  = 4
	anchorHeard = 256
	clockBack   = schemas.Minute // a record may stand on the log so much later than it was received
	tickReach   = schemas.Minute // a tick says that so much has passed at most
)

// readReach is how far one read moves the clock at most: as long as an open passage waits before its owner's tick is due, and a second for
// the tick to get onto the log. In shorter pauses reads move the clock, in longer ones the tick does.
func readReach(c dedup.Config) schemas.Micros { return c.CloseAfter + c.CloseStep + schemas.Second }

// hearCamera takes the time of a record and reports whether log time has moved on.
func (c *logClock) hearCamera(at, reach schemas.Micros) bool {
	before, i := c.now, c.findAnchor(at, reach)
	for k := range c.n {
		c.anchors[k].score -= c.anchors[k].score / 4
	}
	a := anchor{ahead: at - c.now}
	switch {
	case i >= 0:
		a = c.anchors[i]
	case c.n == 0: // the first record of the log
		c.now, a.ahead = at, 0
	}
	a.score += anchorHeard
	if i < 0 {
		i = min(c.n, maxAnchors-1) // a new one, or in place of the one not heard for longest
		c.n = i + 1
	}
	c.now = max(c.now, at-a.ahead)
	copy(c.anchors[1:i+1], c.anchors[:i])
	c.anchors[0] = a
	return c.now > before
}

// findAnchor returns the anchor that explains the time: the one heard last when it does, else the one that explains it best; -1 = none.
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

// latestReceived returns log time as a time of receipt, which is what people and tables read: that of the source heard most of late.
func (c *logClock) latestReceived() schemas.Micros {
	best := anchor{}
	for _, a := range c.anchors[:c.n] {
		if a.score > best.score {
			best = a
		}
	}
	return c.now + best.ahead
}

// earliestAnchor returns log time as a time of receipt of the source that is least ahead: no later than the truth as long as one clock is right.
func (c *logClock) earliestAnchor() schemas.Micros {
	if c.n == 0 {
		return c.now
	}
	least := c.anchors[0].ahead
	for _, a := range c.anchors[1:c.n] {
		least = min(least, a.ahead)
	}
	return c.now + least
}

// tickAt returns the time that a tick must carry when so much has passed since the last record.
func (c *logClock) tickAt(passed schemas.Micros) schemas.Micros {
	return c.now + c.anchors[0].ahead + min(passed, tickReach)
}

// AnchorMark is an anchor in the metadata of a commit: how far ahead, and its score.
type AnchorMark [2]int64

// anchorMarks returns the anchors for the metadata of a commit; nil when nothing was heard.
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
