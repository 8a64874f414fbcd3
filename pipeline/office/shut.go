package office

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// errShut says that the office is shut. The reason behind it is for the log and /readyz; a user is told shutText.
var errShut = errors.New("the office is shut until its access log holds: no look-up is answered without its entry")

// tryToOpen opens the access log; after a failure the office is shut with the reason.
func (o *Office) tryToOpen(ctx context.Context) bool {
	var l *access.Log
	err := o.cfg.MayWrite()
	if err == nil {
		l, err = access.OpenLog(ctx, o.store, o.cfg.Now)
	}
	if err = o.notBelow(l, err); err != nil {
		l = nil
	}
	o.setLog(l, err)
	if err == nil {
		o.noteHead()
	}
	return err == nil
}

// notBelow refuses a log that ends before an entry that this process has seen: its numbers would be given twice. An operator who restored an
// older one on purpose starts the office again.
func (o *Office) notBelow(l *access.Log, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		o.seen = max(o.seen, o.log.Head().Seq)
	}
	if cut, ok := errors.AsType[*access.CutError](err); ok && cut.Holds {
		o.seen = max(o.seen, cut.Newest)
	}
	if err != nil {
		return err
	}
	if h := l.Head().Seq; h < o.seen {
		return fmt.Errorf("access log ends with entry %d and had entry %d: its end was cut off; restore it, or start the office again when it was restored so on purpose", h, o.seen)
	}
	return nil
}

// setLog opens the office with a log, or shuts it with the reason, which is told once.
func (o *Office) setLog(l *access.Log, shut error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	told := shut != nil && o.shut != nil && o.shut.Error() == shut.Error()
	if o.log != nil {
		o.seen = max(o.seen, o.log.Head().Seq)
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

// currentLog returns the log, or nil and why there is none.
func (o *Office) currentLog() (*access.Log, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log, o.shut
}

// keepOpen opens the log again whenever it is shut, and shuts the office when the log cannot be read any more, until the context ends.
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
			o.cfg.Logger.Info().Msg("the access log holds: the office is open")
		}
	}
}

// logPatience is how long the access log may take to be read while nobody asks.
const logPatience = 5 * time.Second

// shutWithoutLog shuts the office when its log cannot be read: whoever watches /readyz knows it before somebody's look-up is refused.
func (o *Office) shutWithoutLog(ctx context.Context, l *access.Log) {
	ask, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	_, _, err := o.store.Tail(ask)
	if err == nil || ctx.Err() != nil {
		return
	}
	if now, _ := o.currentLog(); now == l {
		o.setLog(nil, fmt.Errorf("read the access log: %w", err))
	}
}

// openLog returns the access log, or why the office is shut. An office that lost the right to write opens the log anew once it has it
// again: another one may have added entries.
func (o *Office) openLog() (*access.Log, error) {
	l, shut := o.currentLog()
	if shut == nil {
		if shut = o.cfg.MayWrite(); shut == nil {
			return l, nil
		}
		o.setLog(nil, shut)
	}
	return nil, fmt.Errorf("%w: %w", errShut, shut)
}

// Ready reports whether look-ups are answered; the error is why not. It asks no database.
func (o *Office) Ready(context.Context) error {
	l, err := o.openLog()
	if err != nil {
		return err
	}
	if l.Forked() {
		o.cfg.Metrics.LogOK.Set(0)
		return access.ErrForked
	}
	return nil
}
