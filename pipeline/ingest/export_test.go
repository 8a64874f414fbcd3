package ingest

import "github.com/gvc-brussels/anpr/pipeline/ingest/shard"

// For tests of package ingest_test, which may use the real sink and reference data.

// NewBatch is newBatch.
var NewBatch = newBatch

// BatchBuffers is how many batches a partition has.
const BatchBuffers = batchBuffers

// DefaultBatchRows is the default of Config.BatchRows.
var DefaultBatchRows = Config{}.withDefaults().BatchRows

// Reset empties the batch for the next range, as the worker does.
func (b *Batch) Reset() { b.reset() }

// Process takes records through a shard into the batch, as the worker does.
func (b *Batch) Process(s *shard.Shard, v *shard.Versions, recs *shard.Records, from, to int) {
	b.processRecords(s, v, recs, from, to)
}
