package gateway

import (
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds for unauthenticated senders, beside the bounds in Config.
const (
	strangersOfOne = 8           // bodies read at a time from an address
	maxFailers     = 10_000      // counted pairs of address and camera
	failBurst      = 60          // failures of a pair before the limit applies
	failEvery      = time.Second // interval of further failures
	noticeEvery    = time.Hour   // interval at which the log names a pair and keeps an upload without a token
)

// strangerLimits bounds the cost of unauthenticated senders. It shares nothing with cameras. Safe for concurrent use.
type strangerLimits struct {
	kept *rate.Limiter // rate of kept uploads

	mu      sync.Mutex // guards the fields below
	reading map[netip.Addr]int
	all     int
	failers map[failingSender]*senderFailures
	day     int64 // since 1970, UTC
	bytes   int64 // bytes kept on the day
}

type failingSender struct {
	addr   netip.Addr
	camera string
}

type senderFailures struct {
	limit   *rate.Limiter
	noticed time.Time
	passed  bool // authenticated since
}

// takePlace takes a place among the senders whose bodies are read; ok is false when all places are taken.
func (s *strangerLimits) takePlace(addr netip.Addr, most int) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= most || s.reading[addr] >= min(most, strangersOfOne) {
		return nil, false
	}
	s.all++
	s.reading[addr]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.reading[addr]--; s.reading[addr] == 0 {
			delete(s.reading, addr)
		}
	}, true
}

// recordSuccess records that a sender authenticated after a failure or a challenge.
func (s *strangerLimits) recordSuccess(f failingSender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.failers[f]; k != nil {
		k.passed = true
	}
}

// beginsRound reports whether a sender without a proof begins another challenge and response, having finished one
// before.
func (s *strangerLimits) beginsRound(f failingSender) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.failers[f]
	if k == nil || !k.passed {
		return false
	}
	k.passed = false
	return true
}

// recordFailure counts a failure. limited: too many failures from the address for the camera; notice: the operator is
// to be told.
func (s *strangerLimits) recordFailure(f failingSender, now time.Time) (limited, notice bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.failers[f]
	if k == nil {
		if len(s.failers) >= maxFailers {
			clear(s.failers) // a sender who fills it gets the burst again, no more
		}
		k = &senderFailures{limit: rate.NewLimiter(rate.Every(failEvery), failBurst)}
		s.failers[f] = k
	}
	if since := now.Sub(k.noticed); since >= noticeEvery || since < 0 {
		k.noticed, notice = now, true
	}
	return !k.limit.AllowN(now, 1), notice
}

// spendBytes takes bytes from the day's budget and returns how many it granted.
func (s *strangerLimits) spendBytes(n, budget int64, now time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := now.Unix() / 86_400; day != s.day {
		s.day, s.bytes = day, 0
	}
	n = max(0, min(n, budget-s.bytes))
	s.bytes += n
	return n
}

// turnAwayStranger refuses an unauthenticated sender. At most the beginning of the upload is kept, within the bounds
// for all strangers. The answer goes out before the rest is read and dropped, so that a device waiting for a challenge
// sees it, however long the body is.
func (g *Gateway) turnAwayStranger(u *upload, f *refusal) {
	now := g.cfg.Now()
	// a writer without deadlines has none
	_ = http.NewResponseController(u.w).SetReadDeadline(time.Now().Add(g.cfg.StrangerTime))
	from := failingSender{u.peer.failureKey(), u.camera}
	asks := f.scheme == schemeNone && u.addressed != nil // no proof yet: perhaps waiting for the challenge
	f.round = f.round || asks && g.strangers.beginsRound(from)
	keep := !f.round
	if f.round {
		g.cfg.Metrics.Challenged.Inc()
	} else {
		g.cfg.Metrics.Failed.WithLabelValues(string(f.scheme)).Inc()
		limited, notice := g.strangers.recordFailure(from, now)
		if notice {
			g.log.Warn().Str("camera", u.camera).Str("registered", yesNo(u.addressed != nil)).
				Stringer("address", u.peer.failureKey()).
				Str("scheme", string(f.scheme)).Str("reason",
				f.rej.Detail).Msg("a sender did not authenticate; told once an hour of an address and camera")
		}
		if limited && !asks {
			u.w.Header().Set("Connection", "close")
			g.cfg.Metrics.Unkept.Inc()
			g.answerRetry(u.w, http.StatusTooManyRequests, causeFailures,
				"too many failed authentications from this address for this camera; correct the token")
			return
		}
		keep = !asks || notice
	}
	g.addChallenges(u, f)
	leave, ok := g.strangers.takePlace(u.peer.failureKey(), g.cfg.MaxStrangers)
	if !ok {
		u.w.Header().Set("Connection", "close")
		g.refuseUnkept(u, f)
		return
	}
	defer leave()
	if keep && g.strangers.kept.AllowN(now, 1) {
		g.keepStranger(u, f, now)
	} else {
		_ = http.NewResponseController(u.w).EnableFullDuplex() // HTTP/2 is so anyway
		g.refuseUnkept(u, f)
		_ = http.NewResponseController(u.w).Flush()
	}
	if u.r.Header.Get("Expect") == "" {
		n, _ := io.CopyN(io.Discard, u.r.Body, g.cfg.MaxBody)
		g.cfg.Metrics.Bytes.Add(float64(n))
	}
}

// keepStranger keeps the refused upload with the beginning of the body.
func (g *Gateway) keepStranger(u *upload, f *refusal, now time.Time) {
	if n := g.strangers.spendBytes(int64(min(g.cfg.StrangerKeep, g.cfg.KeepPayload)), g.cfg.StrangerDay, now); n > 0 &&
		u.r.Header.Get("Expect") == "" {
		u.body, _ = io.ReadAll(io.LimitReader(u.r.Body, n))
		g.strangers.spendBytes(int64(len(u.body))-n, g.cfg.StrangerDay, now) // gives back
	} else if n == 0 {
		g.refuseUnkept(u, f)
		return
	}
	u.size = max(u.r.ContentLength, int64(len(u.body)))
	g.cfg.Metrics.Bytes.Add(float64(len(u.body)))
	_ = http.NewResponseController(u.w).EnableFullDuplex()
	g.refuseUpload(u, f.rej)
	_ = http.NewResponseController(u.w).Flush()
}

// refuseUnkept refuses an upload without keeping it.
func (g *Gateway) refuseUnkept(u *upload, f *refusal) {
	if !f.round {
		g.cfg.Metrics.Unkept.Inc()
		g.cfg.Metrics.Refused.WithLabelValues(f.rej.Reason.String()).Inc()
	}
	writeProblem(u.w, httpStatus(f.rej), f.rej)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// newStrangers begins with nobody.
func newStrangers(cfg *Config) strangerLimits {
	return strangerLimits{
		kept: rate.NewLimiter(cfg.StrangerRate, cfg.StrangerBurst), reading: map[netip.Addr]int{},
		failers: map[failingSender]*senderFailures{},
	}
}
