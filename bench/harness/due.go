package harness

import (
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

// dueTimes says when a read was due.
type dueTimes struct {
	byID bool // the target is a gateway: received_at is not the due time

	mu    sync.Mutex // guards the fields below
	from  schemas.Micros
	after schemas.Micros // the warm-up's end: earlier reads are counted and not timed
	due   map[schemas.ReadID]schemas.Micros
}

func (s *dueTimes) beginRun(at time.Time, warmup time.Duration) {
	s.mu.Lock()
	s.from, s.after = schemas.MicrosOf(at), schemas.MicrosOf(at.Add(warmup))
	s.mu.Unlock()
}

// noteDue remembers when a read is due. A retransmission keeps the first time.
func (s *dueTimes) noteDue(ev *bench.Event, due time.Time) {
	id := ev.ReadID()
	s.mu.Lock()
	if _, again := s.due[id]; !again {
		s.due[id] = schemas.MicrosOf(due)
	}
	s.mu.Unlock()
}

// dueOf returns when the read was due; timed is false in the warm-up, and known for reads that are not this run's.
func (s *dueTimes) dueOf(received schemas.Micros, id schemas.ReadID) (due schemas.Micros, known, timed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID {
		if received, known = s.due[id]; !known {
			return 0, false, false
		}
	}
	if s.from == 0 || received < s.from {
		return 0, false, false
	}
	return received, true, received >= s.after
}
