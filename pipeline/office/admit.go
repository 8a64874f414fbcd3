package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// admit lets nobody in without a token, and no role to a route it has no purpose for. It runs before the request is parsed.
func (o *Office) admit(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		user := o.signIn(api, ctx)
		if user == nil {
			return
		}
		if !o.limiter(user.Name).Allow() {
			ctx.SetHeader("Retry-After", "1")
			write(api, ctx, huma.Error429TooManyRequests("too many requests at once; wait a second"))
			return
		}
		route := access.Route(ctx.Operation().OperationID)
		v := &visit{user: user, address: hostOf(ctx.RemoteAddr()), began: time.Now()}
		if !access.Allowed(user.Role, route) {
			ask, _ := askOf(ctx, v)
			_, refusal := access.Authorise(user, ask, schemas.MicrosOf(o.cfg.Now()))
			write(api, ctx, problem(o.refuse(ctx.Context(), refusal, "none")))
			return
		}
		if err := readQuery(ctx, route); err != nil {
			write(api, ctx, err)
			o.noteInvalid(ctx, v)
			return
		}
		ctx = huma.WithValue(ctx, visitKey{}, v)
		next(ctx)
		o.noteInvalid(ctx, v)
	}
}

func write(api huma.API, ctx huma.Context, err error) {
	var se huma.StatusError
	if !errors.As(err, &se) {
		panic("BUG: a problem without a status")
	}
	details := []error{}
	if m, ok := errors.AsType[*huma.ErrorModel](err); ok {
		for _, d := range m.Errors {
			details = append(details, d)
		}
	}
	_ = huma.WriteErr(api, ctx, se.GetStatus(), se.Error(), details...) // the client went away: nothing to do
}

// refuse logs a refusal and returns the error to answer with: the refusal, or that the log is not there.
func (o *Office) refuse(ctx context.Context, r *access.Refusal, purpose string) error {
	l, err := o.openLog()
	if err != nil {
		o.cfg.Metrics.Lookups.WithLabelValues(purpose, lookupUnavailable).Inc()
		return err
	}
	if _, err := l.Refuse(ctx, r); err != nil {
		o.cfg.Metrics.Lookups.WithLabelValues(purpose, lookupUnavailable).Inc()
		o.cfg.Logger.Error().Msg("access log not written: look-ups are refused until it is")
		return err
	}
	o.cfg.Metrics.Lookups.WithLabelValues(purpose, lookupRefused).Inc()
	return r
}

// lookup is one look-up before it is authorised.
type lookup struct {
	route   access.Route
	ask     Ask
	window  Window
	wide    bool
	byPlate bool
	asked   map[string]any // the filters, for the log; the key of a plate or pattern is "plate"
	listed  []string       // plates of a list, which the filters leave out
}

// permit authorises a look-up and logs it. Without a permit there is no query.
func (o *Office) permit(ctx context.Context, l lookup) (access.Permit, error) {
	v := visitOf(ctx)
	user := v.user
	text, err := json.Marshal(filled(l.asked))
	if err != nil {
		return access.Permit{}, fmt.Errorf("write query for the access log: %w", err)
	}
	scope, refusal := access.Authorise(user, access.Ask{
		Route: l.route, Purpose: access.Purpose(l.ask.Purpose), Reason: l.ask.Reason, CaseRef: l.ask.CaseRef, ProsecutorRef: l.ask.ProsecutorRef,
		From: schemas.MicrosOf(l.window.From), To: schemas.MicrosOf(l.window.To), Wide: l.wide, ByPlate: l.byPlate, Query: string(text),
		Plates: l.plates(), Address: v.address,
	}, schemas.MicrosOf(o.cfg.Now()))
	label := l.ask.Purpose // of the enum, or empty: huma checked it
	if label == "" {
		label = "none"
	}
	switch {
	case refusal != nil && refusal.Invalid:
		// Asking without saying what for is refused like any other: it is in the log, and so is who tries.
		if l, err := o.openLog(); err != nil {
			return access.Permit{}, err
		} else if _, err := l.Refuse(ctx, refusal); err != nil {
			return access.Permit{}, err
		}
		v.refused = true
		o.cfg.Metrics.Lookups.WithLabelValues(label, lookupInvalid).Inc()
		return access.Permit{}, refusal
	case refusal != nil:
		v.refused = true
		return access.Permit{}, o.refuse(ctx, refusal, label)
	}
	log, err := o.openLog()
	if err != nil {
		o.cfg.Metrics.Lookups.WithLabelValues(label, lookupUnavailable).Inc()
		return access.Permit{}, err
	}
	p, err := log.Grant(ctx, scope)
	v.permit = p
	if err != nil {
		o.cfg.Metrics.Lookups.WithLabelValues(label, lookupUnavailable).Inc()
		o.cfg.Logger.Error().Err(err).Msg("access log not written: look-ups are refused until it is")
		return p, err
	}
	o.cfg.Metrics.Lookups.WithLabelValues(string(p.Purpose()), lookupGranted).Inc()
	o.cfg.Metrics.LogHead.Set(float64(p.Seq()))
	return p, nil
}

// plates returns the plates and patterns that the look-up names.
func (l *lookup) plates() []string {
	if p, _ := l.asked["plate"].(string); p != "" {
		return append([]string{p}, l.listed...)
	}
	return l.listed
}

// filled takes out the filters that were not set.
func filled(asked map[string]any) map[string]any {
	for k, v := range asked {
		if list, ok := v.([]string); v == "" || v == false || v == 0 || (ok && len(list) == 0) {
			delete(asked, k)
		}
	}
	return asked
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// instrument sets the headers that keep answers out of caches, counts, and turns a panic into a 500.
func (o *Office) instrument(mux *http.ServeMux, api huma.API) http.Handler {
	routes := map[string]string{}
	for path, item := range api.OpenAPI().Paths {
		if item.Get != nil {
			routes["GET "+path] = item.Get.OperationID
		}
		if item.Post != nil {
			routes["POST "+path] = item.Post.OperationID
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		defer func() {
			// What was panicked with may hold a plate: only the stack is logged.
			if v := recover(); v != nil {
				o.cfg.Logger.Error().Bytes("stack", debug.Stack()).Msg("panic in a request")
				writeProblem(sw, http.StatusInternalServerError, "the office could not answer; the operator finds it in the log by time and route")
			}
			route, ok := routes[r.Pattern]
			if !ok {
				route = "other"
			}
			o.cfg.Metrics.Requests.WithLabelValues(route, codeClass(sw.status)).Inc()
			o.cfg.Metrics.Latency.WithLabelValues(route).Observe(time.Since(began).Seconds())
			if sw.status >= http.StatusInternalServerError {
				o.cfg.Logger.Warn().Str("route", route).Int("status", sw.status).Msg("request not answered")
			}
		}()
		if !o.fit(sw, r) {
			return
		}
		mux.ServeHTTP(sw, r)
	})
}

func codeClass(status int) string {
	if i := status / 100; i >= 1 && i <= 5 {
		return []string{"1xx", "2xx", "3xx", "4xx", "5xx"}[i-1]
	}
	return "other"
}
