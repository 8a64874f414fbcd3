package office

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// admitRequest requires a sign-in, and a role with some purpose for the route. It runs before the request is parsed.
func (o *Office) admitRequest(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		who := o.signIn(api, ctx)
		if who == nil {
			return
		}
		r, _ := humago.Unwrap(ctx)
		v := &visit{SignedIn: who, address: hostOf(ctx.RemoteAddr())}
		ctx = huma.WithValue(ctx, visitKey{}, v)
		route := access.Route(ctx.Operation().OperationID)
		purposes := r.Header.Values(purposeHeader)
		if len(purposes) == 1 {
			v.purpose = purposes[0]
		}
		if err := o.admitRate(ctx.Context(), v, route); err != nil {
			writeError(api, ctx, toProblem(err))
			return
		}
		r.Body = v.noteBody(r.Body, route)
		v.query, v.params = r.URL.RawQuery, paramsOf(r)
		if !access.Allowed(who.User.Role, route) {
			writeError(api, ctx, toProblem(o.refuseRole(ctx.Context(), route, r)))
			return
		}
		err := readQuery(ctx, route)
		if len(purposes) > 1 {
			err = newProblem(http.StatusBadRequest, codeMalformed, "name one purpose in "+purposeHeader)
		}
		if err != nil {
			v.readAll(r.Body)
			if err := o.logUnread(ctx.Context(), route); err != nil {
				writeError(api, ctx, toProblem(err))
				return
			}
			writeError(api, ctx, err)
			return
		}
		next(ctx)
		o.noteUnread(ctx, v, r)
	}
}

// paramsOf returns the ids in the path.
func paramsOf(r *http.Request) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"search_id", "id", "case_id", "lease_id", "sha256"} {
		if id := r.PathValue(name); id != "" {
			out[name] = id
		}
	}
	return out
}

// admitRate bounds a user's requests, first in this process to keep a flood from the database, then over all offices. With the
// count comes the purpose that the request names.
func (o *Office) admitRate(ctx context.Context, v *visit, route access.Route) error {
	u := v.User
	ok := o.findLimiter(u.Name).Allow()
	if ok {
		a, err := o.people.TakeRequest(ctx, u.Name, o.cfg.Limits.PerSecond, v.purpose, v.SignIn)
		if err != nil {
			return err
		}
		ok, v.opened = a.Admitted, &openedPurpose{a.Purpose, v.purpose, time.Now()}
	}
	if ok {
		return nil
	}
	o.cfg.Metrics.Quotas.WithLabelValues(limitRequests).Inc()
	if o.floods.noteFlood(u.Name, o.cfg.Now()) { // one entry a minute: a flood must not fill the log
		if err := o.refuseLookup(ctx, access.NewRefusal(u, access.Request{Route: route}, access.CodeQuota, "", "too many requests at once"), "none"); !isRefusal(err) {
			return err
		}
	}
	return newProblem(http.StatusTooManyRequests, codeTooMany, "too many requests at once; wait a second")
}

// writeError answers a request with a problem before the route runs.
func writeError(api huma.API, ctx huma.Context, err error) {
	p, ok := errors.AsType[*Problem](err)
	if !ok {
		panic("BUG: an error that is no problem")
	}
	v, err := api.Transform(ctx, "", p)
	if err != nil {
		panic("BUG: a problem must transform: " + err.Error())
	}
	if n := p.retryAfter(); n > 0 {
		ctx.SetHeader("Retry-After", strconv.Itoa(n))
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	_ = api.Marshal(ctx.BodyWriter(), "application/json", v) // ignored: the client went away
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

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// operationsOf maps "METHOD path" to the operation id, over the whole API.
func operationsOf(api huma.API) map[string]string {
	routes := map[string]string{}
	for path, item := range api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete} {
			if op != nil {
				routes[method+" "+path] = op.OperationID
			}
		}
	}
	return routes
}

// instrumentRoutes counts requests, sets headers that keep answers out of caches, and turns a panic into a 500.
func (o *Office) instrumentRoutes(mux *http.ServeMux, api huma.API) http.Handler {
	routes := operationsOf(api)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		id := newRequestID()
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		defer func() {
			// The panic value may hold a plate: only the stack is logged.
			if v := recover(); v != nil {
				o.cfg.Logger.Error().Str("request_id", id).Bytes("stack", debug.Stack()).Msg("panic in a request")
				writeProblem(sw, r, http.StatusInternalServerError, "", internalText)
			}
			route, ok := routes[r.Pattern]
			if !ok {
				route = "other"
			}
			class := codeClass(sw.status)
			if sw.status >= http.StatusInternalServerError && hasHungUp(r.Context()) {
				class = lookupGone
			}
			o.cfg.Metrics.Requests.WithLabelValues(route, class).Inc()
			o.cfg.Metrics.Latency.WithLabelValues(route).Observe(time.Since(began).Seconds())
			if sw.status >= http.StatusInternalServerError && class != lookupGone {
				o.cfg.Logger.Warn().Str("route", route).Int("status", sw.status).Str("request_id", id).Msg("request not answered")
			}
		}()
		if !o.screenRequest(sw, r) {
			return
		}
		mux.ServeHTTP(sw, r)
	})
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func codeClass(status int) string {
	if i := status / 100; i >= 1 && i <= 5 {
		return []string{"1xx", "2xx", "3xx", "4xx", "5xx"}[i-1]
	}
	return "other"
}
