package reference

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/gvc-brussels/anpr/schemas"
)

// Metrics are the package's metrics. Make them with [NewMetrics]; they are safe for concurrent use.
type Metrics struct {
	reloads  prometheus.Counter
	failures prometheus.Counter
	version  prometheus.Gauge
	seconds  prometheus.Gauge
	cameras  prometheus.Gauge
	register prometheus.Gauge
	vehicles prometheus.Gauge
	entries  prometheus.Gauge
	exempt   prometheus.Gauge
	passes   prometheus.Gauge
	foreign  prometheus.Gauge
	index    *prometheus.CounterVec
	doubts   *prometheus.GaugeVec

	loadedAt atomic.Int64 // Micros of the last successful load; 0 = none
	oldest   atomic.Int64 // Micros up to which the oldest register is complete; 0 = no register
}

// NewMetrics registers the metrics; a nil registerer leaves them unregistered. now is called at every scrape; nil is
// time.Now.
func NewMetrics(reg prometheus.Registerer, now func() time.Time) *Metrics {
	if now == nil {
		now = time.Now
	}
	f := promauto.With(reg)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: "anpr_refdata_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "anpr_refdata_" + name, Help: help})
	}
	m := &Metrics{
		reloads:  counter("reloads_total", "Loads of the reference data that were tried, the first included."),
		failures: counter("reload_failures_total", "Loads that were refused or could not be read; the previous version stayed."),
		version:  gauge("version_info", "Version in use: its 12 hexadecimal digits as a number (exact, below 2^48)."),
		seconds:  gauge("load_duration_seconds", "Time the last successful load took."),
	}
	m.index = f.NewCounterVec(prometheus.CounterOpts{
		Name: "anpr_refdata_index_files_total", Help: "Index files of compiled tables: used instead of parsing, built, or refused because they were broken or could not be written.",
	}, []string{"kind", "result"})
	for _, kind := range []string{indexVehicles, indexLists} {
		for _, result := range []string{indexUsed, indexBuilt, indexRefused} {
			m.index.WithLabelValues(kind, result)
		}
	}
	m.doubts = f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "anpr_refdata_doubts_count", Help: "What is wrong in all likelihood with the version in use, by kind; the log names each.",
	}, []string{"kind"})
	for _, kind := range doubtKinds {
		m.doubts.WithLabelValues(kind)
	}
	records := f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "anpr_refdata_records_count", Help: "Records in use by kind.",
	}, []string{"kind"})
	m.cameras, m.register, m.vehicles = records.WithLabelValues("camera"), records.WithLabelValues("register"), records.WithLabelValues("vehicle")
	m.entries, m.exempt = records.WithLabelValues("list_entry"), records.WithLabelValues("exemption")
	m.passes, m.foreign = records.WithLabelValues("day_pass"), records.WithLabelValues("registration")
	age := func(name, help string, since *atomic.Int64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: "anpr_refdata_" + name, Help: help}, func() float64 {
			at := schemas.Micros(since.Load())
			if at == 0 {
				return 0
			}
			return now().Sub(at.Time()).Seconds()
		})
	}
	age("age_seconds", "Time since the last successful load; 0 before the first.", &m.loadedAt)
	age("oldest_register_age_seconds", "Time since the oldest register copy was complete; 0 without a register.", &m.oldest)
	return m
}

// noteLoad notes a successful load.
func (m *Metrics) noteLoad(s *Snapshot, at time.Time, took time.Duration) {
	n, err := strconv.ParseUint(s.version, 16, 48)
	if err != nil {
		panic("BUG: the version is not 12 hexadecimal digits: " + err.Error())
	}
	st := s.Stats()
	m.version.Set(float64(n))
	m.seconds.Set(took.Seconds())
	m.cameras.Set(float64(st.Cameras))
	m.register.Set(float64(st.Registers))
	m.vehicles.Set(float64(st.Vehicles))
	m.entries.Set(float64(st.ListEntries))
	m.exempt.Set(float64(st.Exemptions))
	m.passes.Set(float64(st.DayPasses))
	m.foreign.Set(float64(st.Registrations))
	m.loadedAt.Store(int64(schemas.MicrosOf(at)))
	m.oldest.Store(int64(s.oldestRegister()))
}
