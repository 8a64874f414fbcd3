package ingest

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// Batch is what a shard made of one range of its partition.
type Batch struct {
	Range Range
	shard.Tally
	Block Block
	// Pending is what was published from this range and not yet acknowledged.
	Pending Pending

	publisher   Publisher
	emit        func(*shard.Rows) // takePiece
	plan, after Plan              // commits before and after the insert
	opened      time.Time         // of the first record
	forgotten   shard.Forgotten   // by the shard before the first record
	stamps      stamps
	versions    shard.Versions
}

func newBatch(block Block, publisher Publisher) *Batch {
	b := &Batch{Block: block, publisher: publisher, Tally: shard.NewTally()}
	b.emit = b.takePiece
	return b
}

func (b *Batch) reset() {
	b.Block.Reset()
	b.Range, b.plan, b.after, b.opened, b.versions = Range{}, Plan{}, Plan{}, time.Time{}, shard.Versions{}
	b.Tally.Reset()
	b.stamps.reset()
}

// processRecords takes the records [from, to) of recs through the shard into the batch.
func (b *Batch) processRecords(s *shard.Shard, v *shard.Versions, recs *shard.Records, from, to int) {
	s.Process(v, recs, from, to, &b.Tally, b.emit)
}

// takePiece publishes the rows of a piece first and appends them second: a hit waits for a piece, never for a batch.
func (b *Batch) takePiece(rows *shard.Rows) {
	b.publisher.Publish(&b.Pending, rows)
	b.Block.Append(rows)
	for i := range rows.Reads {
		b.stamps.received = append(b.stamps.received, rows.Reads[i].Read.ReceivedAt)
	}
}
