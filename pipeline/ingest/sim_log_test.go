package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// simLog is the broker's topic and its group's commits. Only the scheduler's goroutine touches it during a run.
type simLog struct {
	parts     []simPart
	clock     schemas.Micros // date of what is appended
	committed map[int32]simCommit
}

// simPart is one partition. Offsets may have holes, as compaction and transaction markers leave them.
type simPart struct {
	offsets    []int64
	values     [][]byte
	dated      []schemas.Micros // by the broker
	first, end int64
	poison     Loss // records that no fetch brings
}

type simCommit struct {
	offset   int64
	metadata string
}

func newSimLog(partitions int) *simLog {
	return &simLog{parts: make([]simPart, partitions), committed: map[int32]simCommit{}}
}

// appendRecord adds a record after skip offsets that no record has.
func (l *simLog) appendRecord(p int32, v []byte, skip int64) {
	x := &l.parts[p]
	x.offsets = append(x.offsets, x.end+skip)
	x.values = append(x.values, v)
	x.dated = append(x.dated, l.clock)
	x.end += skip + 1
}

// offsetAt returns the first offset dated at that time or later, the end when there is none.
func (x *simPart) offsetAt(at schemas.Micros) int64 {
	if i := slices.IndexFunc(x.dated, func(d schemas.Micros) bool { return d >= at }); i >= 0 {
		return x.offsets[i]
	}
	return x.end
}

// truncateLog removes the records below offset, as retention does.
func (l *simLog) truncateLog(p int32, offset int64) {
	x := &l.parts[p]
	i, _ := slices.BinarySearch(x.offsets, offset)
	x.offsets, x.values, x.dated, x.first = x.offsets[i:], x.values[i:], x.dated[i:], max(offset, x.first)
}

// allCommitted reports whether everything is committed.
func (l *simLog) allCommitted() bool {
	for p := range l.parts {
		x := &l.parts[p]
		c := l.committed[int32(p)]
		if n := len(x.offsets); n > 0 && c.offset <= x.offsets[n-1] {
			return false
		}
		if plan, err := ParsePlan(c.metadata, c.offset); err != nil || plan.UnderWay() {
			return false
		}
	}
	return true
}

const (
	simSessionTimeout = 1500 * time.Millisecond
	simRebalance      = 400 * time.Millisecond // how long a rebalance waits for the members it knows
)

// simCoordinator is the group's coordinator under Kafka's classic protocol: a join, a leave or an expiry starts a
// rebalance. The rebalance completes when every known member has joined or its time is over; members without a join
// are out. Their generation is then stale and their commits are refused.
type simCoordinator struct {
	sim       *sim
	gen       int
	members   map[int]*simWorker
	joining   map[int]func(*simSession)
	preparing int // number of the rebalance under way, 0 = none
	rounds    int
}

func (c *simCoordinator) joinMember(w *simWorker, ready func(*simSession)) {
	c.members[w.id] = w
	c.joining[w.id] = ready
	c.startRebalance()
}

// startRebalance starts a rebalance, or completes it when nobody is missing.
func (c *simCoordinator) startRebalance() {
	if c.preparing == 0 {
		c.rounds++
		c.preparing = c.rounds
		round := c.rounds
		for _, id := range slices.Sorted(maps.Keys(c.members)) {
			c.notifyMember(c.members[id])
		}
		c.sim.s.executeAfter(simRebalance, fmt.Sprintf("rebalance %d over", round), func() {
			if c.preparing == round {
				c.completeRebalance()
			}
		})
	}
	for id := range c.members {
		if c.joining[id] == nil {
			return
		}
	}
	c.completeRebalance()
}

// notifyMember ends the member's session at its next heartbeat. A frozen worker has none until it wakes up.
func (c *simCoordinator) notifyMember(w *simWorker) {
	sess := w.session
	if sess == nil {
		return
	}
	d := c.sim.drawBetween(time.Millisecond, 60*time.Millisecond)
	if woken := time.Until(w.frozen); woken > 0 {
		d = woken + c.sim.drawBetween(time.Millisecond, 500*time.Millisecond)
	}
	c.sim.s.executeAfter(d, fmt.Sprintf("w%d hears that generation %d is over", w.id, sess.gen), sess.cancel)
}

func (c *simCoordinator) completeRebalance() {
	c.preparing = 0
	c.gen++
	ids := slices.Sorted(maps.Keys(c.joining))
	for id := range c.members {
		if c.joining[id] == nil {
			delete(c.members, id)
		}
	}
	for i, id := range ids {
		w := c.members[id]
		ctx, cancel := context.WithCancel(w.life)
		sess := &simSession{w: w, gen: c.gen, ctx: ctx, cancel: cancel}
		for p := range c.sim.log.parts {
			if (p+c.gen)%len(ids) == i {
				sess.partitions = append(sess.partitions, int32(p))
			}
		}
		w.session = sess
		c.joining[id](sess)
	}
	clear(c.joining)
}

// removeMember takes a member out, after its leave or after its session timed out.
func (c *simCoordinator) removeMember(id int) {
	if c.members[id] == nil {
		return
	}
	delete(c.members, id)
	delete(c.joining, id)
	if len(c.members) > 0 {
		c.startRebalance()
	}
}

// simGroup is one worker's membership.
type simGroup struct {
	w    *simWorker
	wg   sync.WaitGroup
	last *simSession
}

func (g *simGroup) Close() error { return nil }

