package office

import "github.com/prometheus/client_golang/prometheus"

// Metrics has the office's metrics. Labels come from closed sets: routes, code classes (2xx, 4xx, ..., client_gone),
// purposes and outcomes.
type Metrics struct {
	Requests   *prometheus.CounterVec   // anpr_office_requests_total by route, code
	Lookups    *prometheus.CounterVec   // anpr_office_lookups_total by purpose, outcome
	Latency    *prometheus.HistogramVec // anpr_office_request_duration_seconds by route
	LogHead    prometheus.Gauge         // anpr_office_access_log_entries: number of the newest entry
	LogOK      prometheus.Gauge         // anpr_office_access_log_ok: 1 = look-ups are answered, 0 = the office is shut
	Verified   prometheus.Gauge         // anpr_access_log_ok: 1 = last verification held, 0 = damage or absent witness
	VerifiedAt prometheus.Gauge         // anpr_access_log_verified_timestamp_seconds: time of the last verification
	HeadsLost  prometheus.Counter       // anpr_access_log_heads_lost_total: heads that a witness did not take
	Altered    prometheus.Counter       // anpr_office_offences_altered_total: requested and not as sealed
	SignIns    *prometheus.CounterVec   // anpr_office_sign_ins_refused_total by cause
	Quotas     *prometheus.CounterVec   // anpr_office_quotas_reached_total by limit
	Pictures   *prometheus.CounterVec   // anpr_office_pictures_total by outcome
}

// Outcomes of a look-up.
const (
	lookupGranted     = "granted"
	lookupRefused     = "refused"
	lookupInvalid     = "invalid"
	lookupUnavailable = "unavailable" // the access log could not be written: not answered
	lookupGone        = "client_gone" // the client hung up before the entry was written: not answered
)

// NewMetrics makes the metrics and registers them. A nil reg leaves the metrics unregistered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		Requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "anpr_office_requests_total",
			Help: "Requests by route and class of the status code, or client_gone when the client hung up before the answer.",
		}, []string{"route", "code"}),
		Lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "anpr_office_lookups_total",
			Help: "Look-ups by purpose and outcome: granted, refused, invalid, unavailable, client_gone.",
		}, []string{"purpose", "outcome"}),
		Latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "anpr_office_request_duration_seconds",
			Help: "Time from request to answer.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}, []string{"route"}),
		Altered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "anpr_office_offences_altered_total",
			Help: "Offences that were asked for and are not as they were sealed; anything but 0 is an alarm.",
		}),
		SignIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "anpr_office_sign_ins_refused_total",
			Help: "Requests that did not sign in, by cause.",
		}, []string{"cause"}),
	}
	m.addLogMetrics()
	for _, c := range signInCauses() {
		m.SignIns.WithLabelValues(c)
	}
	m.Quotas = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "anpr_office_quotas_reached_total",
		Help: "Requests refused because one person reached a limit, by limit: requests a second, queries at a time, plates an hour, rows a day.",
	}, []string{"limit"})
	m.Pictures = countPictures()
	for _, l := range limitNames() {
		m.Quotas.WithLabelValues(l)
	}
	if reg != nil {
		reg.MustRegister(m.Requests, m.Lookups, m.Latency, m.LogHead, m.LogOK, m.Verified, m.VerifiedAt, m.HeadsLost, m.Altered, m.SignIns, m.Quotas, m.Pictures)
	}
	return m
}

// addLogMetrics makes the metrics on the access log.
func (m *Metrics) addLogMetrics() {
	m.LogHead = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "anpr_office_access_log_entries",
		Help: "Number of the newest entry of the access log.",
	})
	m.Verified = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "anpr_access_log_ok",
		Help: "1 when the last verification of the access log against its witnesses held, 0 when it did not or a witness could not be asked.",
	})
	m.VerifiedAt = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "anpr_access_log_verified_timestamp_seconds",
		Help: "When the access log was verified last, at the start and hourly.",
	})
	m.HeadsLost = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "anpr_access_log_heads_lost_total",
		Help: "Heads of the access log that a witness outside the database did not take.",
	})
	m.LogOK = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "anpr_office_access_log_ok",
		Help: "1 when look-ups are answered, 0 when the office is shut because its access log cannot be written or does not hold.",
	})
}
