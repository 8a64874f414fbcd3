package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/gvc-brussels/anpr/schemas"
)

// cameraQuota is a registered camera's share of the gateway: too many uploads stop this camera, not its neighbours.
type cameraQuota struct {
	limit    *rate.Limiter
	inFlight int // uploads in flight
}

// cameraQuotas holds the quotas of all cameras heard so far. Safe for concurrent use.
type cameraQuotas struct {
	mu   sync.Mutex // guards the fields below
	cams map[string]*cameraQuota
}

// admitUpload takes an upload from the camera's rate and a place among its uploads in flight. cause names the
// exhausted bound.
func (l *cameraQuotas) admitUpload(camera string, cfg *Config, now time.Time) (leave func(), cause string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cams[camera]
	if c == nil {
		c = &cameraQuota{limit: rate.NewLimiter(cfg.CameraRate, cfg.CameraBurst)}
		l.cams[camera] = c
	}
	if c.inFlight >= cfg.CameraInFlight {
		return nil, causeFull
	}
	if !c.limit.AllowN(now, 1) {
		return nil, causeRate
	}
	c.inFlight++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.inFlight--
	}, ""
}

// admitUpload takes a place for an authenticated camera's upload, or answers with the cause.
func (g *Gateway) admitUpload(u *upload) (leave func(), ok bool) {
	land, cause := g.quotas.admitUpload(u.cam.ID, &g.cfg, g.cfg.Now())
	switch cause {
	case causeRate:
		g.answerRetry(u.w, http.StatusTooManyRequests, causeRate,
			"the camera sends more than its rate; send it again later")
		return nil, false
	case causeFull:
		g.answerRetry(u.w, http.StatusTooManyRequests, causeFull,
			"the camera has too many uploads under way; send fewer at a time")
		return nil, false
	}
	select {
	case g.slots <- struct{}{}:
	default:
		land()
		g.answerRetry(u.w, http.StatusServiceUnavailable, causeFull, "too many uploads at a time; send it again")
		return nil, false
	}
	return func() {
		g.memory.Add(-u.held)
		<-g.slots
		land()
	}, true
}

// Bounds that end the reading of a body early; the connection ends it otherwise.
var (
	errNoMemory = errors.New("the gateway holds as much as it may")
	errTooLarge = errors.New("larger than an upload may be")
)

// chargeMemory charges an upload with arrived bytes, and reports false when the gateway's memory is used up.
func (g *Gateway) chargeMemory(u *upload, n int) bool {
	if g.memory.Add(int64(n)) > g.cfg.MaxMemory {
		g.memory.Add(int64(-n))
		return false
	}
	u.held += int64(n)
	return true
}

// readAll reads to the end and charges bytes on arrival. before runs ahead of every read with the number of bytes read
// so far.
func (g *Gateway) readAll(u *upload, r io.Reader, before func(n int)) ([]byte, error) {
	buf := make([]byte, 0, min(max(u.r.ContentLength, 0), 64<<10)+bytes.MinRead)
	for {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), 2*cap(buf))
			copy(grown, buf)
			buf = grown
		}
		before(len(buf))
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > g.cfg.MaxBody:
			return buf, errTooLarge
		case !g.chargeMemory(u, n):
			return buf, errNoMemory
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// readBody reads the upload, or answers with the cause. A body has BodyGrace, and then must come at BodyRate.
func (g *Gateway) readBody(u *upload) bool {
	if u.r.ContentLength > g.cfg.MaxBody {
		g.answerTooLarge(u)
		return false
	}
	c, start := http.NewResponseController(u.w), time.Now()
	body, err := g.readAll(u, u.r.Body, func(n int) {
		_ = c.SetReadDeadline(start.Add(g.cfg.BodyGrace + time.Duration(n)*time.Second/time.Duration(g.cfg.BodyRate)))
	})
	_ = c.SetReadDeadline(time.Time{})
	g.cfg.Metrics.Bytes.Add(float64(len(body)))
	if err != nil {
		g.answerUnreadable(u, err)
		return false
	}
	u.body, u.size = body, int64(len(body))
	return g.unpackBody(u)
}

// unpackBody undoes a Content-Encoding, or answers with the cause.
func (g *Gateway) unpackBody(u *upload) bool {
	const field = "Content-Encoding"
	switch enc := strings.ToLower(strings.TrimSpace(u.r.Header.Get(field))); enc {
	case "", "identity":
		return true
	case "gzip", "x-gzip":
	default:
		g.refuseUpload(u, schemas.Rejectf(schemas.ReasonUnsupported, field,
			"%.40q is not taken; send gzip or nothing", enc))
		return false
	}
	z, err := gzip.NewReader(bytes.NewReader(u.body))
	if err == nil {
		var plain []byte
		if plain, err = g.readAll(u, z, func(int) {}); err == nil {
			u.body, u.size = plain, int64(len(plain))
			return true
		}
		if errors.Is(err, errTooLarge) || errors.Is(err, errNoMemory) {
			g.answerUnreadable(u, err)
			return false
		}
	}
	g.refuseUpload(u, schemas.Rejectf(schemas.ReasonMalformed, field, "the body is not gzip as it says: %v", err))
	return false
}

func (g *Gateway) answerTooLarge(u *upload) {
	g.cfg.Metrics.Limited.WithLabelValues(causeTooLarge).Inc()
	u.w.Header().Set("Connection", "close")
	writeProblem(u.w, http.StatusRequestEntityTooLarge,
		schemas.Rejectf(schemas.ReasonTooLarge, fieldBody,
			"more than %d bytes; send fewer or smaller pictures", g.cfg.MaxBody))
}

// answerUnreadable answers a body that did not arrive whole. The gateway keeps nothing: the sender got no receipt and
// still has the upload.
func (g *Gateway) answerUnreadable(u *upload, err error) {
	switch {
	case errors.Is(err, errTooLarge):
		g.answerTooLarge(u)
	case errors.Is(err, errNoMemory):
		u.w.Header().Set("Connection", "close")
		g.answerRetry(u.w, http.StatusServiceUnavailable, causeFull, "too many uploads at a time; send it again")
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.w.Header().Set("Connection", "close")
		g.answerRetry(u.w, http.StatusRequestTimeout, causeSlow,
			"the body came too slowly; send it again, with smaller pictures if the line is slow")
	default:
		g.cfg.Metrics.Refused.WithLabelValues(schemas.ReasonMalformed.String()).Inc()
		writeProblem(u.w, http.StatusBadRequest, schemas.Rejectf(schemas.ReasonMalformed, fieldBody,
			"the body ended early; send it again"))
	}
}

// timedWriter bounds the time for an answer: a client that does not read must not hold a connection for ever.
type timedWriter struct {
	http.ResponseWriter
	limit time.Duration
}

// WriteHeader starts the time.
func (t *timedWriter) WriteHeader(code int) {
	// a writer without deadlines has none
	_ = http.NewResponseController(t.ResponseWriter).SetWriteDeadline(time.Now().Add(t.limit))
	t.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (t *timedWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }
