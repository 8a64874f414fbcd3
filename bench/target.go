package bench

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// LoadRecord is one read on its way to a target. It belongs to the runner again when Deliver returns: a target keeps nothing of it.
type LoadRecord struct {
	Value    []byte
	Camera   string
	Class    schemas.Class
	Received schemas.Micros // the log's clock: received_at_us and the message's time
	Due      time.Duration  // after the start of the run
	Buffered bool           // may be said to come from the camera's buffer
	// Refused is set by Deliver when the target answered for good that it does not take the read.
	Refused schemas.Reason
	// Retries is set by Deliver: how often the read was sent again.
	Retries uint32
}

// Target is the receiver of a load.
type Target interface {
	// Lanes is the number of lanes, above 0 and constant. Records of a lane are delivered in order, one batch at a time;
	// lanes run at the same time.
	Lanes() int
	// Lane returns the lane of a record. Called from one goroutine.
	Lane(r *LoadRecord) int
	// MaxBatch is the most records that Deliver takes at once, above 0 and constant. 1 gives every record its own latency.
	MaxBatch() int
	// Uploads reports the form of the records: true for the body that a camera posts, false for a record of the log.
	Uploads() bool
	// Deliver sends the batch and returns when all of it is acknowledged or refused. It tries again by itself for as
	// long as ctx lasts; an error means that none of the batch counts as sent. Called from one goroutine per lane.
	Deliver(ctx context.Context, lane int, batch []*LoadRecord) error
	// Close releases the target after the last Deliver; it reports what could not be written.
	Close() error
}

// pauses is the back-off between tries: 20 ms, doubled up to 2 s.
type pauses struct{ next time.Duration }

// sleepNext sleeps, at least for least; it returns the context's error when that ends first.
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
