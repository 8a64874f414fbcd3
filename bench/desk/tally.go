package desk

import (
	"errors"
	"maps"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// times is a distribution of latencies.
type times struct{ h *hdrhistogram.Histogram }

func newTimes() times { return times{hdrhistogram.New(1, int64(2*time.Minute/time.Microsecond), 3)} }

func (t times) recordTime(d time.Duration) { _ = t.h.RecordValue(max(d.Microseconds(), 1)) }

// tally counts what agents met in a round.
type tally struct {
	keyToNext, verdict, lease, picture, fetched times
	decided                                     map[string]int64 // acknowledged verdicts by kind
	errors                                      map[string]int64 // by request and code
}

func newTally() *tally {
	return &tally{newTimes(), newTimes(), newTimes(), newTimes(), newTimes(), map[string]int64{}, map[string]int64{}}
}

// noteError counts a request that failed; nil counts nothing.
func (t *tally) noteError(request string, err error) {
	if err == nil {
		return
	}
	code := "no answer"
	if said, ok := errors.AsType[*office.APIError](err); ok {
		code = said.Code
	}
	t.errors[request+": "+code]++
}

// addTally adds another tally.
func (t *tally) addTally(o *tally) {
	for _, p := range []struct{ to, from times }{{t.keyToNext, o.keyToNext}, {t.verdict, o.verdict}, {t.lease, o.lease}, {t.picture, o.picture}, {t.fetched, o.fetched}} {
		p.to.h.Merge(p.from.h)
	}
	for k, n := range o.decided {
		t.decided[k] += n
	}
	for k, n := range o.errors {
		t.errors[k] += n
	}
}

// Latency is a distribution in microseconds.
type Latency struct {
	N   int64 `json:"n"`
	P50 int64 `json:"p50_us"`
	P95 int64 `json:"p95_us"`
	P99 int64 `json:"p99_us"`
	Max int64 `json:"max_us"`
}

func (t times) asLatency() Latency {
	return Latency{t.h.TotalCount(), t.h.ValueAtQuantile(50), t.h.ValueAtQuantile(95), t.h.ValueAtQuantile(99), t.h.Max()}
}

// RoundResult is what the agents met in a round, or in all rounds of a variant.
type RoundResult struct {
	KeyToNext Latency          `json:"key_to_next"` // verdict sent to the next item whole
	Verdict   Latency          `json:"verdict"`     // verdict sent to acknowledged
	Fetched   Latency          `json:"fetched"`     // items asked for to an item whole with its pictures: the next item of who has none ahead
	Lease     Latency          `json:"lease"`
	Picture   Latency          `json:"picture"`
	Decided   map[string]int64 `json:"decided"` // acknowledged verdicts
	Errors    map[string]int64 `json:"errors,omitempty"`
}

func (t *tally) sumUp() RoundResult {
	return RoundResult{t.keyToNext.asLatency(), t.verdict.asLatency(), t.fetched.asLatency(), t.lease.asLatency(), t.picture.asLatency(), maps.Clone(t.decided), maps.Clone(t.errors)}
}

// Acknowledged is the number of verdicts that the office acknowledged.
func (r *RoundResult) Acknowledged() (n int64) {
	for _, k := range r.Decided {
		n += k
	}
	return n
}

// Failed is the number of requests that failed.
func (r *RoundResult) Failed() (n int64) {
	for _, k := range r.Errors {
		n += k
	}
	return n
}
