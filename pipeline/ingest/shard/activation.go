package shard

import "github.com/gvc-brussels/anpr/schemas"

// FirstPast returns the first of the records [from, to) of recs with which the log's time is at or past an instant, or
// to when there is none. The log's time is [Shard.Clock] after the record, or what a mark says. The answer depends on
// the log and the reference data alone, not on how records are cut into calls, and the shard's state stays as it was.
//
// One gateway's clock does not decide: a record far from the others' times does not become the log's time at once. In
// a partition where most records come from a clock that is ahead it does, so the owner asks its own clock too.
func (s *Shard) FirstPast(v *Versions, recs *Records, from, to int, instant schemas.Micros) int {
	s.versions = v
	defer func() { s.versions = nil }()
	clock := s.clock
	for from < to {
		records := s.chunk.records[:min(to-from, ChunkSize)]
		for i := range records {
			records[i].offset, records[i].value = recs.At(from + i)
		}
		s.prepareRecords(records)
		for i := range records {
			if s.hearAhead(&clock, &records[i], instant) {
				return from + i
			}
		}
		from += len(records)
	}
	return to
}

// hearAhead moves a copy of the clock as [Shard.applyRecord] will move the clock, and reports whether the instant has come.
func (s *Shard) hearAhead(clock *logClock, it *chunkRecord, instant schemas.Micros) bool {
	r := &it.read
	switch {
	case it.err != nil || r.Quarantine != nil:
	case r.Tick > 0 && r.Format == schemas.FormatMark:
		if r.Tick >= instant {
			return true
		}
	case r.Tick > 0 && r.Format == schemas.FormatDoubt:
		clock.hearRecord(r.Tick, s.reach)
	case r.Tick > 0:
		clock.hearRecord(r.Tick, tickReach)
	default:
		clock.hearRecord(r.ReceivedAt, s.reach)
	}
	return clock.n > 0 && clock.activeReceipt() >= instant
}
