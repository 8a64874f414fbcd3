package reconcile

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// WatchConfig sets up a watch. Sources, Metrics and Logger are required; zero durations take the defaults in brackets.
type WatchConfig struct {
	Sources  Sources
	Every    time.Duration // between two passes [1 min]
	Delay    time.Duration // wait from the end of a minute to the first pass [1 min]
	LookBack time.Duration // age of the first minute that the first pass reconciles [1 h]
	Longest  time.Duration // longest time range of a pass; a backlog after a stop takes several passes [15 min]
	Sample   time.Duration // interval of samples, where the broker shows no history of commits [1 s]
	Now      func() time.Time
	Metrics  *Metrics
	Logger   zerolog.Logger
}

func (c *WatchConfig) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Every, time.Minute)
	def(&c.Delay, time.Minute)
	def(&c.LookBack, time.Hour)
	def(&c.Longest, 15*time.Minute)
	def(&c.Sample, time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
}

// ContinuousWatch reconciles minute after minute until ctx ends, and checks the commits as well. A minute is
// reconciled until the pipeline has committed all records of the minute, and then not again.
type ContinuousWatch struct {
	cfg     WatchConfig
	next    time.Time               // first minute not yet finished
	past    map[ResidualKind]uint64 // residuals in finished time ranges
	breach  map[Breach]int
	auditor *ProtocolWatch
}

// NewContinuousWatch makes a watch for Run or RunPass.
func NewContinuousWatch(cfg WatchConfig) *ContinuousWatch {
	cfg.setDefaults()
	return &ContinuousWatch{cfg: cfg, next: cfg.Now().Add(-cfg.LookBack).Truncate(time.Minute), past: map[ResidualKind]uint64{}, breach: map[Breach]int{}}
}

// Run makes passes until ctx ends.
func (w *ContinuousWatch) Run(ctx context.Context) {
	pass := time.NewTicker(w.cfg.Every)
	defer pass.Stop()
	sample := time.NewTicker(w.cfg.Sample)
	defer sample.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sample.C:
			if w.auditor != nil {
				if found, err := w.auditor.SampleCommits(ctx); err == nil { // the next pass reports an error
					w.reportBreaches(found)
				}
			}
		case <-pass.C:
			w.RunPass(ctx)
		}
	}
}

// RunPass works through the due minutes.
func (w *ContinuousWatch) RunPass(ctx context.Context) {
	began := time.Now()
	w.verifyProtocol(ctx)
	due := w.cfg.Now().Add(-w.cfg.Delay).Truncate(time.Minute)
	for w.next.Before(due) && ctx.Err() == nil {
		to := w.next.Add(w.cfg.Longest)
		if to.After(due) {
			to = due
		}
		if !w.reconcileRange(ctx, TimeRange{w.next, to}) {
			break
		}
		w.next = to
	}
	w.cfg.Metrics.until.Set(float64(w.next.Unix()))
	w.cfg.Metrics.seconds.Set(time.Since(began).Seconds())
}

// reconcileRange reconciles a time range and reports whether the range is finished.
func (w *ContinuousWatch) reconcileRange(ctx context.Context, win TimeRange) bool {
	m := w.cfg.Metrics
	r, err := w.cfg.Sources.Reconcile(ctx, win, GroupBy{})
	if err != nil {
		if ctx.Err() == nil {
			m.passes.WithLabelValues(passFailed).Inc()
			w.cfg.Logger.Warn().Err(err).Msg("reconciliation: one side could not be asked; trying again")
		}
		return false
	}
	m.inFlight.Set(float64(r.Total.InFlight))
	m.unseen.Set(float64(len(r.Cannot)))
	for _, k := range ResidualKinds() {
		m.residual.WithLabelValues(string(k)).Set(float64(w.past[k] + r.ByKind[k]))
	}
	if len(r.InFlight) > 0 {
		m.passes.WithLabelValues(passWaiting).Inc()
		w.cfg.Logger.Info().Uint64("records", r.Total.InFlight).Time("from", win.From).Time("to", win.To).
			Msg("reconciliation: the pipeline has not committed all of the window yet; looking again later")
		return false
	}
	outcome := passBalanced
	if len(r.ByKind) > 0 {
		outcome = passResidual
		w.reportResult(r)
	}
	for k, n := range r.ByKind {
		w.past[k] += n
	}
	m.unreceipted.Add(float64(r.Total.Unreceipted))
	m.passes.WithLabelValues(outcome).Inc()
	return true
}

func (w *ContinuousWatch) reportResult(r *AccountReport) {
	for i := range r.Residual {
		it := &r.Residual[i]
		w.cfg.Logger.Error().Str("kind", string(it.Kind)).Str("camera", it.Camera).Time("minute", it.Minute).Int32("partition", it.Partition).
			Uint64("count", it.Count).Ints64("offsets", it.Offsets).Strs("ids", it.IDs).Str("detail", it.Detail).
			Msg("reconciliation: something is left over; deploy/README.md says what to do")
	}
}

// verifyProtocol compares the commits with the batches of the last hours.
func (w *ContinuousWatch) verifyProtocol(ctx context.Context) {
	if w.auditor == nil {
		a, err := w.cfg.Sources.WatchProtocol(ctx)
		if err != nil {
			w.cfg.Logger.Warn().Err(err).Msg("verification of commits: cannot begin; trying again")
			return
		}
		w.auditor = a
	}
	v, err := w.auditor.CheckSince(ctx, w.cfg.Now().Add(-w.cfg.LookBack))
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Metrics.passes.WithLabelValues(passFailed).Inc()
			w.cfg.Logger.Warn().Err(err).Msg("verification of commits: one side could not be asked; trying again")
		}
		return
	}
	w.reportBreaches(v.Violations)
}

func (w *ContinuousWatch) reportBreaches(found []Violation) {
	for _, v := range found {
		w.breach[v.Breach]++
		w.cfg.Metrics.breaches.WithLabelValues(string(v.Breach)).Set(float64(w.breach[v.Breach]))
		w.cfg.Logger.Error().Str("breach", string(v.Breach)).Int32("partition", v.Partition).Int64("from", v.From).Int64("to", v.To).
			Str("detail", v.Detail).Msg("the delivery protocol is broken; deploy/README.md says what to do")
	}
}
