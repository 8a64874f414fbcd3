package sink

import (
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// message is an encoded record on its way to an output topic.
type message struct {
	key, value []byte
	pending    *ingest.Pending
	since      time.Time
	shrink     func(value []byte) ([]byte, bool) // makes a smaller value, false when it cannot; nil when nothing may be cut
}

func (m *message) wireSize() int { return len(m.key) + len(m.value) + recordOverhead }

// recordOverhead bounds the bytes that the broker's record format adds to key and value.
const recordOverhead = 128

// messageQueue holds a topic's waiting messages, bounded in messages and bytes; pushMessage waits for room.
type messageQueue struct {
	maxMessages, maxBytes int

	mu       sync.Mutex // guards the fields below and the conditions
	room     *sync.Cond
	gathered *sync.Cond
	items    []message
	bytes    int
	closed   bool
}

func newQueue(maxMessages, maxBytes int) *messageQueue {
	q := &messageQueue{maxMessages: maxMessages, maxBytes: maxBytes}
	q.room, q.gathered = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	return q
}

// pushMessage adds a message and waits for room; false when the queue was closed. A message larger than the whole
// bound is taken when the queue is empty.
func (q *messageQueue) pushMessage(m message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && len(q.items) > 0 && (len(q.items) >= q.maxMessages || q.bytes+m.wireSize() > q.maxBytes) {
		q.room.Wait()
	}
	if q.closed {
		return false
	}
	q.items = append(q.items, m)
	q.bytes += m.wireSize()
	q.gathered.Signal()
	return true
}

// takeGathered waits for the first message, then moves the waiting messages into dst, up to the limits but at least
// one. It returns false when the queue is closed and empty.
func (q *messageQueue) takeGathered(dst []message, limit, limitBytes int) ([]message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		if q.closed {
			return dst, false
		}
		q.gathered.Wait()
	}
	n, bytes := 0, 0
	for n < len(q.items) && n < limit {
		size := q.items[n].wireSize()
		if n > 0 && bytes+size > limitBytes {
			break
		}
		bytes += size
		n++
	}
	dst = append(dst, q.items[:n]...)
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	q.bytes -= bytes
	q.room.Broadcast()
	return dst, true
}

// close refuses further messages and wakes all waiting callers. The messages inside can still be taken.
func (q *messageQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.room.Broadcast()
	q.gathered.Broadcast()
}
