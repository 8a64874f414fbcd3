package office

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// errShut is what a look-up is told while the office is shut. The reason behind it holds no plate.
var errShut = errors.New("the office is shut until its access log holds: no look-up is answered without its entry")

// tryToOpen opens the access log; after a failure the office is shut with the reason.
func (o *Office) tryToOpen(ctx context.Context) bool {
	err := o.cfg.MayWrite()
	if err == nil {
		var l *access.Log
		if l, err = access.OpenLog(ctx, o.store, o.cfg.Now); err == nil {
			o.log.Store(l)
		}
	}
	o.mu.Lock()
	told := err != nil && o.shut != nil && o.shut.Error() == err.Error()
	o.shut = err
	o.mu.Unlock()
	if err != nil {
		o.cfg.Metrics.LogOK.Set(0)
		if !told {
			o.cfg.Logger.Error().Err(err).Msg("the office is shut: no look-up is answered; cameras and pipeline go on")
		}
		return false
	}
	o.cfg.Metrics.LogOK.Set(1)
	o.noteHead()
	return true
}

// keepOpen opens the log again whenever it is shut, until the context ends.
func (o *Office) keepOpen(ctx context.Context) {
	tick := time.NewTicker(o.cfg.ReopenEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := o.openLog(); err == nil {
			continue
		}
		if o.tryToOpen(ctx) {
			o.cfg.Logger.Info().Msg("the access log holds: the office is open")
		}
	}
}

// openLog returns the access log, or why the office is shut. An office that lost the right to write opens the log anew once it has it
// again: another one may have added entries.
func (o *Office) openLog() (*access.Log, error) {
	l := o.log.Load()
	if l != nil {
		err := o.cfg.MayWrite()
		if err == nil {
			return l, nil
		}
		o.mu.Lock()
		o.shut = err
		o.mu.Unlock()
		if o.log.CompareAndSwap(l, nil) {
			o.cfg.Metrics.LogOK.Set(0)
			o.cfg.Logger.Error().Err(err).Msg("the office is shut: no look-up is answered; cameras and pipeline go on")
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return nil, fmt.Errorf("%w: %w", errShut, o.shut)
}

// Ready reports whether look-ups are answered; the error is why not. It asks no database.
func (o *Office) Ready(context.Context) error {
	l, err := o.openLog()
	switch {
	case err != nil:
		o.cfg.Metrics.LogOK.Set(0)
		return err
	case l.Forked():
		o.cfg.Metrics.LogOK.Set(0)
		return access.ErrForked
	}
	o.cfg.Metrics.LogOK.Set(1)
	return nil
}
