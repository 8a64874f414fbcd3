package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
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
	cam         *schemas.Camera // nil until authenticated
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
	length := r.ContentLength
	if r.Header.Get("Content-Encoding") != "" {
		length = -1
	}
	leave, ok := g.enter(length)
	if !ok {
		g.later(w, http.StatusServiceUnavailable, causeFull, "too many uploads at a time; send it again")
		return
	}
	defer leave()
	now := g.cfg.Now()
	u := &upload{
		w: w, r: r, id: camera, path: format, contentType: r.Header.Get("Content-Type"), received: schemas.MicrosOf(now),
		camera: bounded(camera, schemas.MaxCameraID),
	}
	if rej := g.authenticate(u); rej != nil {
		g.stranger(u, rej)
		return
	}
	if !g.allow(u.cam.ID, now) {
		g.later(w, http.StatusTooManyRequests, causeRate, "the camera sends more than its rate; send it again later")
		return
	}
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

// authenticate finds the camera and checks its token. The comparison takes the same time wherever tokens differ.
func (g *Gateway) authenticate(u *upload) *schemas.RejectError {
	cam, ok := g.cfg.Registry().Camera(u.id)
	if !ok {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "not in the camera registry; register the camera or correct the address")
	}
	scheme, token, _ := strings.Cut(u.r.Header.Get("Authorization"), " ")
	if _, password, ok := u.r.BasicAuth(); ok {
		token = password
	} else if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	if subtle.ConstantTimeCompare(sum[:], cam.TokenSum[:]) != 1 || token == "" {
		return schemas.Rejectf(schemas.ReasonUnauthorised, "Authorization", "missing or wrong token; send Authorization: Bearer with the camera's token")
	}
	u.cam = cam
	return nil
}

// stranger refuses a sender that did not authenticate, keeping the beginning of what it sent as long as the bound for
// all strangers allows. The rest is read and forgotten, so that the sender sees the answer.
func (g *Gateway) stranger(u *upload, rej *schemas.RejectError) {
	keep := g.strangers.AllowN(g.cfg.Now(), 1)
	body := http.MaxBytesReader(u.w, u.r.Body, g.cfg.MaxBody)
	if keep {
		u.body, _ = io.ReadAll(io.LimitReader(body, int64(g.cfg.KeepPayload)))
	}
	n, _ := io.Copy(io.Discard, body)
	u.size = max(u.r.ContentLength, int64(len(u.body))+n)
	g.cfg.Metrics.Bytes.Add(float64(int64(len(u.body)) + n))
	if rej.Reason == schemas.ReasonUnauthorised {
		u.w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if !keep {
		g.cfg.Metrics.Unkept.Inc()
		g.cfg.Metrics.Refused.WithLabelValues(rej.Reason.String()).Inc()
		writeProblem(u.w, status(rej), rej)
		return
	}
	g.refuse(u, rej)
}

// readBody reads the upload, or answers why it did not.
func (g *Gateway) readBody(u *upload) bool {
	if u.r.ContentLength > g.cfg.MaxBody {
		g.tooLarge(u)
		return false
	}
	var buf bytes.Buffer
	buf.Grow(int(max(u.r.ContentLength, 0)) + bytes.MinRead)
	_, err := buf.ReadFrom(http.MaxBytesReader(u.w, u.r.Body, g.cfg.MaxBody))
	g.cfg.Metrics.Bytes.Add(float64(buf.Len()))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		g.tooLarge(u)
		return false
	}
	if err != nil {
		g.unreadable(u)
		return false
	}
	u.body, u.size = buf.Bytes(), int64(buf.Len())
	return g.unpack(u)
}

// unpack undoes a Content-Encoding, or answers why it cannot.
func (g *Gateway) unpack(u *upload) bool {
	const field = "Content-Encoding"
	switch enc := strings.ToLower(strings.TrimSpace(u.r.Header.Get(field))); enc {
	case "", "identity":
		return true
	case "gzip", "x-gzip":
	default:
		g.refuse(u, schemas.Rejectf(schemas.ReasonUnsupported, field, "%.40q is not taken; send identity or gzip", enc))
		return false
	}
	z, err := gzip.NewReader(bytes.NewReader(u.body))
	if err == nil {
		var plain []byte
		plain, err = io.ReadAll(io.LimitReader(z, g.cfg.MaxBody+1))
		if int64(len(plain)) > g.cfg.MaxBody {
			g.tooLarge(u)
			return false
		}
		if err == nil {
			u.body, u.size = plain, int64(len(plain))
			return true
		}
	}
	g.refuse(u, schemas.Rejectf(schemas.ReasonMalformed, field, "the body is not gzip as it says: %v", err))
	return false
}

func (g *Gateway) tooLarge(u *upload) {
	g.cfg.Metrics.Limited.WithLabelValues(causeTooLarge).Inc()
	u.w.Header().Set("Connection", "close")
	writeProblem(u.w, http.StatusRequestEntityTooLarge, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "more than %d bytes; send fewer or smaller pictures", g.cfg.MaxBody))
}

// unreadable answers a body that did not arrive whole. It is not kept: the sender got no receipt and has it still.
func (g *Gateway) unreadable(u *upload) {
	g.cfg.Metrics.Refused.WithLabelValues(schemas.ReasonMalformed.String()).Inc()
	writeProblem(u.w, http.StatusBadRequest, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "the body ended early; send it again"))
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
	if err != nil {
		g.log.Warn().Err(err).Msg("the broker did not acknowledge an upload; the camera was told to send it again")
		g.later(u.w, http.StatusServiceUnavailable, causeBroker, "the log did not take it; send it again")
		return false
	}
	g.cfg.Metrics.Produce.Observe(g.cfg.Now().Sub(start).Seconds())
	return true
}
