package embedded

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/rs/zerolog"
)

// SupervisedEngine is a process that may end by itself.
type SupervisedEngine interface {
	Done() <-chan struct{} // closed when the process has ended
	Err() error            // cause of the end
	Stop(ctx context.Context) error
}

// Supervision describes how an engine is kept running.
type Supervision[E SupervisedEngine] struct {
	Name       string                           // the engine's name in messages. Example: ClickHouse
	Start      func(context.Context) (E, error) // starts the engine at the first engine's address
	Meanwhile  string                           // for users while the engine is away
	KeepTrying bool                             // the engine is never given up; the rest of the program goes on
	GivenUp    string                           // for users when the engine stays away
	Logger     zerolog.Logger
}

// Supervisor starts a dead engine again. Safe for concurrent use.
type Supervisor[E SupervisedEngine] struct {
	cfg Supervision[E]

	mu     sync.Mutex // guards engine
	engine E

	stopping context.CancelFunc
	watched  chan struct{} // closed when the watch has ended
	dead     chan error    // the engine could not be started again
}

// A killed engine is started again after any number of kills. An engine that does not start, or that keeps dying by
// itself, is given up.
const (
	startTries    = 8           // failed starts in a row
	quickDeaths   = 40          // deaths in a row, each within crashLoopSpan of the start
	crashLoopSpan = time.Minute // a longer life counts as sound
	longestPause  = 10 * time.Second
)

// Supervise watches a running engine until Stop. The watch outlives ctx, and uses only the values of ctx.
func Supervise[E SupervisedEngine](ctx context.Context, first E, cfg Supervision[E]) *Supervisor[E] {
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Supervisor[E]{cfg: cfg, engine: first, stopping: cancel, watched: make(chan struct{}), dead: make(chan error, 1)}
	go s.watchEngine(watch)
	return s
}

// Current returns the running engine, else the engine that ran last.
func (s *Supervisor[E]) Current() E {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// Dead delivers an error when the engine is given up.
func (s *Supervisor[E]) Dead() <-chan error { return s.dead }

// Stop ends the watch and the engine.
func (s *Supervisor[E]) Stop(ctx context.Context) error {
	s.stopping()
	<-s.watched
	return s.Current().Stop(ctx)
}

func (s *Supervisor[E]) watchEngine(ctx context.Context) {
	defer close(s.watched)
	deaths := 0
	for {
		e, began := s.Current(), time.Now()
		select {
		case <-ctx.Done():
			return
		case <-e.Done():
		}
		if deaths++; time.Since(began) > crashLoopSpan {
			deaths = 1
		}
		s.cfg.Logger.Error().Err(e.Err()).Int("restart", deaths).Msg(s.cfg.Name + " ended by itself; starting it again. " + s.cfg.Meanwhile)
		next, err := s.restartEngine(ctx, deaths)
		if err != nil {
			if ctx.Err() == nil {
				s.dead <- fmt.Errorf("%s died and could not be started again: %w; %s", strings.ToLower(s.cfg.Name), err, s.cfg.GivenUp)
			}
			return
		}
		s.mu.Lock()
		s.engine = next
		s.mu.Unlock()
	}
}

// restartEngine starts the engine until the engine answers. The first restarts come at once. Later restarts come after
// a pause, which grows by a second a death, up to longestPause; a failed start doubles the pause.
func (s *Supervisor[E]) restartEngine(ctx context.Context, deaths int) (next E, err error) {
	if deaths > quickDeaths && !s.cfg.KeepTrying {
		return next, fmt.Errorf("it died %d times in a row, each within %v: %w", deaths, crashLoopSpan, s.Current().Err())
	}
	pause := min(time.Duration(max(deaths-5, 0))*time.Second, longestPause)
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return next, ctx.Err()
	}
	tries, most := 0, uint(startTries)
	if s.cfg.KeepTrying {
		most = 0 // no limit
	}
	return backoff.Retry(ctx, func() (E, error) { return s.cfg.Start(ctx) }, backoff.WithMaxTries(most), backoff.WithMaxElapsedTime(0),
		backoff.WithBackOff(&backoff.ExponentialBackOff{InitialInterval: max(pause, time.Second), Multiplier: 2, MaxInterval: longestPause}),
		backoff.WithNotify(func(err error, _ time.Duration) {
			tries++
			s.cfg.Logger.Error().Err(err).Int("try", tries).Msg(s.cfg.Name + " does not start; trying again")
		}))
}
