package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// fill says how many ids and passages a partition's memory holds, and how many it has room for. It is a function of the log up to the last
// record that was processed: a partition that gets none keeps it, as its memory does.
type fill struct{ ids, idRoom, passages, passageRoom int }

func (s *Shard) fill() fill {
	return fill{
		ids: s.window.Live(s.clock.now), idRoom: s.window.Room(),
		passages: s.passages.Remembered(), passageRoom: s.passages.Room(),
	}
}

// fills are those of the partitions owned. Safe for concurrent use.
type fills struct {
	byPartition[fill]
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
		tell("id", x.ids, x.idRoom)
		tell("passage", x.passages, x.passageRoom)
	}
}
