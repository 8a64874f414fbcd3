package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// Parts are the started parts of a program, in order of dependence. Parts stop in reverse order. Not safe for
// concurrent use.
type Parts struct {
	Log zerolog.Logger

	started []startedPart
}

// startedPart is something to stop.
type startedPart struct {
	name string
	stop func(context.Context) error
}

// stopTimeout bounds the stop of a part.
const stopTimeout = 30 * time.Second

// Push adds a started part.
func (p *Parts) Push(name string, stop func(context.Context) error) {
	p.started = append(p.started, startedPart{name, stop})
}

// Stop stops all parts in reverse order, each within 30 s, and logs the time of each stop. A second call does nothing.
func (p *Parts) Stop(ctx context.Context) error {
	var errs []error
	for _, x := range slices.Backward(p.started) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		if err := x.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", x.name, err))
		}
		cancel()
		p.Log.Debug().Str("part", x.name).Dur("took", time.Since(began)).Msg("stopped")
	}
	p.started = nil
	return errors.Join(errs...)
}

// StopThrough stops parts in reverse order, up to and including the named part. Parts that started earlier stay up.
func (p *Parts) StopThrough(ctx context.Context, name string) error {
	i := slices.IndexFunc(p.started, func(x startedPart) bool { return x.name == name })
	if i < 0 {
		panic("BUG: no part " + name)
	}
	last := Parts{Log: p.Log, started: p.started[i:]}
	p.started = p.started[:i]
	return last.Stop(ctx)
}
