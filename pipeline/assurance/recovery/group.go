package recovery

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// ShortenedGroup is a member of a rebuilding group: for each partition the log ends before an offset, and nothing
// is written to the log.
type ShortenedGroup struct {
	ingest.ConsumerGroup
	Ends map[int32]int64
}

var _ ingest.ConsumerGroup = ShortenedGroup{}

// Next waits for the next generation.
func (g ShortenedGroup) Next(ctx context.Context) (ingest.Generation, error) {
	s, err := g.ConsumerGroup.Next(ctx)
	if err != nil {
		return nil, err
	}
	return shortenedGeneration{s, g.Ends}, nil
}

type shortenedGeneration struct {
	ingest.Generation
	ends map[int32]int64
}

// Bounds returns the bounds of the shortened log.
func (s shortenedGeneration) Bounds(ctx context.Context, partition int32) (first, end int64, err error) {
	first, end, err = s.Generation.Bounds(ctx, partition)
	return first, min(end, s.ends[partition]), err
}

// Tick writes nothing, because the ticks that closed the passages are on the log.
func (s shortenedGeneration) Tick(context.Context, int32, schemas.Micros) error { return nil }

// Mark writes nothing, because the marks that began a catalogue are on the log.
func (s shortenedGeneration) Mark(context.Context, int32, schemas.Micros) error { return nil }

// Open reads to the end of the shortened log, and then waits there.
func (s shortenedGeneration) Open(ctx context.Context, partition int32, offset int64) (ingest.Reader, error) {
	r, err := s.Generation.Open(ctx, partition, offset)
	if err != nil {
		return nil, err
	}
	return &shortenedReader{Reader: r, next: offset, end: s.ends[partition]}, nil
}

type shortenedReader struct {
	ingest.Reader
	next, end int64
	scratch   shard.Records
}

// Fetch appends the records below the end.
func (r *shortenedReader) Fetch(ctx context.Context, into *shard.Records) error {
	into.HighWater = r.end
	if r.next >= r.end {
		select {
		case <-time.After(100 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.scratch.Reset()
	err := r.Reader.Fetch(ctx, &r.scratch)
	for i := range r.scratch.Len() {
		offset, value := r.scratch.At(i)
		if offset >= r.end {
			r.next = r.end
			break
		}
		into.Append(offset, value)
		r.next = offset + 1
	}
	return err
}

// MutePublisher is a publisher that publishes nothing.
type MutePublisher struct{}

var _ ingest.Publisher = MutePublisher{}

// Publish does nothing.
func (MutePublisher) Publish(*ingest.Pending, *shard.Rows) {}
