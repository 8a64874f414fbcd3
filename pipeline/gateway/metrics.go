package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

// Metrics are the gateway's counters. Labels come from closed sets: formats, reasons, notices, kinds of events, and
// the registry's cameras.
type Metrics struct {
	Accepted      *prometheus.CounterVec // reads acknowledged by the broker, by format
	Ignored       *prometheus.CounterVec // events without a read, by format and kind
	Doubts        prometheus.Counter     // reads put in doubt by another read on the lane
	Unread        *prometheus.CounterVec // vehicles whose plate was not read, each once, by format and camera
	Refused       *prometheus.CounterVec // reads and uploads refused, by reason
	Notices       *prometheus.CounterVec // notices on accepted reads: values left out or changed, by notice
	Quarantined   prometheus.Counter     // refused uploads kept on the log
	Unkept        prometheus.Counter     // refused uploads of unauthenticated senders, beyond the bound and not kept
	Limited       *prometheus.CounterVec // uploads turned away to be sent again, by cause
	Authenticated *prometheus.CounterVec // requests of cameras, by scheme
	Failed        *prometheus.CounterVec // requests without valid authentication, by scheme
	Challenged    prometheus.Counter     // first halves of a challenge and response
	Panics        prometheus.Counter     // panics answered with 503
	Bytes         prometheus.Counter     // of bodies received
	Images        prometheus.Counter     // pictures stored
	Unjoined      prometheus.Counter     // speeds sent apart, for which no plate came
	NoReceipt     prometheus.Counter     // acknowledged records missing in the journal of receipts
	Produce       prometheus.Histogram   // seconds until the broker acknowledged
	all           []prometheus.Collector
}

// The causes counted by Limited.
const (
	causeRate     = "rate"
	causeFull     = "in_flight"
	causeTooLarge = "too_large"
	causeBroker   = "broker"
	causeImages   = "image_store"
	causeSlow     = "slow"
	causeFailures = "failed_authentications"
)

// NewMetrics makes the counters and registers them, unless reg is nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{}
	vec := func(name, help, label string, values []string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_gateway_" + name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v)
		}
		m.all = append(m.all, c)
		return c
	}
	pairs := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_gateway_" + name, Help: help}, labels)
		m.all = append(m.all, c)
		return c
	}
	one := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "anpr_gateway_" + name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	reasons, notes, ways := labelValues()
	m.Accepted = vec("reads_accepted_total", "Reads acknowledged by the broker.", "format", formatNames())
	m.Ignored = pairs("events_ignored_total", "Events that hold no read.", "format", "kind")
	for _, name := range formatNames() {
		for _, kind := range IgnoredKinds() {
			m.Ignored.WithLabelValues(name, string(kind))
		}
	}
	m.Unread = pairs("vehicles_unread_total", "Vehicles whose plate the camera did not read, each counted once.",
		"format", "camera")
	m.Doubts = one("reads_doubted_total",
		"Reads that another read of the same lane, of another plate but for one character, puts in doubt.")
	m.Refused = vec("refused_total", "Reads and uploads refused.", "reason", reasons)
	m.Notices = vec("notes_total", "Doubtful values left out of accepted reads.", "note", notes)
	m.Quarantined = one("quarantined_total", "Refused uploads kept on the log.")
	m.Unkept = one("unkept_total", "Refused uploads of unauthenticated senders beyond the bound, not kept.")
	m.Limited = vec("limited_total", "Uploads turned away, to be sent again.", "cause",
		[]string{causeRate, causeFull, causeTooLarge, causeBroker, causeImages, causeSlow, causeFailures})
	m.Authenticated = vec("authenticated_total", "Requests of cameras that authenticated.", "scheme", ways)
	m.Failed = vec("authentications_failed_total", "Requests that did not authenticate.", "scheme", ways)
	m.Challenged = one("challenges_total", "Requests answered with the challenge that their scheme begins with.")
	m.Panics = one("panics_total", "Panics answered with 503.")
	m.Bytes = one("received_bytes_total", "Bytes of bodies received.")
	m.Images = one("images_total", "Pictures stored.")
	m.Unjoined = one("speeds_unjoined_total",
		"Speeds that a camera sent apart from their plate, and that no plate came for.")
	m.NoReceipt = one("receipts_lost_total",
		"Acknowledged records that the journal of receipts did not take; they are on the log.")
	m.Produce = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "anpr_gateway_produce_seconds", Help: "Seconds until the broker acknowledged an upload.",
		Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
	})
	m.all = append(m.all, m.Produce)
	if reg != nil {
		reg.MustRegister(m.all...)
	}
	return m
}

// labelValues lists reject reasons, notices and schemes, all closed sets.
func labelValues() (reasons, notes, ways []string) {
	for _, s := range allSchemes() {
		ways = append(ways, string(s))
	}
	for _, r := range schemas.Reasons() {
		reasons = append(reasons, r.String())
	}
	for _, n := range Notices() {
		notes = append(notes, string(n))
	}
	return reasons, notes, ways
}
