package reference

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Options of a [Store]. The zero value is usable.
type Options struct {
	// Interval between two checks of the files. Default 2 s.
	Interval time.Duration
	// AllowShrink accepts changes typical for a broken delivery: more than half the records or a list lost, a list empty
	// or gone, a register going back in time.
	AllowShrink bool
	// IndexDir keeps compiled tables of the vehicles and lists, so a start does not parse them again: 30 bytes a vehicle,
	// 90 an entry. It is created when absent; only this user can read it. Empty: no tables are kept.
	IndexDir string
	// Ticks replaces the ticker of Interval, for tests.
	Ticks <-chan time.Time
	// Now is the clock for the metrics and the log. Default time.Now.
	Now func() time.Time
	// Metrics may be nil.
	Metrics *Metrics
	// Log receives Run's messages.
	Log zerolog.Logger
}

// Store keeps the current version of a directory's reference data. Its methods are safe for concurrent use.
type Store struct {
	dir     string
	opt     Options
	current atomic.Pointer[Snapshot]
	trigger chan struct{}

	mu    sync.Mutex // allows one load at a time
	tried uint64     // fingerprint of the directory before the last load which accepted or refused the content; 0 = none
}

// NewStore loads the directory. There is no earlier version for comparison, so a suspiciously small version is taken.
func NewStore(dir string, opt Options) (*Store, error) {
	if opt.Interval <= 0 {
		opt.Interval = 2 * time.Second
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Metrics == nil {
		opt.Metrics = NewMetrics(nil, opt.Now)
	}
	s := &Store{dir: dir, opt: opt, trigger: make(chan struct{}, 1)}
	if err := s.Reload(context.Background()); err != nil {
		return nil, err
	}
	return s, nil
}

// Current returns the version in use. A caller which needs several answers from one version keeps the pointer.
func (s *Store) Current() *Snapshot { return s.current.Load() }

// Reload loads the directory and makes a correct version current. On an error the previous version stays; the error
// wraps an *Error when the content was refused. When the content equals the current version, the snapshot stays the
// same.
func (s *Store) Reload(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := s.opt.Now()
	s.opt.Metrics.reloads.Inc()
	s.tried = fingerprintOf(s.dir)
	prev := s.current.Load()
	next, err := loadSnapshot(ctx, s.dir, s.newIndexDir(), prev)
	if next.sourceBytes() > muchParsed || err != nil {
		debug.FreeOSMemory() // parsing's garbage can be many times the size of the result
	}
	if err == nil && prev != nil && !s.opt.AllowShrink {
		if found := suspiciousChanges(prev.Stats(), prev.dates(), next, "the version in use has"); len(found) > 0 {
			err = &Error{Problems: found}
		}
	}
	if err != nil {
		if _, refused := errors.AsType[*Error](err); !refused {
			s.tried = 0 // not the content's fault: try again
		}
		s.opt.Metrics.failures.Inc()
		return fmt.Errorf("load reference data: %w", err)
	}
	found := next.findDoubts()
	if prev == nil {
		found = append(found, s.sinceLastStart(next)...)
	}
	if prev != nil && prev.version == next.version {
		next = prev
	} else {
		s.tellDoubts(next, found)
	}
	s.current.Store(next)
	end := s.opt.Now()
	s.opt.Metrics.noteLoad(next, end, end.Sub(begin))
	return nil
}

// newIndexDir returns the directory for compiled tables, with metrics and log.
func (s *Store) newIndexDir() indexDir {
	return indexDir{path: s.opt.IndexDir, report: func(kind, result string, err error) {
		s.opt.Metrics.index.WithLabelValues(kind, result).Inc()
		if err != nil {
			s.opt.Log.Warn().Err(err).Msg("index file of the reference data not used; the files are parsed instead")
		}
	}}
}

// muchParsed is the number of file bytes from which a collection afterwards pays.
const muchParsed = 8 << 20

// Trigger makes Run reload now, even when no file looks changed. It does not wait; SIGHUP uses it.
func (s *Store) Trigger() {
	select {
	case s.trigger <- struct{}{}:
	default: // another trigger is waiting
	}
}

// Run reloads when the files change, and at a Trigger, until the context ends; then it returns nil. A change is loaded
// after two equal checks in a row. Refusals are logged and counted, and tried again only after another change.
func (s *Store) Run(ctx context.Context) error {
	ticks := s.opt.Ticks
	if ticks == nil {
		t := time.NewTicker(s.opt.Interval)
		defer t.Stop()
		ticks = t.C
	}
	var seen uint64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.trigger:
			s.reloadLogged(ctx)
		case <-ticks:
			seen = s.checkForChange(ctx, seen)
		}
	}
}

// checkForChange reloads when the files are as at the last check, and not as at the last load.
func (s *Store) checkForChange(ctx context.Context, seen uint64) uint64 {
	now := fingerprintOf(s.dir)
	if now == seen && now != s.lastTried() {
		s.reloadLogged(ctx)
	}
	return now
}

func (s *Store) lastTried() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

func (s *Store) reloadLogged(ctx context.Context) {
	before := s.Current().Version()
	err := s.Reload(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.logRefused(err, before)
	case s.Current().Version() != before:
		s.opt.Log.Info().Str("version", s.Current().Version()).Str("previous", before).Msg("reference data reloaded")
	}
}

// shownProblems bounds the problems with a log line of their own; the last line tells how many more there are.
const shownProblems = 20

// logRefused writes a line for each problem: a log viewer cuts a single long line off.
func (s *Store) logRefused(err error, stays string) {
	const refused = "reference data refused, the previous version stays: correct the files"
	log := s.opt.Log
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Problems) == 1 && !e.More {
		log.Error().Err(err).Str("version", stays).Msg(refused)
		return
	}
	shown := e.Problems[:min(len(e.Problems), shownProblems)]
	for i, p := range shown {
		log.Error().Str("problem", fmt.Sprintf("%d of %d", i+1, len(e.Problems))).Msg(p.String())
	}
	last := log.Error().Int("problems", len(e.Problems)).Str("version", stays)
	if n := len(e.Problems) - len(shown); n > 0 {
		last = last.Str("more", fmt.Sprintf("and %d more", n))
	}
	if e.More {
		last = last.Bool("given_up", true) // a file has at least maxProblems
	}
	last.Msg(refused)
}
