package reconcile

import "github.com/prometheus/client_golang/prometheus"

// Metrics of a watch.
type Metrics struct {
	residual, breaches               *prometheus.GaugeVec
	until, inFlight, unseen, seconds prometheus.Gauge
	unreceipted                      prometheus.Counter
	passes                           *prometheus.CounterVec
}

// The outcomes of a pass.
const (
	passBalanced = "balanced"
	passResidual = "residual"
	passWaiting  = "waiting" // the pipeline had not committed the whole range; another pass will look again
	passFailed   = "failed"  // a side could not be asked
)

// NewMetrics makes the metrics and registers them, unless reg is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_reconcile_" + name, Help: help})
	}
	m := &Metrics{
		residual: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "anpr_reconcile_residual_records", Help: "Left over since the start of this process, by kind; anything but 0 is an alarm."}, []string{"kind"}),
		breaches: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "anpr_reconcile_breaches", Help: "Broken invariants of plan, insert, commit since the start of this process; anything but 0 is an alarm."}, []string{"breach"}),
		until:    gauge("balanced_until_seconds", "Unix time up to which everything received is accounted for."),
		inFlight: gauge("in_flight_records", "Records of the last window that the pipeline had not committed."),
		unseen:   gauge("cannot_tell_reasons", "Reasons why the last window could not be seen whole: retention, a missing journal."),
		seconds:  gauge("pass_seconds", "Time the last pass took."),
		unreceipted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "anpr_reconcile_without_receipt_total", Help: "Records on the log that no journal has a receipt of.",
		}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_reconcile_passes_total", Help: "Passes by outcome."}, []string{"outcome"}),
	}
	for _, k := range ResidualKinds() {
		m.residual.WithLabelValues(string(k))
	}
	for _, b := range Breaches() {
		m.breaches.WithLabelValues(string(b))
	}
	for _, o := range []string{passBalanced, passResidual, passWaiting, passFailed} {
		m.passes.WithLabelValues(o)
	}
	if reg != nil {
		reg.MustRegister(m.residual, m.breaches, m.until, m.inFlight, m.unseen, m.seconds, m.unreceipted, m.passes)
	}
	return m
}
