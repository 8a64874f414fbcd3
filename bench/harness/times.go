package harness

import (
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/bench"
)

// latencyTimes is a histogram of microseconds, 1 us to 60 s, for several goroutines.
type latencyTimes struct {
	mu      sync.Mutex // guards the fields below
	h       *hdrhistogram.Histogram
	clamped int64
}

const longest = int64(60_000_000)

func newTimes() *latencyTimes { return &latencyTimes{h: hdrhistogram.New(1, longest, 3)} }

func (t *latencyTimes) recordMicros(us int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if us > longest {
		us = longest
		t.clamped++
	}
	_ = t.h.RecordValue(max(us, 1)) // within the bounds: cannot be refused
}

func (t *latencyTimes) readPercentiles() bench.Percentiles {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bench.PercentilesOf(t.h, t.clamped)
}