// Next waits for the end of the generation before, then joins and waits for the new generation.
func (g *simGroup) Next(ctx context.Context) (Generation, error) {
	if g.last != nil {
		<-g.last.ctx.Done()
	}
	g.wg.Wait()
	ready := make(chan *simSession, 1)
	err := g.w.sim.s.awaitOp(ctx, g.w, opJoin, fmt.Sprintf("w%d join", g.w.id), func() error {
		g.w.sim.coord.joinMember(g.w, func(s *simSession) { ready <- s })
		return nil
	})
	if err != nil {
		return nil, err
	}
	select {
	case s := <-ready:
		s.g, g.last = g, s
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type simSession struct {
	g          *simGroup
	w          *simWorker
	gen        int
	ctx        context.Context
	cancel     context.CancelFunc
	partitions []int32
}

func (s *simSession) Partitions() []int32 { return s.partitions }

func (s *simSession) Go(f func(ctx context.Context)) {
	s.g.wg.Go(func() {
		defer s.cancel()
		f(s.ctx)
	})
}

func (s *simSession) awaitOp(ctx context.Context, kind opKind, p int32, what string, effect func() error) error {
	return s.w.sim.s.awaitOp(ctx, s.w, kind, fmt.Sprintf("w%d g%d p%d %s", s.w.id, s.gen, p, what), effect)
}

func (s *simSession) Committed(ctx context.Context, p int32) (offset int64, metadata string, err error) {
	err = s.awaitOp(ctx, opCommitted, p, "committed", func() error {
		c, ok := s.w.sim.log.committed[p]
		if !ok {
			c.offset = -1
		}
		offset, metadata = s.w.sim.mut.mutateCommitted(c)
		return nil
	})
	return offset, metadata, err
}

func (s *simSession) Commit(ctx context.Context, p int32, offset int64, metadata string) error {
	return s.awaitOp(ctx, opCommit, p, fmt.Sprintf("commit %d %s", offset, metadata), func() error {
		m := s.w.sim
		if (s.gen != m.coord.gen || m.coord.members[s.w.id] == nil) && !m.mut.unfenced {
			m.stats.fenced++
			return fmt.Errorf("generation %d of %d: %w", s.gen, m.coord.gen, ErrFenced)
		}
		offset, metadata := m.mut.mutateCommit(offset, metadata)
		m.checkDurable(p, offset)
		m.log.committed[p] = simCommit{offset, metadata}
		return nil
	})
}

func (s *simSession) Bounds(ctx context.Context, p int32) (first, end int64, err error) {
	err = s.awaitOp(ctx, opCommitted, p, "bounds", func() error {
		x := &s.w.sim.log.parts[p]
		first, end = x.first, x.end
		return nil
	})
	return first, end, err
}

func (s *simSession) OffsetAt(ctx context.Context, p int32, at schemas.Micros) (offset int64, err error) {
	err = s.awaitOp(ctx, opCommitted, p, "offset by time", func() error {
		offset = s.w.sim.log.parts[p].offsetAt(at)
		return nil
	})
	return offset, err
}

func (s *simSession) Tick(ctx context.Context, p int32, at schemas.Micros) error {
	return s.awaitOp(ctx, opCommit, p, "tick", func() error {
		s.w.sim.log.appendRecord(p, tickRecord(at), 0)
		return nil
	})
}

func (s *simSession) Mark(ctx context.Context, p int32, at schemas.Micros) error {
	return s.awaitOp(ctx, opCommit, p, "mark", func() error {
		s.w.sim.log.appendRecord(p, markRecord(at), 0)
		return nil
	})
}

func (s *simSession) Open(_ context.Context, p int32, offset int64) (Reader, error) {
	return &simReader{s: s, p: p, next: offset}, nil
}

type simReader struct {
	s      *simSession
	p      int32
	next   int64
	opened int       // fetches so far
	last   time.Time // when the last Fetch returned
}

func (r *simReader) Close() error { return nil }

// Fetch takes some records, rarely all there are.
func (r *simReader) Fetch(ctx context.Context, into *shard.Records) error {
	r.opened++
	err := r.s.awaitOp(ctx, opFetch, r.p, fmt.Sprintf("fetch %d", r.next), func() error {
		m := r.s.w.sim
		x := &m.log.parts[r.p]
		if r.next < x.first || r.next > x.end {
			return fmt.Errorf("%w: offset %d is not in [%d, %d]", ErrStop, r.next, x.first, x.end)
		}
		if r.next >= x.poison.Start && r.next < x.poison.End {
			return &UnreadableError{x.poison.Start, x.poison.End, errors.New("poison")}
		}
		into.HighWater = x.end
		i, _ := slices.BinarySearch(x.offsets, r.next)
		if m.mut.dropsWhenFull && r.opened > 1 && time.Since(r.last) > 15*time.Millisecond {
			i = min(i+7, len(x.offsets))
		}
		for _, k := range x.offsets[i:min(i+1+m.rng.IntN(cmp.Or(m.fetchMost, 120)), len(x.offsets))] {
			if x.poison.End > 0 && r.next <= x.poison.Start && k >= x.poison.Start { // what came before it came too
				return &UnreadableError{x.poison.Start, x.poison.End, errors.New("poison")}
			}
			into.Append(k, x.values[i])
			r.next = k + 1
			i++
		}
		if m.onFetch != nil {
			m.onFetch(r.p, r.next)
		}
		return nil
	})
	if err == nil && into.Len() == 0 {
		err = pauseErr(ctx, cmp.Or(r.s.w.sim.poll, 100*time.Millisecond))
	}
	if d := time.Duration(into.Len()) * r.s.w.sim.perRecord; err == nil && d > 0 {
		err = pauseErr(ctx, d)
	}
	r.last = time.Now()
	return err
}

func pauseErr(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drawBetween draws a duration with an odd number of nanoseconds, so no two timers end at the same instant.
func (m *sim) drawBetween(lo, hi time.Duration) time.Duration {
	return cmp.Or(lo+time.Duration(m.rng.Int64N(int64(hi-lo)))|1, 1)
}
