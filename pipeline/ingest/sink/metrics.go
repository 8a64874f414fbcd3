package sink

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// Metrics are the counters of the package. Labels come from closed sets: table names, topics and causes.
type Metrics struct {
	InsertSeconds  *prometheus.HistogramVec // by table: acknowledged inserts
	InsertedRows   *prometheus.CounterVec   // by table: rows acknowledged, repeats included
	InsertRetries  *prometheus.CounterVec   // by cause: breaker, server, connection
	BreakerState   prometheus.Gauge         // 0 closed, 1 half open, 2 open
	LostParts      *prometheus.CounterVec   // by table: acknowledged rows that a dying server lost, found missing and inserted again
	AddressesLeft  *prometheus.CounterVec   // by cause: times the address in use was left for the next
	InsertsWaiting prometheus.Gauge         // blocks between the first failed try and success

	PublishSeconds  *prometheus.HistogramVec // by topic: from the call to the acknowledgement
	Published       *prometheus.CounterVec   // by topic: messages acknowledged
	PublishRetries  *prometheus.CounterVec   // by topic: messages sent again
	PublishQueue    *prometheus.GaugeVec     // by topic: messages not yet acknowledged
	RejectsCut      prometheus.Counter       // rejects whose payload did not fit the topic's largest message
	PublishGivenUp  *prometheus.CounterVec   // by topic: messages not acknowledged when the publisher closed or stopped
	PublishBatching *prometheus.HistogramVec // by topic: messages sent together
}

// The causes for a retry.
const (
	causeBreaker    = "breaker"
	causeServer     = "server"
	causeConnection = "connection"
)

// NewMetrics registers the metrics; a nil registerer makes them without registering, for tests and tools.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 15) // 1 ms to 16 s
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	m := &Metrics{
		InsertSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "anpr_sink_insert_seconds",
			Help: "Time of one acknowledged insert.", Buckets: seconds,
		}, []string{"table"}),
		InsertedRows:  counters("anpr_sink_inserted_rows_total", "Rows of acknowledged inserts, repeats of a range included.", "table"),
		InsertRetries: counters("anpr_sink_insert_retries_total", "Tries of a block that had to be repeated.", "cause"),
		BreakerState: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "anpr_sink_breaker_state",
			Help: "Circuit breaker around ClickHouse: 0 closed, 1 half open, 2 open.",
		}),
		LostParts:     counters("anpr_sink_lost_parts_total", "Times the rows of a table were acknowledged, found missing and inserted again.", "table"),
		AddressesLeft: counters("anpr_sink_addresses_left_total", "Times the ClickHouse address in use was left for the next one.", "cause"),
		InsertsWaiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "anpr_sink_inserts_waiting",
			Help: "Blocks that failed at least once and are being tried again.",
		}),
		PublishSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "anpr_sink_publish_seconds",
			Help: "Time from handing a message over to its acknowledgement.", Buckets: seconds,
		}, []string{"topic"}),
		Published:      counters("anpr_sink_published_total", "Messages acknowledged by the broker.", "topic"),
		PublishRetries: counters("anpr_sink_publish_retries_total", "Messages sent again.", "topic"),
		PublishQueue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "anpr_sink_publish_queue_messages",
			Help: "Messages not yet acknowledged.",
		}, []string{"topic"}),
		RejectsCut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "anpr_sink_rejects_cut_total",
			Help: "Rejects whose payload was cut to fit the topic's largest message.",
		}),
		PublishGivenUp: counters("anpr_sink_publish_given_up_total", "Messages given up unacknowledged at shutdown or on an error no retry can mend.", "topic"),
		PublishBatching: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "anpr_sink_publish_batch_messages",
			Help: "Messages sent together.", Buckets: prometheus.ExponentialBuckets(1, 4, 7),
		}, []string{"topic"}),
	}
	if reg != nil {
		reg.MustRegister(m.InsertSeconds, m.InsertedRows, m.InsertRetries, m.BreakerState, m.InsertsWaiting, m.LostParts, m.AddressesLeft,
			m.PublishSeconds, m.Published, m.PublishRetries, m.PublishQueue, m.RejectsCut, m.PublishGivenUp, m.PublishBatching)
	}
	m.bindSeries()
	return m
}

// bindSeries makes every series exist from the start, so a rate over a series is 0 and not absent.
func (m *Metrics) bindSeries() {
	for _, t := range append(tableNames[:], batchesTable) {
		m.InsertSeconds.WithLabelValues(t)
		m.InsertedRows.WithLabelValues(t)
		m.LostParts.WithLabelValues(t)
	}
	for _, c := range []string{causeBreaker, causeServer, causeConnection} {
		m.InsertRetries.WithLabelValues(c)
	}
	for _, c := range leaveCauses {
		m.AddressesLeft.WithLabelValues(string(c))
	}
	for _, t := range []string{schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects} {
		m.PublishSeconds.WithLabelValues(t)
		m.Published.WithLabelValues(t)
		m.PublishRetries.WithLabelValues(t)
		m.PublishQueue.WithLabelValues(t)
		m.PublishGivenUp.WithLabelValues(t)
	}
}

func (m *Metrics) setBreaker(s gobreaker.State) { m.BreakerState.Set(float64(s)) }
