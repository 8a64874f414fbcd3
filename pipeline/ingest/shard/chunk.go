package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/schemas"
)

// ChunkSize is how many records are worked on together: enough for their cache misses to overlap, few enough for their
// reads to stay in the nearest caches.
const ChunkSize = dedup.ChunkSize

// chunk holds the records worked on together. First all records are decoded and checked, without state. Then the
// memory they will need is prefetched. Then each record changes the state, in log order.
type chunk struct {
	records [ChunkSize]chunkRecord
	prefetchLists
}

// chunkRecord is one record.
type chunkRecord struct {
	offset int64
	value  []byte
	read   schemas.Read
	cam    *schemas.Camera      // set for an admitted read
	from   dedup.Origin         // camera and site of the read
	err    *schemas.RejectError // why the record is rejected; nil = it is not
	reader bool                 // the record is a camera's read, so far as it could be decoded
}

// Process takes the records [from, to) of recs and keeps none. It counts outcomes in tally and hands rows to emit, the
// last rows before it returns. A nil emit only rebuilds state: nothing is counted, decided or handed on. The way
// records are cut into calls changes no row.
func (s *Shard) Process(v *Versions, recs *Records, from, to int, tally *Tally, emit func(*Rows)) {
	s.versions, s.tally, s.emit, s.rows.Versions = v, tally, emit, v
	if emit != nil {
		if names := v.Names(); names != s.matched {
			s.matched, s.stale, s.told = names, true, nil
		}
	}
	for from < to {
		records := s.chunk.records[:min(to-from, ChunkSize)]
		for i := range records {
			records[i].offset, records[i].value = recs.At(from + i)
		}
		s.prepareRecords(records)
		s.prefetchChunk(records)
		for i := range records {
			s.applyRecord(&records[i])
		}
		s.handOver()
		from += len(records)
	}
	s.versions, s.tally, s.emit, s.rows.Versions = nil, nil, nil, nil
}

// prepareRecords decodes and checks the records without state.
func (s *Shard) prepareRecords(records []chunkRecord) {
	for i := range records {
		it := &records[i]
		r := &it.read
		it.cam, it.reader = nil, false
		if it.err = decode.Record(r, it.value); it.err != nil || r.Tick > 0 || r.Quarantine != nil {
			continue
		}
		it.reader = true
		it.err = s.checkRecord(r)
	}
	for i := range records { // a separate loop, so that the cache misses overlap
		if it := &records[i]; it.reader && it.err == nil {
			it.cam, _ = s.versions.Reference.Camera(it.read.Camera)
		}
	}
	for i := range records {
		if it := &records[i]; it.reader && it.err == nil {
			it.err = s.admitRecord(it)
		}
	}
}

// checkRecord finds faults of a read beyond its form, without its camera.
func (s *Shard) checkRecord(r *schemas.Read) *schemas.RejectError {
	if err := normalise.Read(r); err != nil {
		return err
	}
	if err := decode.CheckClock(r, s.cfg.ClockAhead, s.cfg.ClockBack); err != nil {
		return err
	}
	if schemas.Partition(r.Class, r.Camera, s.cfg.Partitions) != int(s.cfg.Partition) {
		r.Flags |= schemas.FlagMisrouted
	}
	return nil
}

// admitRecord checks that the camera is registered at the time of the read.
func (s *Shard) admitRecord(it *chunkRecord) *schemas.RejectError {
	r, c := &it.read, it.cam
	if c == nil {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "not in the camera registry; register it, then replay the dead letter")
	}
	if !c.ValidAt(r.CapturedAt) {
		it.cam = nil
		return schemas.Rejectf(schemas.ReasonCameraExpired, "captured_at", "the registry entry does not cover the capture time; correct its validity, then replay the dead letter")
	}
	if r.ReceivedAt-r.CapturedAt > c.AllowedLateness {
		r.Flags |= schemas.FlagLate
		if c.Kind == schemas.CameraFixed && r.Flags&schemas.FlagLateUpload == 0 {
			r.Flags |= schemas.FlagClockSuspect // late on a wire, and no buffer was named: the clock may be wrong
		}
	}
	it.from = dedup.Origin{Site: c.SiteHash, Camera: c.Number}
	return nil
}

// applyRecord changes the state by a single record.
func (s *Shard) applyRecord(it *chunkRecord) {
	r := &it.read
	s.offset, s.seq = it.offset, 0
	s.marks.recordClock(it.offset, &s.clock)
	if s.emit != nil {
		s.tally.Fetched++
	}
	switch {
	case it.err != nil:
		rej := RejectRow{Err: it.err, Payload: it.value, PayloadSize: uint64(len(it.value))}
		if it.reader {
			rej.Camera, rej.ReceivedAt = r.Camera, r.ReceivedAt
		}
		s.recordReject(rej)
	case r.Tick > 0:
		if s.emit != nil {
			s.tally.Ticks++
		}
		switch r.Format {
		case schemas.FormatDoubt:
			s.applyDoubt(r)
		case schemas.FormatMark: // moves nothing, see FirstPast
		default:
			s.advanceClock(r.Tick, tickReach)
		}
	case r.Quarantine != nil:
		q := r.Quarantine
		s.recordReject(RejectRow{
			Err:    &schemas.RejectError{Reason: q.Reason, Field: q.Field, Detail: q.Detail},
			Camera: r.Camera, ReceivedAt: r.ReceivedAt, Payload: q.Payload, PayloadSize: q.PayloadSize, Quarantined: true,
		})
	default:
		s.storeOrMerge(r, it.cam, it.from)
	}
}
