package office

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// Witness keeps heads of the look-up log outside the database, in a place closed to people who may write the database.
type Witness interface {
	// Note hands a head over; nil means that the witness keeps the head. Repeating the last head changes nothing.
	Note(ctx context.Context, h access.Head) error
	// Heads returns the heads handed over so far, by any office. An error means an unreachable or altered witness; the
	// heads beside the error come from the places that hold.
	Heads(ctx context.Context) ([]access.Head, error)
}

// Rhythm for handing heads over and for verifying the log.
const (
	headEvery   = 100 // entries
	headWithin  = time.Minute
	verifyEvery = time.Hour
	headLook    = time.Second
	headTime    = 30 * time.Second
)

// keepWitnesses hands heads over every hundred entries, each minute, at the end, and when the log is found damaged.
func (o *Office) keepWitnesses(ctx context.Context) {
	tick := time.NewTicker(headLook)
	defer tick.Stop()
	var noted access.Head
	var notedAt time.Time
	for {
		l, err := o.openLog()
		switch h := o.knownHead(); {
		case err != nil && h.Seq > noted.Seq, err == nil && h != noted && (h.Seq >= noted.Seq+headEvery || time.Since(notedAt) >= headWithin):
			o.noteHead(ctx, h) // for a damaged log no other place has the newest entries
			noted, notedAt = h, time.Now()
		}
		var broken <-chan struct{}
		if err == nil {
			broken = l.DamageFound()
		}
		select {
		case <-ctx.Done():
			o.noteHead(context.WithoutCancel(ctx), o.knownHead())
			return
		case <-broken:
		case <-tick.C:
		}
	}
}

// knownHead returns the newest entry known to this process. A cut log lacks it.
func (o *Office) knownHead() access.Head {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		if h := o.log.Head(); h.Seq >= o.seen.Seq {
			return h
		}
	}
	return o.seen
}

// noteHead sends a head to the process's own log and to every witness.
func (o *Office) noteHead(ctx context.Context, h access.Head) {
	if h.Seq == 0 {
		return
	}
	o.cfg.Logger.Info().Uint64("seq", h.Seq).Str("sha256", hex.EncodeToString(h.Sum[:])).Msg("head of the access log")
	ctx, cancel := context.WithTimeout(ctx, headTime)
	defer cancel()
	for _, w := range o.cfg.Witnesses {
		if err := w.Note(ctx, h); err != nil {
			o.cfg.Metrics.HeadsLost.Inc()
			o.cfg.Logger.Error().Err(err).Uint64("seq", h.Seq).Msg("a head of the access log is not with its witness")
		}
	}
}

// verifyLog verifies the log against all witnesses' heads, and returns the number of heads. A damaged log shuts the
// office. An unreachable or altered witness is an error when the log holds by the other heads.
func (o *Office) verifyLog(ctx context.Context, l *access.Log, more ...access.Head) (access.Verification, int, error) {
	heads, broken := more, error(nil)
	for _, w := range o.cfg.Witnesses {
		hs, err := w.Heads(ctx)
		if err != nil {
			broken = errors.Join(broken, fmt.Errorf("ask a witness: %w", err))
		}
		heads = append(heads, hs...)
	}
	v, err := l.Verify(ctx, heads...)
	if err != nil {
		return v, len(heads), errors.Join(err, broken)
	}
	if v.OK() {
		o.setDamaged(nil, access.Head{})
		o.countVerified(broken == nil)
		return v, len(heads), broken
	}
	if len(more) > 0 { // a head that somebody typed shuts no office
		if again, _, err := o.verifyLog(ctx, l); err == nil && again.OK() {
			return v, len(heads), nil
		}
	}
	why := fmt.Errorf("entry %d: %s: %w", v.FirstBad, v.Problem, access.ErrDamaged)
	o.countVerified(false)
	o.cfg.Logger.Error().Uint64("first_bad", v.FirstBad).Str("problem", v.Problem).Msg("THE ACCESS LOG DOES NOT VERIFY")
	o.setDamaged(why, l.Head())
	l.Shut(why)
	tell, cancel := context.WithTimeout(context.WithoutCancel(ctx), logPatience) // who asked for the verification may have hung up
	defer cancel()
	if err := o.cfg.LookUps.NoteFinding(tell, store.DamageFinding{Seq: l.Head().Seq, FirstBad: v.FirstBad, Problem: v.Problem}); err != nil {
		o.cfg.Logger.Error().Err(err).Msg("other offices were not told that the access log does not verify")
	}
	return v, len(heads), nil
}

// countVerified records the verification's time and result in the metrics.
func (o *Office) countVerified(holds bool) {
	value := 0.0
	if holds {
		value = 1
	}
	o.cfg.Metrics.Verified.Set(value)
	o.cfg.Metrics.VerifiedAt.SetToCurrentTime()
}

func (o *Office) setDamaged(why error, at access.Head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.damaged, o.damagedAt, o.findings.held = why, at, why == nil
}
