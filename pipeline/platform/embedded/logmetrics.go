package embedded

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LogMetrics shows the size of the embedded log beside the limits.
type LogMetrics struct {
	bytes, batches, age, held prometheus.Gauge
	dropped                   prometheus.Counter
}

// NewLogMetrics makes and registers the metrics. A limit of 0 means no limit.
func NewLogMetrics(reg prometheus.Registerer, limits Limits) *LogMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "anpr", Subsystem: "log", Name: name, Help: help})
		reg.MustRegister(g)
		return g
	}
	m := &LogMetrics{
		bytes: gauge("bytes", "Size of the embedded broker's log on the disk."), batches: gauge("batches", "Record batches of the embedded broker's log; 72 bytes of memory each."),
		age:  gauge("oldest_seconds", "How far back the embedded broker's log reaches."),
		held: gauge("held_bytes", "Bytes beyond the limits that the pipeline still needs."),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "anpr", Subsystem: "log", Name: "dropped_bytes_total", Help: "Bytes of the oldest records that left the embedded broker's log.",
		}),
	}
	reg.MustRegister(m.dropped)
	gauge("limit_bytes", "Bytes that the embedded broker's log may take; 0 = any.").Set(float64(limits.Bytes))
	gauge("limit_batches", "Record batches that the embedded broker's log may hold; 0 = any.").Set(float64(limits.Batches))
	gauge("limit_seconds", "Age that the embedded broker's log may have; 0 = any.").Set(limits.Age.Seconds())
	return m
}

// SetUse sets the present use of the log.
func (m *LogMetrics) SetUse(u LogUse, now time.Time) {
	m.bytes.Set(float64(u.Bytes))
	m.batches.Set(float64(u.Batches))
	m.held.Set(float64(u.Held))
	m.dropped.Add(float64(u.Dropped))
	if u.Oldest.IsZero() {
		m.age.Set(0)
	} else {
		m.age.Set(now.Sub(u.Oldest).Seconds())
	}
}
