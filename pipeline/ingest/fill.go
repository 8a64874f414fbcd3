package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// fills holds the memory use for each owned partition. Safe for concurrent use.
type fills struct {
	byPartition[shard.Fill]
	used, room *prometheus.Desc
}

func newFills() *fills {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("anpr_pipeline_memory_"+name, help, []string{"partition", "what"}, nil)
	}
	return &fills{
		used: desc("used_ratio", "Share of its room that a partition's stream memory has taken, by what it holds; from 1 on some are forgotten before their time."),
		room: desc("room_count", "Ids and passages that a partition's stream memory has room for."),
	}
}

// Describe implements prometheus.Collector.
func (f *fills) Describe(ch chan<- *prometheus.Desc) {
	ch <- f.used
	ch <- f.room
}

// Collect implements prometheus.Collector.
func (f *fills) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, x := range f.parts {
		partition := strconv.Itoa(int(p))
		tell := func(what string, n, room int) {
			ch <- prometheus.MustNewConstMetric(f.used, prometheus.GaugeValue, float64(n)/float64(room), partition, what)
			ch <- prometheus.MustNewConstMetric(f.room, prometheus.GaugeValue, float64(room), partition, what)
		}
		tell("id", x.IDs, x.IDRoom)
		tell("passage", x.Passages, x.PassageRoom)
	}
}
