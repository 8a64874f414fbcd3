package pipeline

// For tests of package pipeline_test, which may use the real sink and reference data.

// NewBatch is newBatch.
var NewBatch = newBatch

// GroupSize is groupSize.
const GroupSize = groupSize

// BatchBuffers is how many batches a runner has.
const BatchBuffers = batchBuffers

// DefaultBatchRows is the default of Config.BatchRows.
var DefaultBatchRows = Config{}.withDefaults().BatchRows

// Reset empties the batch for the next range, as the runner does.
func (b *Batch) Reset() { b.reset() }

// Balanced reports whether every record ended somewhere.
func (b *Batch) Balanced() bool { return b.balanced() }

// DoNotTouch makes the shard work without loading ahead.
func (s *Shard) DoNotTouch() {
	s.untouched = true
	s.passages.Ahead(nil)
}
