package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// The simulation's scheduler. Every outside action of the pipeline (fetch, commit, insert, acknowledgement, join) is
// an op: the caller waits in awaitOp until the scheduler executes it. The scheduler waits until every goroutine is
// blocked, gives each new op a seeded latency, sleeps until the earliest op is due and executes it alone. Between two
// executions nothing outside changes, so the same seed gives the same schedule, as the trace hash shows.
//
// Virtual time is testing/synctest's: it moves only when everything is blocked.
type sched struct {
	rng   *rand.Rand // used by the scheduler's goroutine only
	trace hash.Hash64
	steps int
	began time.Time
	keep  bool // also keep the trace's lines
	lines []string

	mu      sync.Mutex // guards what follows
	fresh   []*op      // registered, not yet given a latency
	waiting []*op
	arrived chan struct{}
}

// op is one await point. Its effect runs in the scheduler's goroutine, alone.
type op struct {
	key    string // unique among the ops waiting: orders what arrives at the same instant
	ctx    context.Context
	owner  *simWorker // nil: the scheduler's own
	kind   opKind
	due    time.Time
	effect func() error
	done   chan error
}

// opKind chooses latencies and faults.
type opKind uint8

const (
	opFetch opKind = iota
	opCommit
	opCommitted
	opInsert
	opState
	opAck
	opJoin
	opScript // the scheduler's own: timeouts, scripted events
)

func (k opKind) String() string {
	return [...]string{"fetch", "commit", "committed", "insert", "state", "ack", "join", "script"}[k]
}

func newSched(rng *rand.Rand) *sched {
	return &sched{rng: rng, trace: fnv.New64a(), began: time.Now(), arrived: make(chan struct{}, 1)}
}

// awaitOp registers an op and waits for its execution or for ctx.
func (s *sched) awaitOp(ctx context.Context, w *simWorker, kind opKind, key string, effect func() error) error {
	o := &op{key: key, ctx: ctx, owner: w, kind: kind, effect: effect, done: make(chan error, 1)}
	s.registerOp(o)
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sched) registerOp(o *op) {
	s.mu.Lock()
	s.fresh = append(s.fresh, o)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// executeAfter executes effect in d. Only the scheduler's goroutine calls it.
func (s *sched) executeAfter(d time.Duration, key string, effect func()) {
	o := &op{key: key, kind: opScript, due: time.Now().Add(d), effect: func() error { effect(); return nil }, done: make(chan error, 1)}
	s.mu.Lock()
	s.waiting = append(s.waiting, o)
	s.mu.Unlock()
}

var errStuck = errors.New("stuck")

// run executes ops until done or until there were most of them.
func (s *sched) run(most int, latency func(*op) time.Duration, execute func(*op) (string, error), done func() bool) error {
	for {
		synctest.Wait()
		if done() {
			return nil
		}
		if s.steps > most {
			return errStuck
		}
		o := s.nextOp(latency)
		if o == nil { // everything waits for a timer of the pipeline
			select {
			case <-s.arrived:
			case <-time.After(2 * time.Hour):
				return errStuck
			}
			continue
		}
		if d := time.Until(o.due); d > 0 {
			select {
			case <-s.arrived:
				continue // something new may be due earlier
			case <-time.After(d):
			}
			synctest.Wait()
			if s.hasFresh() {
				continue
			}
		}
		s.removeOp(o)
		s.steps++
		what, err := execute(o)
		s.addTrace("%s: %s", o.key, what)
		o.done <- err
	}
}

// addTrace adds a line to the trace.
func (s *sched) addTrace(format string, args ...any) {
	_, _ = fmt.Fprintf(s.trace, "%d ", time.Since(s.began).Microseconds())
	_, _ = fmt.Fprintf(s.trace, format, args...)
	if s.keep {
		s.lines = append(s.lines, fmt.Sprintf("%v ", time.Since(s.began))+fmt.Sprintf(format, args...))
	}
}

func (s *sched) hasFresh() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fresh) > 0
}

// nextOp admits what is new, in key order, drops what nobody waits for any more, and returns the op due first.
func (s *sched) nextOp(latency func(*op) time.Duration) *op {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.fresh, func(a, b *op) int { return strings.Compare(a.key, b.key) })
	for _, o := range s.fresh {
		o.due = time.Now().Add(latency(o))
	}
	s.waiting = append(s.waiting, s.fresh...)
	s.fresh = s.fresh[:0]
	var first *op
	kept := s.waiting[:0]
	for _, o := range s.waiting {
		if o.ctx != nil && o.ctx.Err() != nil {
			continue
		}
		kept = append(kept, o)
		if first == nil || o.due.Before(first.due) || o.due.Equal(first.due) && o.key < first.key {
			first = o
		}
	}
	s.waiting = kept
	return first
}

func (s *sched) removeOp(o *op) {
	s.mu.Lock()
	s.waiting = slices.DeleteFunc(s.waiting, func(x *op) bool { return x == o })
	s.mu.Unlock()
}

// takeOrphans returns a worker's ops under way and removes them.
func (s *sched) takeOrphans(w *simWorker) (out []*op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.waiting {
		if o.owner == w {
			out = append(out, o)
		}
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(x *op) bool { return x.owner == w })
	slices.SortFunc(out, func(a, b *op) int { return strings.Compare(a.key, b.key) })
	return out
}
