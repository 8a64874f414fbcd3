package bench

import (
	"context"
	"math"
	"time"
)

// generateAhead is how much of the schedule a generator makes ahead, because drawing a picture takes longer than a read
// may be late.
const generateAhead = 3 * time.Second

// generator makes the reads of a run ahead of time, in a goroutine of its own.
type generator struct {
	events chan Event
	next   *Event // taken from events and not handed over
	stop   context.CancelFunc
	done   chan struct{}
}

// startGenerator makes reads until the schedule's end. Until it is stopped, nobody else may use the traffic.
func (r *run) startGenerator(ctx context.Context) *generator {
	ctx, stop := context.WithCancel(ctx)
	n, d := r.scheduleLimit()
	room := int(generateAhead.Seconds()) * r.traffic.cfg.Rate
	g := &generator{events: make(chan Event, min(room, 1<<15)), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		defer close(g.events)
		for i := uint64(0); i < n && r.traffic.Due() < d; i++ {
			var ev Event
			r.traffic.Next(&ev)
			select {
			case g.events <- ev:
			case <-ctx.Done():
				return
			}
		}
	}()
	return g
}

// stopGenerator returns when the goroutine has ended.
func (g *generator) stopGenerator() {
	g.stop()
	<-g.done
}

// nextDue returns when the next read is due; beyond every schedule when there is none.
func (r *run) nextDue() time.Duration {
	g := r.ahead
	if g == nil {
		return r.traffic.Due()
	}
	if g.next == nil {
		ev, more := <-g.events
		if !more {
			return math.MaxInt64
		}
		g.next = &ev
	}
	return g.next.Due
}

// makeNext fills the event with the next read, after nextDue.
func (r *run) makeNext(ev *Event) {
	if r.ahead == nil {
		r.traffic.Next(ev)
		return
	}
	*ev, r.ahead.next = *r.ahead.next, nil
}
