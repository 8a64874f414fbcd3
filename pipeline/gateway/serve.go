package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// upload is one request on its way through the gateway.
type upload struct {
	w           http.ResponseWriter
	r           *http.Request
	id          string // the camera's, of the path
	camera      string // the same, bounded for the wire
	path        string // last part of the address
	contentType string
	received    schemas.Micros
	peer        peer
	known       *schemas.Camera // of the address; nil = not registered
	cam         *schemas.Camera // the same, nil until authenticated
	held        int64           // bytes of memory it is charged with
	body        []byte          // beginning of it, when not authenticated
	size        int64           // of the whole body
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, camera, format string) {
	defer g.recovered(w)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeProblem(w, http.StatusMethodNotAllowed, schemas.Rejectf(schemas.ReasonUnsupported, "method", "%.10q is not taken; use POST", r.Method))
		return
	}
	if len(r.TransferEncoding) > 0 {
		// A length may have stood beside it, which a proxy in front could have believed: nothing may follow on this connection.
		w.Header().Set("Connection", "close")
	}
	u := &upload{
		w: w, r: r, id: camera, path: format, contentType: r.Header.Get("Content-Type"), received: schemas.MicrosOf(g.cfg.Now()),
		camera: bounded(camera, schemas.MaxCameraID),
	}
	if f := g.authenticate(u); f != nil { // before anything is taken of what cameras share
		g.turnAway(u, f)
		return
	}
	leave, ok := g.enter(u)
	if !ok {
		return
	}
	defer leave()
	if g.readBody(u) {
		g.accept(u)
	}
}

// recovered answers a panic with 503, so that the camera keeps the upload and sends it again.
func (g *Gateway) recovered(w http.ResponseWriter) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	g.cfg.Metrics.Panics.Inc()
	g.log.Error().Str("panic", panicText(v)).Bytes("stack", debug.Stack()).Msg("upload panicked; please report this with the format of the camera")
	retryAfter(w)
	writeProblem(w, http.StatusServiceUnavailable, &schemas.RejectError{Detail: "the gateway stumbled over this upload; send it again"})
}

// panicText describes a panic without what may hold a plate: any other value than an error of the runtime or our own.
func panicText(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	if s, ok := v.(string); ok && strings.HasPrefix(s, "BUG: ") {
		return s
	}
	return fmt.Sprintf("a %T", v)
}

// later turns an upload away that the camera shall send again.
func (g *Gateway) later(w http.ResponseWriter, code int, cause, detail string) {
	g.cfg.Metrics.Limited.WithLabelValues(cause).Inc()
	retryAfter(w)
	writeProblem(w, code, &schemas.RejectError{Detail: detail})
}

func retryAfter(w http.ResponseWriter) { w.Header().Set("Retry-After", "1") }

// refuse keeps a refused upload whole, then answers why.
func (g *Gateway) refuse(u *upload, rej *schemas.RejectError) {
	if g.produce(u, []Record{g.quarantine(u, rej, nil)}) {
		g.cfg.Metrics.Quarantined.Inc()
		g.cfg.Metrics.Refused.WithLabelValues(rej.Reason.String()).Inc()
		writeProblem(u.w, status(rej), rej)
	}
}

// produce puts records on the log, or answers 503. A camera that hangs up does not stop it: what was received is kept.
func (g *Gateway) produce(u *upload, records []Record) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.r.Context()), g.cfg.ProduceTimeout)
	defer cancel()
	start := g.cfg.Now()
	err := g.cfg.Producer.Produce(ctx, records)
	g.broker.note(err, g.cfg.Now(), &g.log)
	if err != nil {
		g.later(u.w, http.StatusServiceUnavailable, causeBroker, "the log did not take it; send it again")
		return false
	}
	g.cfg.Metrics.Produce.Observe(g.cfg.Now().Sub(start).Seconds())
	return true
}
