package ingest

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// Batch holds a shard's results for a range in its partition.
type Batch struct {
	Range Range
	shard.Tally
	Block Block
	// Pending counts the range's published messages without an acknowledgement.
	Pending Pending

	publisher   Publisher
	emit        func(*shard.Rows) // takePiece, bound once
	plan, after Plan              // commits before and after the insert
	opened      time.Time         // when the first record was taken
	forgotten   shard.Forgotten   // counted by the shard before the first record
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

// processRecords runs the records [from, to) through the shard and adds the results to the batch.
func (b *Batch) processRecords(s *shard.Shard, v *shard.Versions, recs *shard.Records, from, to int) {
	s.Process(v, recs, from, to, &b.Tally, b.emit)
}

// takePiece publishes a piece's rows first and appends them second: a hit waits for a piece, never for a batch.
func (b *Batch) takePiece(rows *shard.Rows) {
	b.publisher.Publish(&b.Pending, rows)
	b.Block.Append(rows)
	for i := range rows.Reads {
		b.stamps.received = append(b.stamps.received, rows.Reads[i].Read.ReceivedAt)
	}
}
