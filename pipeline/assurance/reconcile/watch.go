package reconcile

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// WatchConfig sets up a watch. Books, Metrics and Logger are required; zero durations take the defaults in brackets.
type WatchConfig struct {
	Books    Books
	Every    time.Duration // between two passes [1 min]
	Delay    time.Duration // how long after its end a minute is looked at first [1 min]
	LookBack time.Duration // where the first pass begins, before now [1 h]
	Longest  time.Duration // span of one pass at most, so that after a stop the backlog is worked off in steps [15 min]
	Sample   time.Duration // between two looks at the commits where the broker shows no history of them [1 s]
	Now      func() time.Time
	Metrics  *Metrics
	Logger   zerolog.Logger
}

func (c *WatchConfig) defaults() {
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

// Watch reconciles minute after minute until ctx ends, and verifies the commits beside it. Every minute is looked at until
// the pipeline has committed all of it, and then not again.
type Watch struct {
	cfg     WatchConfig
	next    time.Time       // first minute not yet finished
	past    map[Kind]uint64 // left over in finished windows
	breach  map[Breach]int
	auditor *Auditor
}

// NewWatch makes a watch; Run or Pass work it.
func NewWatch(cfg WatchConfig) *Watch {
	cfg.defaults()
	return &Watch{cfg: cfg, next: cfg.Now().Add(-cfg.LookBack).Truncate(time.Minute), past: map[Kind]uint64{}, breach: map[Breach]int{}}
}

// Run makes passes until ctx ends.
func (w *Watch) Run(ctx context.Context) {
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
				if found, err := w.auditor.Sample(ctx); err == nil { // the next pass says what is wrong
					w.breached(found)
				}
			}
		case <-pass.C:
			w.Pass(ctx)
		}
	}
}

// Pass looks at what has become due.
func (w *Watch) Pass(ctx context.Context) {
	began := time.Now()
	w.verify(ctx)
	due := w.cfg.Now().Add(-w.cfg.Delay).Truncate(time.Minute)
	for w.next.Before(due) && ctx.Err() == nil {
		to := w.next.Add(w.cfg.Longest)
		if to.After(due) {
			to = due
		}
		if !w.window(ctx, Window{w.next, to}) {
			break
		}
		w.next = to
	}
	w.cfg.Metrics.until.Set(float64(w.next.Unix()))
	w.cfg.Metrics.seconds.Set(time.Since(began).Seconds())
}

// window looks at one window and reports whether it is finished.
func (w *Watch) window(ctx context.Context, win Window) bool {
	m := w.cfg.Metrics
	r, err := w.cfg.Books.Reconcile(ctx, win, By{})
	if err != nil {
		if ctx.Err() == nil {
			m.passes.WithLabelValues(passFailed).Inc()
			w.cfg.Logger.Warn().Err(err).Msg("reconciliation: one side could not be asked; trying again")
		}
		return false
	}
	m.inFlight.Set(float64(r.Total.InFlight))
	m.unseen.Set(float64(len(r.Cannot)))
	for _, k := range Kinds() {
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
		w.tell(r)
	}
	for k, n := range r.ByKind {
		w.past[k] += n
	}
	m.unreceipted.Add(float64(r.Total.Unreceipted))
	m.passes.WithLabelValues(outcome).Inc()
	return true
}

func (w *Watch) tell(r *Report) {
	for i := range r.Residual {
		it := &r.Residual[i]
		w.cfg.Logger.Error().Str("kind", string(it.Kind)).Str("camera", it.Camera).Time("minute", it.Minute).Int32("partition", it.Partition).
			Uint64("count", it.Count).Ints64("offsets", it.Offsets).Strs("ids", it.IDs).Str("detail", it.Detail).
			Msg("reconciliation: something is left over; deploy/README.md says what to do")
	}
}

// verify holds the commits against the batches of the last hours.
func (w *Watch) verify(ctx context.Context) {
	if w.auditor == nil {
		a, err := w.cfg.Books.Audit(ctx)
		if err != nil {
			w.cfg.Logger.Warn().Err(err).Msg("verification of commits: cannot begin; trying again")
			return
		}
		w.auditor = a
	}
	v, err := w.auditor.Look(ctx, w.cfg.Now().Add(-w.cfg.LookBack))
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Metrics.passes.WithLabelValues(passFailed).Inc()
			w.cfg.Logger.Warn().Err(err).Msg("verification of commits: one side could not be asked; trying again")
		}
		return
	}
	w.breached(v.Violations)
}

func (w *Watch) breached(found []Violation) {
	for _, v := range found {
		w.breach[v.Breach]++
		w.cfg.Metrics.breaches.WithLabelValues(string(v.Breach)).Set(float64(w.breach[v.Breach]))
		w.cfg.Logger.Error().Str("breach", string(v.Breach)).Int32("partition", v.Partition).Int64("from", v.From).Int64("to", v.To).
			Str("detail", v.Detail).Msg("the delivery protocol is broken; deploy/README.md says what to do")
	}
}
