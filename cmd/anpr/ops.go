package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// ops is what an operator sees of a process: metrics, liveness, readiness and profiles, on a port of its own.
type ops struct {
	reg *prometheus.Registry
	mux *http.ServeMux

	mu      sync.Mutex // guards checks and details
	checks  []check
	details []detail

	stages atomic.Pointer[ingest.Stages] // of the worker in this process, if there is one
}

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

func newOps() *ops {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	o := &ops{reg: reg, mux: http.NewServeMux()}
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	o.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	o.mux.HandleFunc("GET /readyz", o.readyz)
	o.mux.HandleFunc("GET /debug/stages", o.latencies)
	o.mux.HandleFunc("/debug/pprof/", pprof.Index)
	o.mux.HandleFunc("/debug/pprof/cmdline", showCommand)
	o.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	o.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	o.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return o
}

// ready adds a condition of readiness.
func (o *ops) ready(name string, ok func(context.Context) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks = append(o.checks, check{name, ok})
}

// detail adds something that readyz says beside the conditions; it changes no status.
func (o *ops) detail(name string, say func() []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.details = append(o.details, detail{name, say})
}

// handler serves what is there, and what is handled later.
func (o *ops) handler() http.Handler { return o.mux }

// guarded is the handler for those who may see it.
func (o *ops) guarded(f opsFlags) http.Handler { return &opsGuard{f, o.handler()} }

// handle adds a path. It may be called while the port is served.
func (o *ops) handle(pattern string, h http.Handler) { o.mux.Handle(pattern, h) }

// latencies answers with the histograms of each stage, see ingest.StageSnapshot.
func (o *ops) latencies(w http.ResponseWriter, _ *http.Request) {
	s := o.stages.Load()
	if s == nil {
		http.Error(w, "no worker runs in this process", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = s.WriteJSON(w) // the client has gone
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

// readyz answers 200 when there are conditions and every one holds, else 503, and says which do not.
func (o *ops) readyz(w http.ResponseWriter, r *http.Request) {
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

// server is an HTTP server on a listener of its own.
type server struct {
	name string
	http *http.Server
	ln   net.Listener
	err  chan error
}

// listen claims the address at once, so that a port in use is said before anything else starts.
func listen(ctx context.Context, name, addr, flag string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it, or choose another address with %s", name, addr, flag)
	case err != nil:
		return nil, fmt.Errorf("%s: listen on %s: %w; choose another address with %s", name, addr, err, flag)
	}
	return ln, nil
}

// serve starts answering on the listener.
func serve(name string, ln net.Listener, h http.Handler, log zerolog.Logger) *server {
	s := &server{name: name, ln: ln, err: make(chan error, 1), http: &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 64 << 10,
	}}
	if name == "office" { // its answers are small, and a reader who does not read must not hold one; verification asks for longer
		s.http.WriteTimeout = 2 * time.Minute
	}
	go func() {
		err := s.http.Serve(ln)
		if !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Str("server", name).Msg("server ended")
		}
		s.err <- err
	}()
	return s
}

// stop lets requests under way finish, at most until ctx ends.
func (s *server) stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	return nil
}
