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
	// Interval between two looks at the files. Default 2 s.
	Interval time.Duration
	// AllowShrink accepts what looks like a broken delivery: records or a list lost by more than half, a list that is
	// empty or gone, a register that goes back in time.
	AllowShrink bool
	// IndexDir keeps compiled tables of the vehicles and lists, so that a start does not parse them again: 30 bytes a vehicle,
	// 90 an entry. It is made when it is not there; only this user can read it. Empty: none are kept.
	IndexDir string
	// Ticks replaces the ticker of Interval, for tests.
	Ticks <-chan time.Time
	// Now is the clock of the metrics and the log. Default time.Now.
	Now func() time.Time
	// Metrics may be nil.
	Metrics *Metrics
	// Log of what Run does.
	Log zerolog.Logger
}

// Store keeps the current version of the reference data of one directory. Its methods are safe for concurrent use.
type Store struct {
	dir     string
	opt     Options
	current atomic.Pointer[Snapshot]
	trigger chan struct{}

	mu    sync.Mutex // one load at a time
	tried uint64     // fingerprint of the directory before the last load that ended in a verdict; 0 = none
}

// NewStore loads the directory. There is no earlier version to compare with, so a suspiciously small one is taken.
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

// Current returns the version in use. Whoever needs several answers of one version keeps the pointer.
func (s *Store) Current() *Snapshot { return s.current.Load() }

// Reload loads the directory and, if it is in order, makes it the current version. On an error the previous version
// stays; the error wraps an *Error when the content was refused. When the content is that of the current version, the
// snapshot stays the same.
func (s *Store) Reload(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := s.opt.Now()
	s.opt.Metrics.reloads.Inc()
	s.tried = fingerprintOf(s.dir)
	prev := s.current.Load()
	next, err := loadSnapshot(ctx, s.dir, s.newIndexDir(), prev)
	if next.sourceBytes() > muchParsed || err != nil {
		debug.FreeOSMemory() // what parsing left behind can be many times what is kept
	}
	if err == nil && prev != nil && !s.opt.AllowShrink {
		if found := suspiciousChanges(prev.Stats(), prev.registersAsOf(), next, "the version in use has"); len(found) > 0 {
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

// newIndexDir is where compiled tables are kept.
func (s *Store) newIndexDir() indexDir {
	return indexDir{path: s.opt.IndexDir, report: func(kind, result string, err error) {
		s.opt.Metrics.index.WithLabelValues(kind, result).Inc()
		if err != nil {
			s.opt.Log.Warn().Err(err).Msg("index file of the reference data not used; the files are parsed instead")
		}
	}}
}

// muchParsed is how many bytes of files are worth a collection afterwards.
const muchParsed = 8 << 20

// Trigger makes Run reload now, also when no file looks changed. It does not wait; it is meant for SIGHUP.
func (s *Store) Trigger() {
	select {
	case s.trigger <- struct{}{}:
	default: // one is waiting already
	}
}

// Run reloads when the files change, and at a Trigger, until the context ends; it returns nil then. A change is loaded
// once two looks in a row saw the same. Refusals are logged and counted, and tried again only after another change.
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

// checkForChange reloads when the files are as they were at the last look, and not as they were at the last load.
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

// shownProblems is how many problems of refused files have a line of the log of their own; the last line says how many more there are.
const shownProblems = 20

// logRefused writes a line for each problem: in one line together the last of them are cut off by whatever shows the log.
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
