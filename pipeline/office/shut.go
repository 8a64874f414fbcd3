package office

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// errShut reports a shut office. The log and /readyz give the reason; users read shutText.
var errShut = errors.New("the office is shut until its look-up log can be written and holds: no look-up is answered without its entry")

// errOpening is why a starting office is shut.
var errOpening = errors.New("the look-up log is being opened")

// openPatience is how long [New] waits for the log. Verifying or importing a log of years takes longer.
var openPatience = 30 * time.Second

// startOpening opens the log and keeps it open until ctx ends. It waits for the first attempt, for openPatience at most.
func (o *Office) startOpening(ctx context.Context) {
	o.shut = errOpening
	opened := make(chan struct{})
	go func() {
		o.tryToOpen(ctx)
		close(opened)
		o.keepOpen(ctx)
	}()
	wait := time.NewTimer(openPatience)
	defer wait.Stop()
	select {
	case <-opened:
	case <-wait.C:
	}
}

// tryToOpen opens the look-up log and imports the older access log. A failure shuts the office with the reason.
func (o *Office) tryToOpen(ctx context.Context) bool {
	l, err := o.openNew(ctx)
	o.setLog(l, err)
	return err == nil
}

func (o *Office) openNew(ctx context.Context) (*access.Log, error) {
	l, err := access.OpenLog(ctx, o.cfg.LookUps, o.cfg.Keys)
	if err != nil {
		return nil, err
	}
	if err := o.compareNoted(ctx, l); err != nil {
		return nil, err
	}
	if err := o.stillDamaged(ctx, l); err != nil {
		return nil, err
	}
	if err := o.checkFinding(ctx, l); err != nil {
		return nil, err
	}
	if o.cfg.Old == nil {
		return l, nil
	}
	done, err := l.TakeOver(ctx, o.cfg.Old)
	if err != nil {
		return nil, fmt.Errorf("take over the access log that was kept before: %w", err)
	}
	if done != nil {
		o.cfg.Logger.Info().Uint64("entries", done.Entries).Uint64("last", done.Last).Str("sha256", done.Sum).Msg("the access log that was kept before is in the look-up log")
		if done.FirstBad != 0 {
			o.cfg.Logger.Error().Uint64("first_bad", done.FirstBad).Str("problem", done.Problem).Msg("THE ACCESS LOG THAT WAS KEPT BEFORE DOES NOT HOLD; it was taken over as it is, and the import entry says so")
		}
	}
	return l, nil
}

// compareNoted refuses a log that ends before an entry known to a witness, because later numbers were already given
// out. An unreachable witness stops nothing here; verification names such a witness.
func (o *Office) compareNoted(ctx context.Context, l *access.Log) error {
	ask, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	noted := uint64(0)
	for _, w := range o.cfg.Witnesses {
		heads, _ := w.Heads(ask) // heads from the places that hold
		for _, h := range heads {
			noted = max(noted, h.Seq)
		}
	}
	if noted <= l.Head().Seq {
		return nil
	}
	end, err := o.cfg.LookUps.Head(ctx) // another office may have appended since
	if err != nil || end.Seq >= noted {
		return err
	}
	o.countVerified(false)
	return fmt.Errorf("entry %d is missing: the log ends with entry %d, and entry %d was noted elsewhere: %w", end.Seq+1, end.Seq, noted, access.ErrDamaged)
}

// stillDamaged refuses a log that ends before an entry seen by this process. A log found damaged is refused too, until
// a break closes the damage.
func (o *Office) stillDamaged(ctx context.Context, l *access.Log) error {
	o.mu.Lock()
	seen, damaged, at := o.seen, o.damaged, o.damagedAt
	o.mu.Unlock()
	if h := l.Head().Seq; h < seen.Seq {
		return fmt.Errorf("it ends with entry %d and had entry %d: %w", h, seen.Seq, access.ErrDamaged)
	}
	if damaged == nil {
		return nil
	}
	breaks, err := o.cfg.LookUps.FindEntries(ctx, &store.Filter{Kind: string(access.KindBreak)})
	if err != nil {
		return err
	}
	if len(breaks) == 0 || breaks[0].Seq <= at.Seq {
		return damaged // two persons close the damage with a break
	}
	if _, _, err := o.verifyInTurn(ctx, l); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.damaged
}

// setLog opens the office with a log, or shuts the office with a reason. The same reason is logged once.
func (o *Office) setLog(l *access.Log, shut error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := shut != nil && o.shut != nil && o.shut.Error() == shut.Error()
	if o.log != nil {
		if h := o.log.Head(); h.Seq > o.seen.Seq {
			o.seen = h
		}
	}
	o.log, o.shut = l, shut
	switch {
	case shut == nil:
		o.cfg.Metrics.LogOK.Set(1)
	case !told:
		o.cfg.Metrics.LogOK.Set(0)
		o.cfg.Logger.Error().Err(shut).Msg("the office is shut: no look-up is answered; cameras and pipeline go on")
	}
}

// currentLog returns the log, or nil and the reason for being shut.
func (o *Office) currentLog() (*access.Log, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log, o.shut
}

// keepOpen reopens a shut log, and shuts the office when the log becomes unreadable, until the context ends.
func (o *Office) keepOpen(ctx context.Context) {
	tick := time.NewTicker(o.cfg.ReopenEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if l, err := o.openLog(); err == nil {
			o.shutWithoutLog(ctx, l)
			continue
		}
		if o.tryToOpen(ctx) {
			o.cfg.Logger.Info().Msg("the look-up log can be written: the office is open")
		}
	}
}

// logPatience bounds reads from the look-up log outside requests.
const logPatience = 5 * time.Second

// shutWithoutLog shuts the office when the log is unreadable, or when another office found damage and this one may not
// go on; see goesOn. Monitors of /readyz thus learn of the fault before a user's look-up is refused.
func (o *Office) shutWithoutLog(ctx context.Context, l *access.Log) {
	ask, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	head, err := o.cfg.LookUps.Head(ask)
	var f *store.DamageFinding
	if err == nil {
		o.cfg.Metrics.LogHead.Set(float64(head.Seq))
		f, err = o.newestFinding(ask)
	}
	if err == nil && f != nil && !o.goesOn(f) {
		err = fmt.Errorf("an office found entry %d damaged (%s), and this office has not verified the log since", f.FirstBad, f.Problem)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if now, _ := o.currentLog(); now == l {
		o.setLog(nil, fmt.Errorf("read the look-up log: %w", err))
	}
}

// openLog returns the look-up log, or the reason for being shut.
func (o *Office) openLog() (*access.Log, error) {
	l, shut := o.currentLog()
	if shut == nil {
		if shut = l.DamageReason(); shut == nil {
			return l, nil
		}
		o.setLog(nil, shut)
	}
	return nil, fmt.Errorf("%w: %w", errShut, shut)
}

// Ready returns nil when look-ups are answered, else the reason for being shut. Ready asks no database.
func (o *Office) Ready(context.Context) error {
	_, err := o.openLog()
	return err
}
