package ingest

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

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

// Admit finds the camera of a read as Process does; nil when there is none.
func (s *Shard) Admit(w World, r *schemas.Read) (*schemas.Camera, dedup.Origin) {
	s.world = w
	s.cameras.of(w.Registry.Version())
	if at := s.lookup(r.Camera, cameraHash(r.Camera)); at != nil {
		return at.cam, dedup.Origin{Site: at.site, Camera: at.number}
	}
	return nil, dedup.Origin{}
}

// Passages is the shard's memory of passages; while it processes nothing what closes goes nowhere.
func (s *Shard) Passages() *dedup.Passages { return s.passages }

// DoNotTouch makes the shard work without loading ahead.
func (s *Shard) DoNotTouch() {
	s.untouched = true
	s.passages.Ahead(nil)
}
