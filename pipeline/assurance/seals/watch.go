package seals

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Metrics of a watch over the seals.
type Metrics struct {
	broken       *prometheus.GaugeVec
	at, offences prometheus.Gauge
}

// NewMetrics makes the metrics and registers them; reg nil leaves them unregistered.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		broken: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "anpr_seals_broken_offences", Help: "Offences that are not as they were sealed, by kind, as of the last walk; anything but 0 is an alarm.",
		}, []string{"kind"}),
		at:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_seals_walked_seconds", Help: "Unix time of the last walk over all seals that came to an end."}),
		offences: prometheus.NewGauge(prometheus.GaugeOpts{Name: "anpr_seals_walked_offences", Help: "Offences that the last walk looked at."}),
	}
	for _, k := range FaultKinds() {
		m.broken.WithLabelValues(string(k))
	}
	if reg != nil {
		reg.MustRegister(m.broken, m.at, m.offences)
	}
	return m
}

// WatchSeals repeats the walk until ctx ends: first after a tenth of every, then at the interval every.
func (w *Walker) WatchSeals(ctx context.Context, every time.Duration, m *Metrics, log zerolog.Logger) {
	next := time.NewTimer(every / 10)
	defer next.Stop()
	m.at.Set(float64(w.Now().Unix())) // the first walk is to come
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		next.Reset(every)
		w.walkOnce(ctx, m, log)
	}
}

// walkOnce walks once and reports the findings.
func (w *Walker) walkOnce(ctx context.Context, m *Metrics, log zerolog.Logger) {
	r, err := w.Walk(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn().Err(err).Msg("seals: one side could not be asked; trying again later")
		}
		return
	}
	for _, k := range FaultKinds() {
		m.broken.WithLabelValues(string(k)).Set(float64(r.ByKind[k]))
	}
	m.at.Set(float64(w.Now().Unix()))
	m.offences.Set(float64(r.Rows))
	for _, f := range r.Faults[:min(len(r.Faults), 5)] {
		log.Error().Str("kind", string(f.Kind)).Str("offence_id", f.Offence).Strs("columns", f.Columns).Str("detail", f.Detail).
			Msg("AN OFFENCE IS NOT AS IT WAS SEALED; anpr reconcile seals lists all")
	}
}
