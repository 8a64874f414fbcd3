package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// brokerState is what the gateway knows of the broker from its own uploads. Safe for concurrent use.
type brokerState struct {
	mu         sync.Mutex // guards what follows
	good       time.Time  // last acknowledged upload
	probed     time.Time  // last acknowledged probe
	bad        time.Time  // last that was not
	err        error      // of that one, while none was acknowledged since
	namedCause string     // cause that the log has named
	namedAt    time.Time
	refused    int // uploads since then
}

const (
	produceFresh = 5 * time.Second  // an upload acknowledged since then shows that the broker takes records
	produceDoubt = 8 * time.Second  // one refused since then, and none acknowledged after it, shows that it does not
	retellEvery  = 10 * time.Minute // a cause that lasts is named again
)

// recordOutcome remembers the outcome of an upload. A cause is logged once, not each time, and so is its end.
func (b *brokerState) recordOutcome(err error, now time.Time, log *zerolog.Logger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		if b.namedCause != "" {
			log.Info().Int("refused", b.refused).Dur("after", now.Sub(b.namedAt)).Msg("the broker acknowledges uploads again")
		}
		b.good, b.err, b.namedCause, b.refused = now, nil, "", 0
		return
	}
	b.bad, b.err = now, err
	b.refused++
	cause := rootCause(err)
	if cause == b.namedCause && now.Sub(b.namedAt) < retellEvery {
		return
	}
	log.Warn().Err(err).Int("refused", b.refused).Msg("the broker does not acknowledge uploads; cameras are told to send them again")
	b.namedCause, b.namedAt = cause, now
}

// rootCause is the innermost text of an error: without numbers that change from one upload to the next.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// judgeUploads says what the gateway's own uploads show: that the broker takes records (sure), that it does not (err), or nothing.
func (b *brokerState) judgeUploads(now time.Time) (sure bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil && now.Sub(b.bad) < produceDoubt:
		return false, b.err
	case b.err == nil && (isRecent(b.good, now) || isRecent(b.probed, now)):
		return true, nil
	}
	return false, nil
}

// isRecent reports whether what happened then still shows how things are now.
func isRecent(then, now time.Time) bool {
	return !then.IsZero() && now.Sub(then) < produceFresh
}

// probeAcknowledged remembers a probe, so that many who ask do not make many records.
func (b *brokerState) probeAcknowledged(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed, b.err = now, nil
}

// ErrNoProbe is returned by a Prober that cannot ask without harm.
var ErrNoProbe = errors.New("no topic to probe with")

// Prober is a Producer that can find out whether the broker takes records without an upload.
type Prober interface {
	// Probe returns nil only when the broker has acknowledged a record of no meaning.
	Probe(ctx context.Context) error
}

// CanProduce reports whether an upload would be acknowledged now: by the uploads of the last seconds, else by a probe.
func (g *Gateway) CanProduce(ctx context.Context) error {
	sure, err := g.broker.judgeUploads(g.cfg.Now())
	if sure || err != nil {
		return err
	}
	p, ok := g.cfg.Producer.(Prober)
	if !ok {
		return nil
	}
	err = p.Probe(ctx)
	if errors.Is(err, ErrNoProbe) {
		return nil
	}
	if err == nil {
		g.broker.probeAcknowledged(g.cfg.Now())
	}
	return err
}
