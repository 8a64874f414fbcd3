package bench

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// LoadRecord is a read on its way to a target. It belongs to the runner again when Deliver returns: a target keeps no
// reference.
type LoadRecord struct {
	Value    []byte
	Camera   string
	Class    schemas.Class
	Received schemas.Micros // the log's clock: received_at_us and the message's time
	Due      time.Duration  // after the run's start
	Buffered bool           // may be said to come from the camera's buffer
	// Refused is set by Deliver when the target refused the read for good.
	Refused schemas.Reason
	// Retries is set by Deliver: how often the read was sent again.
	Retries uint32
}

// Target receives a load.
type Target interface {
	// Lanes is the number of lanes, above 0 and constant. A lane's records are delivered in order, batch after batch;
	// lanes run at the same time.
	Lanes() int
	// Lane returns a record's lane. Called from one goroutine.
	Lane(r *LoadRecord) int
	// MaxBatch is the largest batch for Deliver, above 0 and constant. 1 gives every record its own latency.
	MaxBatch() int
	// Uploads reports the records' form: true for a camera's upload body, false for a log record.
	Uploads() bool
	// Deliver sends the batch and returns when every record is acknowledged or refused. It tries again by itself for as
	// long as ctx lasts; an error means that no record in the batch counts as sent. Called from one goroutine per lane.
	Deliver(ctx context.Context, lane int, batch []*LoadRecord) error
	// Close releases the target after the last Deliver; it reports unwritten records.
	Close() error
}

// pauses is the back-off between tries: 20 ms, doubled up to 2 s.
type pauses struct{ next time.Duration }

// sleepNext sleeps, at least for least; it returns the context's error when the context ends first.
func (p *pauses) sleepNext(ctx context.Context, least time.Duration) error {
	p.next = min(max(2*p.next, 20*time.Millisecond), 2*time.Second)
	timer := time.NewTimer(max(p.next, least))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
