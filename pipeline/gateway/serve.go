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

// upload is a request on the way through the gateway.
type upload struct {
	w           http.ResponseWriter
	r           *http.Request
	cameraID    string // camera id in the path
	camera      string // the same, bounded for the wire
	path        string // part of the address that names the format, and what the device adds to it
	contentType string
	received    schemas.Micros
	peer        peer
	addressed   *schemas.Camera // camera at the address; nil = not registered
	cam         *schemas.Camera // the same, nil until authenticated
	held        int64           // bytes of memory charged to the upload
	body        []byte          // body, or only the beginning when not authenticated
	size        int64           // size of the whole body
}

func (g *Gateway) serveUpload(w http.ResponseWriter, r *http.Request, camera, format string) {
	defer g.answerPanic(w)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeProblem(w, http.StatusMethodNotAllowed, schemas.Rejectf(schemas.ReasonUnsupported, "method",
			"%.10q is not taken; use POST", r.Method))
		return
	}
	if len(r.TransferEncoding) > 0 {
		// A proxy in front may have believed a length beside the transfer encoding: nothing may follow on this
		// connection.
		w.Header().Set("Connection", "close")
	}
	u := &upload{
		w: w, r: r, cameraID: camera, path: format, contentType: r.Header.Get("Content-Type"),
		received: schemas.MicrosOf(g.cfg.Now()),
		camera:   boundText(camera, schemas.MaxCameraID),
	}
	if f := g.authenticateSender(u); f != nil { // before the upload takes a share of common resources
		g.turnAwayStranger(u, f)
		return
	}
	leave, ok := g.admitUpload(u)
	if !ok {
		return
	}
	defer leave()
	if g.readBody(u) {
		g.acceptUpload(u)
	}
}

// answerPanic answers a panic with 503, so that the camera keeps the upload and repeats it.
func (g *Gateway) answerPanic(w http.ResponseWriter) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	g.cfg.Metrics.Panics.Inc()
	g.log.Error().Str("panic", describePanic(v)).Bytes("stack", debug.Stack()).
		Msg("upload panicked; please report this with the format of the camera")
	setRetryAfter(w)
	writeProblem(w, http.StatusServiceUnavailable,
		&schemas.RejectError{Detail: "the gateway stumbled over this upload; send it again"})
}

// describePanic describes a panic without any plate: only runtime errors and our own BUG texts are quoted.
func describePanic(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	if s, ok := v.(string); ok && strings.HasPrefix(s, "BUG: ") {
		return s
	}
	return fmt.Sprintf("a %T", v)
}

// answerRetry turns an upload away and asks the camera to repeat it.
func (g *Gateway) answerRetry(w http.ResponseWriter, code int, cause, detail string) {
	g.cfg.Metrics.Limited.WithLabelValues(cause).Inc()
	setRetryAfter(w)
	writeProblem(w, code, &schemas.RejectError{Detail: detail})
}

func setRetryAfter(w http.ResponseWriter) { w.Header().Set("Retry-After", "1") }

// refuseUpload keeps a refused upload whole, then answers why.
func (g *Gateway) refuseUpload(u *upload, rej *schemas.RejectError) {
	if g.produceRecords(u, []Record{g.buildQuarantine(u, rej, nil)}) {
		g.cfg.Metrics.Quarantined.Inc()
		g.cfg.Metrics.Refused.WithLabelValues(rej.Reason.String()).Inc()
		if u.cam == nil { // a stranger gets no result
			writeProblem(u.w, httpStatus(rej), rej)
			return
		}
		writeKeptProblem(u.w, u.path, rej)
	}
}

// produceRecords puts records on the log, or answers 503. A camera that hangs up does not stop it: received uploads
// are kept.
func (g *Gateway) produceRecords(u *upload, records []Record) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.r.Context()), g.cfg.ProduceTimeout)
	defer cancel()
	start := g.cfg.Now()
	err := g.cfg.Producer.Produce(ctx, records)
	g.broker.recordOutcome(err, g.cfg.Now(), &g.log)
	if err != nil {
		g.answerRetry(u.w, http.StatusServiceUnavailable, causeBroker, "the log did not take it; send it again")
		return false
	}
	g.cfg.Metrics.Produce.Observe(g.cfg.Now().Sub(start).Seconds())
	return true
}
