package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Ops is the operator's view of a process: metrics, liveness, readiness and profiles, on a separate port. Safe for
// concurrent use.
type Ops struct {
	Registry *prometheus.Registry // all metrics of the process

	mux *http.ServeMux

	mu      sync.Mutex // guards checks and details
	checks  []check
	details []detail

	stages atomic.Pointer[StageWriter] // writes the worker's stages; nil without a worker
}

// StageWriter writes the histograms of the stages of a worker as JSON.
type StageWriter interface{ WriteJSON(w io.Writer) error }

// check is a condition of readiness.
type check struct {
	name string
	ok   func(context.Context) error
}

// detail is further information on a ready process for the operator; empty when all is well.
type detail struct {
	name string
	say  func() []string
}

// NewOps makes the ops of a process. Until AddReadyCheck is called the process counts as starting.
func NewOps() *Ops {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	o := &Ops{Registry: reg, mux: http.NewServeMux()}
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	o.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	o.mux.HandleFunc("GET /readyz", o.answerReady)
	o.mux.HandleFunc("GET /debug/stages", o.answerStages)
	o.mux.HandleFunc("/debug/pprof/", pprof.Index)
	o.mux.HandleFunc("/debug/pprof/cmdline", showCommand)
	o.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	o.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	o.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return o
}

// AddReadyCheck adds a condition of readiness.
func (o *Ops) AddReadyCheck(name string, ok func(context.Context) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks = append(o.checks, check{name, ok})
}

// AddDetail adds a text that readyz shows beside the conditions. The text changes no status.
func (o *Ops) AddDetail(name string, say func() []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.details = append(o.details, detail{name, say})
}

// Handler serves all paths, also paths added later.
func (o *Ops) Handler() http.Handler { return o.mux }

// GuardedHandler returns the handler restricted to permitted addresses and names.
func (o *Ops) GuardedHandler(a OpsAccess) http.Handler { return &opsGuard{a, o.Handler()} }

// Handle adds a path, also while the port is being served.
func (o *Ops) Handle(pattern string, h http.Handler) { o.mux.Handle(pattern, h) }

// ShowStages shows the worker's stages at /debug/stages.
func (o *Ops) ShowStages(s StageWriter) { o.stages.Store(&s) }

// answerStages answers with the histograms of each stage.
func (o *Ops) answerStages(w http.ResponseWriter, _ *http.Request) {
	s := o.stages.Load()
	if s == nil {
		http.Error(w, "no worker runs in this process", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = (*s).WriteJSON(w) // the client has gone
}

// checkAll asks all conditions side by side, so that a hanging condition neither uses up the time of the others
// nor makes the others look broken. A condition without an answer when ctx ends gets an error and is left behind.
func checkAll(ctx context.Context, checks []check) []error {
	out := make([]error, len(checks))
	answers := make([]chan error, len(checks))
	for i, c := range checks {
		answers[i] = make(chan error, 1)
		go func() { answers[i] <- c.ok(ctx) }()
	}
	for i := range answers {
		select {
		case out[i] = <-answers[i]:
		case <-ctx.Done():
			select { // an answer may have come while an earlier condition was awaited
			case out[i] = <-answers[i]:
			default:
				out[i] = errors.New("no answer in time")
			}
		}
		if errors.Is(out[i], context.DeadlineExceeded) {
			out[i] = fmt.Errorf("no answer in time: %w", out[i])
		}
	}
	return out
}

// answerReady answers 200 when there are conditions and all hold, else 503, and names the conditions that fail.
func (o *Ops) answerReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	o.mu.Lock()
	checks, details := slices.Clone(o.checks), slices.Clone(o.details)
	o.mu.Unlock()
	out, status := map[string]string{}, http.StatusOK
	for _, d := range details {
		if lines := d.say(); len(lines) > 0 {
			out[d.name] = strings.Join(lines, "; ")
		}
	}
	if len(checks) == 0 { // the port opens before the role knows its conditions
		out["role"], status = "starting", http.StatusServiceUnavailable
	}
	for i, err := range checkAll(ctx, checks) {
		out[checks[i].name] = "ok"
		if err != nil {
			out[checks[i].name], status = err.Error(), http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}
