package ingest

import (
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// stamps are the times for a batch's records, taken once a fetch. They belong to the goroutine with the batch.
type stamps struct {
	received []schemas.Micros // of the stored reads
	fetched  int              // how many of received are counted in StageKafkaWait
	chunks   []chunkStamp
}

// chunkStamp is the part of a fetch in this batch.
type chunkStamp struct {
	processed time.Time
	records   int
}

func (s *stamps) reset() { s.received, s.fetched, s.chunks = s.received[:0], 0, s.chunks[:0] }

// noteChunk notes that the shard has processed the batch's last n records, fetched at and begun at began.
func (s *stamps) noteChunk(to *Stages, at, began time.Time, n int) {
	now := time.Now()
	to.observeSince(StageKafkaWait, schemas.MicrosOf(at), s.received[s.fetched:])
	to.Observe(StageQueue, began.Sub(at), n)
	to.Observe(StageProcess, now.Sub(began), n)
	s.fetched = len(s.received)
	s.chunks = append(s.chunks, chunkStamp{now, n})
}

// noteTaken notes that the batch is taken for writing.
func (s *stamps) noteTaken(to *Stages, at time.Time) {
	for _, c := range s.chunks {
		to.Observe(StageLinger, at.Sub(c.processed), c.records)
	}
}

// noteWritten notes that the batch is inserted. taken is when flushBatches took it, planned when its plan was
// committed.
func (s *stamps) noteWritten(to *Stages, taken, planned, inserted time.Time, records int) {
	to.Observe(StagePlan, planned.Sub(taken), records)
	to.Observe(StageInsert, inserted.Sub(planned), records)
	to.observeSince(StageStored, schemas.MicrosOf(inserted), s.received)
}
