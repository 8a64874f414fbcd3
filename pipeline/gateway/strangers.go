package gateway

import (
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of senders that did not authenticate, beside those of Config.
const (
	strangersOfOne = 8           // reading at a time from one address
	maxFailers     = 10_000      // pairs of address and camera whose failures are counted
	failBurst      = 60          // failures of such a pair before they are limited
	failEvery      = time.Second // and then one in so long
	noticeEvery    = time.Hour   // a pair is named in the log, and its missing token kept, that often
)

// strangers bounds what senders cost that did not authenticate. Nothing of it is shared with cameras. Safe for concurrent use.
type strangers struct {
	kept *rate.Limiter // uploads that are kept

	mu      sync.Mutex // guards what follows
	reading map[netip.Addr]int
	all     int
	failers map[failingSender]*senderFailures
	day     int64 // since 1970, UTC
	bytes   int64 // kept on that day
}

type failingSender struct {
	addr   netip.Addr
	camera string
}

type senderFailures struct {
	limit   *rate.Limiter
	noticed time.Time
	passed  bool // it authenticated since
}

// takePlace takes a place among those whose bodies are read, or reports that there is none.
func (s *strangers) takePlace(addr netip.Addr, most int) (leave func(), ok bool) {
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

// recordSuccess remembers that a sender authenticated which had failed before, or asked for the challenge.
func (s *strangers) recordSuccess(f failingSender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.failers[f]; k != nil {
		k.passed = true
	}
}

// beginsRound reports whether a sender that shows nothing begins another challenge and response: it finished one before.
func (s *strangers) beginsRound(f failingSender) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.failers[f]
	if k == nil || !k.passed {
		return false
	}
	k.passed = false
	return true
}

// recordFailure counts a failure. limited: there were too many from that address for that camera; notice: say it to the operator.
func (s *strangers) recordFailure(f failingSender, now time.Time) (limited, notice bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.failers[f]
	if k == nil {
		if len(s.failers) >= maxFailers {
			clear(s.failers) // whoever fills it gets his burst again, no more
		}
		k = &senderFailures{limit: rate.NewLimiter(rate.Every(failEvery), failBurst)}
		s.failers[f] = k
	}
	if since := now.Sub(k.noticed); since >= noticeEvery || since < 0 {
		k.noticed, notice = now, true
	}
	return !k.limit.AllowN(now, 1), notice
}

// spendBytes takes bytes from the budget of the day, as many as it has.
func (s *strangers) spendBytes(n, budget int64, now time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if day := now.Unix() / 86_400; day != s.day {
		s.day, s.bytes = day, 0
	}
	n = max(0, min(n, budget-s.bytes))
	s.bytes += n
	return n
}

// turnAwayStranger refuses a sender that did not authenticate. At most the beginning of what it sent is kept, as far as the bounds
// for all strangers allow; the answer goes out before the rest is read and forgotten, so that a device that waits for a
// challenge sees it, however long its body is.
func (g *Gateway) turnAwayStranger(u *upload, f *refusal) {
	now := g.cfg.Now()
	_ = http.NewResponseController(u.w).SetReadDeadline(time.Now().Add(g.cfg.StrangerTime)) // a writer without deadlines has none
	from := failingSender{u.peer.failureKey(), u.camera}
	asks := f.scheme == schemeNone && u.addressed != nil // it shows nothing: it may be waiting for the challenge
	f.round = f.round || asks && g.strangers.beginsRound(from)
	keep := !f.round
	if f.round {
		g.cfg.Metrics.Challenged.Inc()
	} else {
		g.cfg.Metrics.Failed.WithLabelValues(string(f.scheme)).Inc()
		limited, notice := g.strangers.recordFailure(from, now)
		if notice {
			g.log.Warn().Str("camera", u.camera).Str("registered", yesNo(u.addressed != nil)).Stringer("address", u.peer.failureKey()).
				Str("scheme", string(f.scheme)).Str("reason", f.rej.Detail).Msg("a sender did not authenticate; told once an hour of an address and camera")
		}
		if limited && !asks {
			u.w.Header().Set("Connection", "close")
			g.cfg.Metrics.Unkept.Inc()
			g.answerRetry(u.w, http.StatusTooManyRequests, causeFailures, "too many failed authentications from this address for this camera; correct the token")
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

// keepStranger keeps the refused upload with the beginning of its body.
func (g *Gateway) keepStranger(u *upload, f *refusal, now time.Time) {
	if n := g.strangers.spendBytes(int64(min(g.cfg.StrangerKeep, g.cfg.KeepPayload)), g.cfg.StrangerDay, now); n > 0 && u.r.Header.Get("Expect") == "" {
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

// refuseUnkept refuses what is not kept.
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
func newStrangers(cfg *Config) strangers {
	return strangers{
		kept: rate.NewLimiter(cfg.StrangerRate, cfg.StrangerBurst), reading: map[netip.Addr]int{}, failers: map[failingSender]*senderFailures{},
	}
}
