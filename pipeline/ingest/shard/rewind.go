package shard

import "github.com/gvc-brussels/anpr/schemas"

// Rewind is where state must be read back from: the first record of the horizon, and how the log clock stood before it.
type Rewind struct {
	Offset  int64
	Clock   schemas.Micros
	Anchors []AnchorMark
}

// Rewind returns where the shard's present state begins: a new shard that starts there and processes every record up to the present one
// has the same state.
func (s *Shard) Rewind() Rewind {
	m := s.marks.dropBefore(s.clock.now)
	return Rewind{Offset: m.offset, Clock: m.clock.now, Anchors: m.clock.anchorMarks()}
}

// HistoryHorizon returns the horizon for a plan: 0 when there is no history, because every owner knows that one.
func (s *Shard) HistoryHorizon() schemas.Micros {
	if s.cfg.Dedup.HistorySpan == 0 {
		return 0
	}
	return s.cfg.Dedup.Horizon()
}

// ReceivedAt returns the time at which the records at the rewind point were received, by the source heard most of late.
func (r *Rewind) ReceivedAt() schemas.Micros {
	c := resumedClock(r.Clock, r.Anchors)
	return c.latestReceived()
}

// RewindBefore returns a rewind point at an earlier offset whose records were received at that time, and whose clock
// stands at clock.
func RewindBefore(offset int64, received, clock schemas.Micros) Rewind {
	return Rewind{Offset: offset, Clock: clock, Anchors: []AnchorMark{{int64(received - clock), anchorHeard}}}
}

// ResumeAt sets the clock to that of the rewind point, which the shard has reached from an earlier one. The clock of
// the earlier one was begun so that both stand at the same log time; the anchors of the plan go before those that
// were guessed on the way.
func (s *Shard) ResumeAt(r Rewind) {
	s.clock = resumedClock(max(r.Clock, s.clock.now), r.Anchors)
}

// clockMarks remembers at which offset the log clock reached which time, so that a plan can say where its horizon begins. It keeps one mark a
// second of log time.
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
