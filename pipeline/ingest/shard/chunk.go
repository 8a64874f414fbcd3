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

// chunk holds the records that are worked on together: first all are decoded and checked, which needs no state, then memory that
// they will need is prefetched, then they change the state one after the other, in the order of the log.
type chunk struct {
	records [ChunkSize]chunkRecord
	prefetchLists
}

// chunkRecord is one record.
type chunkRecord struct {
	offset int64
	value  []byte
	read   schemas.Read
	cam    *schemas.Camera      // of an admitted read
	from   dedup.Origin         // its camera and site
	err    *schemas.RejectError // of a record that is rejected
	reader bool                 // the record is a camera's read, so far as it could be decoded
}

// Process takes the records [from, to) of recs; it uses none of them afterwards. It counts their outcomes in tally and hands their rows to
// emit, the last before it returns. A nil emit rebuilds state: nothing is counted, decided or handed on. How the records are cut into
// calls changes no row.
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

// prepareRecords decodes and checks the records, which needs no state.
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
	for i := range records { // in a loop of their own, so that their cache misses overlap
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

// checkRecord says what is wrong with a read, beyond its form, that can be said without its camera.
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

// admitRecord checks the camera of a read, which must be registered at the time.
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
			r.Flags |= schemas.FlagClockSuspect // late on a wire and not said to come from a buffer: its clock, for all we know
		}
	}
	it.from = dedup.Origin{Site: c.SiteHash, Camera: c.Number}
	return nil
}

// applyRecord changes the state by one record.
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
		s.countReject(rej)
	case r.Tick > 0:
		if s.emit != nil {
			s.tally.Ticks++
		}
		if r.Format == schemas.FormatDoubt {
			s.applyDoubt(r)
			return
		}
		s.advanceClock(r.Tick, tickReach)
	case r.Quarantine != nil:
		q := r.Quarantine
		s.countReject(RejectRow{
			Err:    &schemas.RejectError{Reason: q.Reason, Field: q.Field, Detail: q.Detail},
			Camera: r.Camera, ReceivedAt: r.ReceivedAt, Payload: q.Payload, PayloadSize: q.PayloadSize, Quarantined: true,
		})
	default:
		s.storeOrMerge(r, it.cam, it.from)
	}
}
