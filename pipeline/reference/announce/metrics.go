package announce

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics say what the roles of a process know of announcements.
type Metrics struct{ age, next, missing *prometheus.GaugeVec }

// NewMetrics registers the metrics, or returns those that are registered: several roles may share a process.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"role"})
		err := r.Register(v)
		if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
			return there.ExistingCollector.(*prometheus.GaugeVec)
		}
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return v
	}
	return &Metrics{
		age:     gauge("anpr_reference_announcements_age_seconds", "Seconds since when announcements of reference data are not known; a worker takes no records beyond 30."),
		next:    gauge("anpr_reference_next_activation_timestamp_seconds", "Instant of the next activation that was announced, Unix time; 0 = none."),
		missing: gauge("anpr_reference_content_missing", "Versions of reference data that were announced and cannot be had: partitions stop at their instant."),
	}
}

// Set sets the metrics of a role. missing counts the versions of the kind that cannot be had.
func (m *Metrics) Set(role string, f *Follower, kind string, missing int, now time.Time) {
	age, next := 0.0, 0.0
	if at := f.Reached(); !at.IsZero() {
		age = now.Sub(at).Seconds()
	}
	for _, a := range f.Activations(kind) {
		if a.Instant.After(now) {
			next = float64(a.Instant.Unix())
			break
		}
	}
	m.age.WithLabelValues(role).Set(age)
	m.next.WithLabelValues(role).Set(next)
	m.missing.WithLabelValues(role).Set(float64(missing))
}
