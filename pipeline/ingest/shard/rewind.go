package shard

import "github.com/gvc-brussels/anpr/schemas"

// Rewind is the point for reading state back: the first record inside the horizon, and the log clock before it.
type Rewind struct {
	Offset  int64
	Clock   schemas.Micros
	Anchors []AnchorMark
}

// Rewind returns the start of the present state. A new shard that starts there and processes every record up to the
// present has the same state.
func (s *Shard) Rewind() Rewind {
	m := s.marks.dropBefore(s.clock.now)
	return Rewind{Offset: m.offset, Clock: m.clock.now, Anchors: m.clock.anchorMarks()}
}

// HistoryHorizon returns the horizon for a plan, or 0 without history: every owner knows the horizon without history.
func (s *Shard) HistoryHorizon() schemas.Micros {
	if s.cfg.Dedup.HistorySpan == 0 {
		return 0
	}
	return s.cfg.Dedup.Horizon()
}

// ReceivedAt returns the time of receipt at the rewind point, by the most active source.
func (r *Rewind) ReceivedAt() schemas.Micros {
	c := resumedClock(r.Clock, r.Anchors)
	return c.activeReceipt()
}

// RewindBefore returns an earlier rewind point, with the given time of receipt and log clock.
func RewindBefore(offset int64, received, clock schemas.Micros) Rewind {
	return Rewind{Offset: offset, Clock: clock, Anchors: []AnchorMark{{int64(received - clock), anchorHeard}}}
}

// ResumeAt sets the clock at the rewind point, after a start at an earlier point. Both clocks show the same log time
// there. The anchors in the plan replace the anchors guessed on the way.
func (s *Shard) ResumeAt(r Rewind) {
	s.clock = resumedClock(max(r.Clock, s.clock.now), r.Anchors)
}

// clockMarks remembers the offset for each second of log time, so that a plan can say where the horizon begins.
type clockMarks struct {
	horizon schemas.Micros
	marks   []clockMark
}

type clockMark struct {
	offset int64
	clock  logClock // before the record at offset
}

// recordClock records how the clock stood before the record at offset.
func (m *clockMarks) recordClock(offset int64, clock *logClock) {
	if n := len(m.marks); n > 0 && clock.now < m.marks[n-1].clock.now+schemas.Second {
		return
	}
	m.marks = append(m.marks, clockMark{offset, *clock})
}

// dropBefore returns the latest mark at least a horizon before clock and forgets the earlier ones.
func (m *clockMarks) dropBefore(clock schemas.Micros) clockMark {
	keep := 0
	for keep+1 < len(m.marks) && m.marks[keep+1].clock.now <= clock-m.horizon {
		keep++
	}
	m.marks = m.marks[:copy(m.marks, m.marks[keep:])]
	return m.marks[0]
}
