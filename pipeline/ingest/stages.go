package ingest

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

// Stage is a section of a read's way through a worker, or the whole way.
type Stage uint8

// The stages, in the order a read meets them.
const (
	StageKafkaWait Stage = iota // received_at to fetched: produce, broker, fetch. Counts stored reads
	StageQueue                  // fetched to taken by the shard
	StageProcess                // the shard's work on all records of the fetch
	StageLinger                 // processed to taken for writing: the linger, and waiting for the batch before
	StagePlan                   // commit of the plan
	StageInsert                 // all tables for the batch and the batches row
	StageStored                 // received_at to inserted, when a query sees the read. Counts stored reads
	StageHit                    // hit found to acknowledged by the broker. Counts hits
	StageOffence                // offence decided to acknowledged by the broker. Counts offences
	stages
)

var stageNames = [stages]string{"kafka_wait", "queue", "process", "linger", "plan", "insert", "stored", "hit_published", "offence_published"}

// String returns the stage's name in metrics and budgets.
func (s Stage) String() string { return stageNames[s] }

// Stages holds a histogram for each stage: 1 us to 60 s, three digits, one value a record. The clock is read once a
// fetch and once a batch, never once a read, and recording allocates nothing. Safe for concurrent use; the locks are
// leaves.
//
// received_at comes from the gateway's or the generator's clock. On several machines the two stages from received_at
// are as good as the clocks agree; a negative time counts as 1 us.
type Stages struct{ of [stages]stageTimes }

type stageTimes struct {
	mu  sync.Mutex // guards the fields below
	h   *hdrhistogram.Histogram
	sum float64 // seconds
}

const longestStage = int64(60 * time.Second / time.Microsecond)

// NewStages makes empty histograms.
func NewStages() *Stages {
	s := &Stages{}
	for i := range s.of {
		s.of[i].h = hdrhistogram.New(1, longestStage, 3)
	}
	return s
}

// Observe counts n records with time d in the stage. More than a minute counts as a minute.
func (s *Stages) Observe(stage Stage, d time.Duration, n int) {
	if n <= 0 {
		return
	}
	t := &s.of[stage]
	us := min(max(d.Microseconds(), 1), longestStage)
	t.mu.Lock()
	_ = t.h.RecordValues(us, int64(n)) // within the bounds: cannot be refused
	t.sum += d.Seconds() * float64(n)
	t.mu.Unlock()
}

// observeSince counts a record for each start.
func (s *Stages) observeSince(stage Stage, now schemas.Micros, starts []schemas.Micros) {
	if len(starts) == 0 {
		return
	}
	t := &s.of[stage]
	sum := int64(0)
	t.mu.Lock()
	for _, at := range starts {
		us := min(max(int64(now-at), 1), longestStage)
		_ = t.h.RecordValue(us)
		sum += us
	}
	t.sum += float64(sum) / 1e6
	t.mu.Unlock()
}

// StageSnapshot is a stage in [Stages.WriteJSON]. HDR is the histogram in HdrHistogram's V2 compressed form, base64,
// in microseconds: snapshots can be subtracted, and several workers' snapshots added.
type StageSnapshot struct {
	Stage string `json:"stage"`
	Count int64  `json:"count"`
	P50   int64  `json:"p50_us"`
	P90   int64  `json:"p90_us"`
	P99   int64  `json:"p99_us"`
	P999  int64  `json:"p99_9_us"`
	Max   int64  `json:"max_us"`
	HDR   string `json:"hdr"`
}

// WriteJSON writes all stages since the start of the worker, as a JSON array.
func (s *Stages) WriteJSON(w io.Writer) error {
	out := make([]StageSnapshot, 0, stages)
	for i := range stages {
		h := s.cloneHistogram(i)
		hdr, err := h.EncodeV2()
		if err != nil {
			return fmt.Errorf("encode the histogram of stage %s: %w", i, err)
		}
		out = append(out, StageSnapshot{
			Stage: i.String(), Count: h.TotalCount(), HDR: string(hdr), P50: h.ValueAtQuantile(50), P90: h.ValueAtQuantile(90),
			P99: h.ValueAtQuantile(99), P999: h.ValueAtQuantile(99.9), Max: h.Max(),
		})
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("write the stages: %w", err)
	}
	return nil
}

func (s *Stages) cloneHistogram(stage Stage) *hdrhistogram.Histogram {
	t := &s.of[stage]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.h.Clone()
}

// stageBounds are the metric's buckets in seconds. The histograms behind the metric are finer.
var stageBounds = prometheus.ExponentialBuckets(0.0005, 2, 16)

var stageDesc = prometheus.NewDesc("anpr_pipeline_stage_seconds",
	"Time of a record in each stage; kafka_wait and stored start at received_at. Finer: /debug/stages.", []string{"stage"}, nil)

// Describe implements prometheus.Collector.
func (s *Stages) Describe(ch chan<- *prometheus.Desc) { ch <- stageDesc }

// Collect implements prometheus.Collector.
func (s *Stages) Collect(ch chan<- prometheus.Metric) {
	for i := range stages {
		t := &s.of[i]
		t.mu.Lock()
		h, sum := t.h.Clone(), t.sum
		t.mu.Unlock()
		buckets, at, below := make(map[float64]uint64, len(stageBounds)), 0, uint64(0)
		for _, bar := range h.Distribution() {
			for at < len(stageBounds) && float64(bar.To)/1e6 > stageBounds[at] {
				buckets[stageBounds[at]] = below
				at++
			}
			below += uint64(bar.Count)
		}
		for ; at < len(stageBounds); at++ {
			buckets[stageBounds[at]] = below
		}
		ch <- prometheus.MustNewConstHistogram(stageDesc, uint64(h.TotalCount()), sum, buckets, i.String())
	}
}
