package ingest

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

// lags holds each partition's lag: in records, and in seconds from the receipt of the last processed record until now.
// Both are computed at collection, so the seconds rise even while everything stands still. Safe for concurrent use.
type lags struct {
	byPartition[lag]
	records, seconds *prometheus.Desc
}

// byPartition keeps a value for each owned partition. Safe for concurrent use.
type byPartition[T any] struct {
	mu    sync.Mutex // guards parts
	parts map[int32]T
}

func (b *byPartition[T]) setValue(partition int32, x T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.parts == nil {
		b.parts = map[int32]T{}
	}
	b.parts[partition] = x
}

// reset drops the partitions of the last generation: other workers report them now.
func (b *byPartition[T]) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.parts)
}

type lag struct {
	records int64
	clock   schemas.Micros // the log clock at the last processed record
}

func newLags() *lags {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("anpr_pipeline_lag_"+name, help, []string{"partition"}, nil)
	}
	return &lags{
		records: desc("records", "Records in the log not yet processed, as of the last fetch."),
		seconds: desc("seconds", "Time since the receipt of the last record processed, while records wait; 0 when none does."),
	}
}

// Describe implements prometheus.Collector.
func (l *lags) Describe(ch chan<- *prometheus.Desc) {
	ch <- l.records
	ch <- l.seconds
}

// Collect implements prometheus.Collector.
func (l *lags) Collect(ch chan<- prometheus.Metric) {
	now := schemas.MicrosOf(time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, x := range l.parts {
		partition, seconds := strconv.Itoa(int(p)), 0.0
		if x.records > 0 && x.clock > 0 {
			seconds = float64(max(0, now-x.clock)) / float64(schemas.Second)
		}
		ch <- prometheus.MustNewConstMetric(l.records, prometheus.GaugeValue, float64(x.records), partition)
		ch <- prometheus.MustNewConstMetric(l.seconds, prometheus.GaugeValue, seconds, partition)
	}
}
