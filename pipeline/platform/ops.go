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

// Ops is what an operator sees of a process: metrics, liveness, readiness and profiles, on a port of its own. Safe for concurrent use.
type Ops struct {
	Registry *prometheus.Registry // of all metrics of the process

	mux *http.ServeMux

	mu      sync.Mutex // guards checks and details
	checks  []check
	details []detail

	stages atomic.Pointer[StageWriter] // of the worker in this process, if there is one
}

// StageWriter writes the histograms of the stages of a worker as JSON.
type StageWriter interface{ WriteJSON(w io.Writer) error }

// check is one condition of readiness.
type check struct {
	name string
	ok   func(context.Context) error
}

// detail is what else an operator should know of a process that is ready; nothing when all is well.
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

// AddDetail adds something that readyz says beside the conditions; it changes no status.
func (o *Ops) AddDetail(name string, say func() []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.details = append(o.details, detail{name, say})
}

// Handler serves what is there, and what is handled later.
func (o *Ops) Handler() http.Handler { return o.mux }

// GuardedHandler is the handler for those who may see it.
func (o *Ops) GuardedHandler(a OpsAccess) http.Handler { return &opsGuard{a, o.Handler()} }

// Handle adds a path. It may be called while the port is served.
func (o *Ops) Handle(pattern string, h http.Handler) { o.mux.Handle(pattern, h) }

// ShowStages shows the stages of the worker in this process at /debug/stages.
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

// checkAll asks all conditions side by side: one that hangs must not use up the time of the others and make them look broken too. One that
// has not answered when ctx ends is told so, and left behind.
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
			select { // it answered while an earlier one was waited for
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

// answerReady answers 200 when there are conditions and every one holds, else 503, and says which do not.
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
	if len(checks) == 0 { // the port is open before the role knows what it needs
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
