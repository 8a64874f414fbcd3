package ingest

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Metrics are a worker's metrics. Counters move when a batch is committed, so fetched = stored + merged + rejected +
// ticks holds for the sums at every scrape. The residual gauge shows any difference.
type Metrics struct {
	fetchedTotal, storedTotal, ticksTotal, passagesTotal, misroutedTotal, lateTotal prometheus.Counter
	forgottenTotal                                                                  *prometheus.CounterVec
	residual                                                                        prometheus.Gauge
	mergedTotal, rejectedTotal, hitsTotal, decisionsTotal                           *prometheus.CounterVec
	batchRows                                                                       prometheus.Histogram
	batchSeconds                                                                    *prometheus.HistogramVec
	lags                                                                            *lags
	fills                                                                           *fills
	partitions                                                                      prometheus.Gauge
	parkedPartitions                                                                *prometheus.GaugeVec
	fencedTotal, replansTotal, rereadTotal                                          prometheus.Counter
	recoverSeconds                                                                  prometheus.Histogram
	stages                                                                          *Stages
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "anpr_pipeline_" + name, Help: help})
		reg.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "anpr_pipeline_" + name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	m := &Metrics{
		stages:           NewStages(),
		fetchedTotal:     counter("fetched_records_total", "Records taken from the log and committed."),
		storedTotal:      counter("stored_reads_total", "Reads with a row of their own."),
		ticksTotal:       counter("ticks_total", "Ticks taken from the log."),
		passagesTotal:    counter("passages_total", "Passages decided."),
		misroutedTotal:   counter("misrouted_reads_total", "Reads in a partition their plate does not belong to; a producer keys wrongly."),
		lateTotal:        counter("late_reads_total", "Reads received later than their camera's allowed lateness."),
		fencedTotal:      counter("fenced_total", "Commits refused because the group had moved on."),
		replansTotal:     counter("replans_total", "Batches under way that a new owner made again."),
		rereadTotal:      counter("reread_records_total", "Records read back to rebuild state."),
		mergedTotal:      counters("merged_reads_total", "Reads counted on another row.", "kind"),
		rejectedTotal:    counters("rejected_records_total", "Records in the dead-letter topic.", "reason"),
		hitsTotal:        counters("hits_total", "Hits published.", "match"),
		decisionsTotal:   counters("decisions_total", "Verdicts; clear ones are counted and not stored.", "family", "outcome"),
		forgottenTotal:   counters("forgotten_total", "Ids and passages that the stream memory let go before their time for want of room.", "what"),
		residual:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_pipeline_residual_records", Help: "fetched - stored - merged - rejected - ticks; anything but 0 is an alarm."}),
		batchRows:        prometheus.NewHistogram(prometheus.HistogramOpts{Name: "anpr_pipeline_batch_rows", Help: "Records per batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		batchSeconds:     prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "anpr_pipeline_batch_seconds", Help: "Time of a batch by stage: insert, acknowledge, total from its first record.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}, []string{"stage"}),
		lags:             newLags(),
		fills:            newFills(),
		partitions:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_pipeline_partitions", Help: "Partitions owned."}),
		parkedPartitions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "anpr_pipeline_parked_partitions", Help: "1 for a partition that stands still until a person acts; the others go on."}, []string{"partition"}),
		recoverSeconds:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "anpr_pipeline_recover_seconds", Help: "Time to take a partition over.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 14)}),
	}
	reg.MustRegister(m.residual, m.batchRows, m.batchSeconds, m.lags, m.fills, m.partitions, m.parkedPartitions, m.recoverSeconds, m.stages)
	for _, r := range schemas.Reasons() {
		m.rejectedTotal.WithLabelValues(r.String())
	}
	for _, what := range []string{"id", "passage", "history"} {
		m.forgottenTotal.WithLabelValues(what)
	}
	m.mergedTotal.WithLabelValues(shard.MergeRetransmission.String())
	m.mergedTotal.WithLabelValues(shard.MergeParked.String())
	return m
}

// Stages returns the latency histograms.
func (m *Metrics) Stages() *Stages { return m.stages }

// countBatch counts a durable batch.
func (m *Metrics) countBatch(b *Batch, insert, acknowledge, total time.Duration) {
	t := &b.Totals
	m.fetchedTotal.Add(float64(t.Fetched))
	m.storedTotal.Add(float64(t.Stored))
	m.ticksTotal.Add(float64(t.Ticks))
	m.passagesTotal.Add(float64(t.Passages))
	m.misroutedTotal.Add(float64(b.Counts.Misrouted))
	m.lateTotal.Add(float64(b.Counts.Late))
	m.forgottenTotal.WithLabelValues("id").Add(float64(b.Counts.Forgotten.IDs))
	m.forgottenTotal.WithLabelValues("passage").Add(float64(b.Counts.Forgotten.Passages))
	m.forgottenTotal.WithLabelValues("history").Add(float64(b.Counts.Forgotten.History))
	for k, n := range b.Counts.Merged {
		m.mergedTotal.WithLabelValues(shard.MergeKind(k).String()).Add(float64(n))
	}
	for reason, n := range b.Counts.Rejected {
		m.rejectedTotal.WithLabelValues(reason.String()).Add(float64(n))
	}
	for match, n := range b.Counts.Hits {
		if n > 0 {
			m.hitsTotal.WithLabelValues(schemas.Match(match).String()).Add(float64(n))
		}
	}
	for v, n := range b.Counts.Decisions {
		m.decisionsTotal.WithLabelValues(string(v.Family), v.Outcome.String()).Add(float64(n))
	}
	for i, info := range rules.Families() {
		if info.Decides() {
			m.decisionsTotal.WithLabelValues(string(info.Family), schemas.OutcomeClear.String()).Add(float64(b.Counts.Clear[i]))
		}
	}
	m.residual.Add(float64(int64(t.Fetched) - int64(t.Stored+t.Merged+t.Rejected+t.Ticks)))
	m.batchRows.Observe(float64(t.Fetched))
	m.batchSeconds.WithLabelValues("insert").Observe(insert.Seconds())
	m.batchSeconds.WithLabelValues("acknowledge").Observe(acknowledge.Seconds())
	m.batchSeconds.WithLabelValues("total").Observe(total.Seconds())
}

func (m *Metrics) setLag(partition int32, records int64, clock schemas.Micros) {
	m.lags.setValue(partition, lag{max(0, records), clock})
}

func (m *Metrics) countTakeOver(took time.Duration, reread int, underWay bool) {
	m.recoverSeconds.Observe(took.Seconds())
	m.rereadTotal.Add(float64(reread))
	if underWay {
		m.replansTotal.Inc()
	}
}

func (m *Metrics) setAssigned(n int) {
	m.partitions.Set(float64(n))
	m.lags.reset()
	m.fills.reset()
}

func (m *Metrics) markParked(partition int32) {
	m.parkedPartitions.WithLabelValues(strconv.Itoa(int(partition))).Set(1)
}

func (m *Metrics) markResumed(partition int32) {
	m.parkedPartitions.DeleteLabelValues(strconv.Itoa(int(partition)))
}

func (m *Metrics) countFenced() { m.fencedTotal.Inc() }
