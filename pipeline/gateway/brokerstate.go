package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// brokerState holds the broker's state as seen by uploads of this gateway. Safe for concurrent use.
type brokerState struct {
	mu         sync.Mutex // guards the fields below
	good       time.Time  // last acknowledged upload
	probed     time.Time  // last acknowledged probe
	bad        time.Time  // last upload refused by the broker
	err        error      // error at bad, until an upload is acknowledged
	namedCause string     // cause named in the log
	namedAt    time.Time
	refused    int // uploads since then
}

const (
	produceFresh = 5 * time.Second  // an upload acknowledged since then proves that the broker takes records
	produceDoubt = 8 * time.Second  // an upload refused since then, and none acknowledged later, proves the opposite
	retellEvery  = 10 * time.Minute // a lasting cause is named again
)

// recordOutcome records the outcome of an upload. The log names a cause once, and its end once.
func (b *brokerState) recordOutcome(err error, now time.Time, log *zerolog.Logger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		if b.namedCause != "" {
			log.Info().Int("refused", b.refused).Dur("after", now.Sub(b.namedAt)).
				Msg("the broker acknowledges uploads again")
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
	log.Warn().Err(err).Int("refused", b.refused).
		Msg("the broker does not acknowledge uploads; cameras are told to send them again")
	b.namedCause, b.namedAt = cause, now
}

// rootCause returns the innermost text of an error, free from numbers that change with every upload.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// judgeUploads reports the outcome of recent uploads: sure when the broker takes records, err when it refuses them,
// neither when uploads prove nothing.
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

// isRecent reports whether an event at then still describes the present.
func isRecent(then, now time.Time) bool {
	return !then.IsZero() && now.Sub(then) < produceFresh
}

// probeAcknowledged records a probe, so that frequent questions do not make frequent records.
func (b *brokerState) probeAcknowledged(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probed, b.err = now, nil
}

// ErrNoProbe is returned by a Prober that cannot ask without harm.
var ErrNoProbe = errors.New("no topic to probe with")

// Prober is a Producer with a way to test the broker without an upload.
type Prober interface {
	// Probe returns nil only after the broker has acknowledged a meaningless record.
	Probe(ctx context.Context) error
}

// CanProduce reports whether an upload would be acknowledged now: uploads of the last seconds tell, else a probe does.
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
