package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config locates the pipeline. Kafka is required; a part without an address is not observed.
type Config struct {
	Kafka      string                                                            // a broker's host:port
	Dial       func(ctx context.Context, network, addr string) (net.Conn, error) // to the broker; nil: TCP
	Group      string                                                            // the workers' consumer group; default anpr-ingest
	ClickHouse string                                                            // http://[user:password@]host:port
	Database   string                                                            // default anpr
	Ops        []string                                                          // each worker's ops port as http://host:port
	Poll       time.Duration                                                     // interval for the read table; default 20 ms
	Gateway    bool                                                              // the load goes to a gateway, which sets received_at itself
	Ask        Questions                                                         // to an office, while a run is measured
	Quiet      time.Duration                                                     // nothing new for so long ends Settle; default 8 s: a passage closes after 5 s, by a tick after 1 s more
}

// Watch observes a running pipeline.
type Watch struct {
	cfg    Config
	start  *dueTimes
	broker *brokerOffsets
	out    *outputTopics
	db     *sql
	seen   *visibleRows // nil without ClickHouse
	ops    *workers
	asked  *askers // nil without questions

	progress *bench.Progress
	warmup   time.Duration
	began    time.Time
	first    map[int]int64 // by partition: where the log ended before

	cancel   context.CancelFunc
	observed context.Context //nolint:containedctx // the life of the watch, for what Hook starts
	wg       sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	before  map[string]*hdrhistogram.Histogram
	samples []SecondSample
	err     error // the first failed observation
}

// SecondSample is a second in a run.
type SecondSample struct {
	Second  float64 `json:"s"` // after the first read was due
	Sent    uint64  `json:"sent"`
	Visible int64   `json:"visible"`
	Lag     int64   `json:"lag"` // records on the log and not committed
	Overdue uint64  `json:"overdue"`
}

// Start begins to observe. The caller calls Hook before the run.
func Start(ctx context.Context, cfg Config) (*Watch, error) {
	if cfg.Group == "" {
		cfg.Group = "anpr-ingest"
	}
	if cfg.Database == "" {
		cfg.Database = "anpr"
	}
	if cfg.Poll == 0 {
		cfg.Poll = 20 * time.Millisecond
	}
	if cfg.Quiet == 0 {
		cfg.Quiet = 8 * time.Second
	}
	w := &Watch{cfg: cfg, start: &dueTimes{byID: cfg.Gateway, due: map[schemas.ReadID]schemas.Micros{}}, broker: newBroker(cfg.Kafka, cfg.Group, cfg.Dial), ops: newWorkers(cfg.Ops)}
	w.observed, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := w.startObserving(ctx); err != nil {
		w.endObservers()
		return nil, err
	}
	return w, nil
}

func (w *Watch) startObserving(ctx context.Context) (err error) {
	if w.out, err = followOutputs(w.observed, w.cfg.Kafka, w.broker, w.start); err != nil {
		return err
	}
	if w.first, err = w.broker.endOffsets(ctx, schemas.TopicReads); err != nil {
		return err
	}
	if w.cfg.ClickHouse == "" {
		return nil
	}
	if w.db, err = newSQL(w.cfg.ClickHouse, w.cfg.Database); err != nil {
		return err
	}
	w.seen = newVisible(w.db, w.cfg.Poll, w.start, w.first)
	if err := w.seen.pollOnce(ctx); err != nil {
		return err
	}
	w.wg.Go(func() { w.seen.pollRows(w.observed) })
	return nil
}

// Hook connects a run with the watch. It sets Progress when nil, and replaces Began and, behind a gateway, Handing.
func (w *Watch) Hook(cfg *bench.RunConfig) {
	if cfg.Progress == nil {
		cfg.Progress = &bench.Progress{}
	}
	w.progress, w.warmup = cfg.Progress, cfg.Warmup
	if w.cfg.Gateway {
		cfg.Handing = w.start.noteDue
	}
	cfg.Began = func(at time.Time) {
		w.start.beginRun(at, cfg.Warmup)
		w.began = at
		w.wg.Go(w.takeSamples)
		w.wg.Go(w.snapshotAfterWarmup)
		w.startQuestions(at.Add(cfg.Warmup), at.Add(cfg.Duration))
	}
}

// startQuestions puts the configured questions.
func (w *Watch) startQuestions(from, until time.Time) {
	q := w.cfg.Ask
	if len(q.Plates) == 0 {
		return
	}
	w.asked = newAskers(q, w.keepError)
	if q.Lookups > 0 {
		w.wg.Go(func() { w.asked.askSearches(w.observed, from, until) })
	}
	if q.Retro > 0 {
		w.wg.Go(func() { w.asked.askRetroMatches(w.observed, from, until) })
	}
}

// snapshotAfterWarmup takes the first snapshot of the stages when the warm-up is over.
func (w *Watch) snapshotAfterWarmup() {
	if !sleepContext(w.observed, time.Until(w.began.Add(w.warmup))) {
		return
	}
	before, err := w.ops.readStages(w.observed)
	w.keepError(err)
	w.mu.Lock()
	w.before = before
	w.mu.Unlock()
}

// takeSamples takes a SecondSample every second.
func (w *Watch) takeSamples() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-w.observed.Done():
			return
		case <-tick.C:
		}
		s := SecondSample{Second: time.Since(w.began).Seconds(), Sent: w.progress.Sent.Load(), Overdue: w.progress.Overdue.Load()}
		if w.seen != nil {
			s.Visible = w.seen.seen.Load()
		}
		var err error
		if s.Lag, _, err = w.broker.groupLag(w.observed); err != nil {
			continue // a broker that does not answer shows as a gap
		}
		w.mu.Lock()
		w.samples = append(w.samples, s)
		w.mu.Unlock()
	}
}

func (w *Watch) keepError(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

func sleepContext(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// Settle waits after the run until everything on the log is committed and nothing new has come for Quiet, or ctx ends.
func (w *Watch) Settle(ctx context.Context) error {
	var last [2]int64
	quiet := time.Now()
	for {
		lag, end, err := w.broker.groupLag(ctx)
		now := [2]int64{lag, end}
		if err != nil || lag > 0 || now != last {
			quiet, last = time.Now(), now
		}
		if time.Since(quiet) >= w.cfg.Quiet {
			return nil
		}
		if !sleepContext(ctx, 200*time.Millisecond) {
			return fmt.Errorf("the pipeline did not settle: %d records not committed: %w", lag, errors.Join(err, context.Cause(ctx)))
		}
	}
}

// onLog returns the number of records on the log before the run.
func (w *Watch) onLog() (n int64) {
	for _, end := range w.first {
		n += end
	}
	return n
}

func (w *Watch) endObservers() {
	w.cancel()
	w.wg.Wait()
	if w.out != nil {
		w.out.wg.Wait()
	}
	w.broker.closeIdle()
}
