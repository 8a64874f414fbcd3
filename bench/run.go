package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// RunConfig names the load, its target and the run's bounds. Zero fields mean the defaults.
type RunConfig struct {
	City     *City
	Traffic  TrafficConfig
	Target   Target // closed by Run
	Count    uint64 // reads to schedule; 0 = as Duration says
	Duration time.Duration
	// WallClock makes the traffic start with the run, instead of at Traffic.Start; a live pipeline needs this. A read's
	// received_at is then its due time, to the microsecond.
	WallClock bool
	// FullSpeed sends as fast as the target takes it. Latency then counts from the hand-over and hides every stall:
	// closed loop.
	FullSpeed bool
	JSON      bool          // records as canonical JSON instead of Protobuf
	InFlight  int           // reads on their way at most; default 65,536
	Drain     time.Duration // how long to wait at the end for records on their way or overdue; default 30 s
	Progress  *Progress     // counters to watch; optional
	// Warmup is the first part of the schedule, whose latencies are left out. Everything else counts from the start.
	Warmup time.Duration
	// Began is called before the first read is due, with the moment at which read 0 is; optional.
	Began func(at time.Time)
	// Handing is called for each read before the hand-over, with the due time; optional. It must be quick.
	Handing func(ev *Event, due time.Time)
}

// Progress counts the reads of a running run. All fields may be read at any time.
type Progress struct {
	Handed   atomic.Uint64 // given to the target
	Sent     atomic.Uint64 // acknowledged
	Refused  atomic.Uint64 // refused for good
	Failed   atomic.Uint64 // given up
	Overdue  atomic.Uint64 // handed over late, see Result
	Buffered atomic.Uint64 // held up for seconds, and sent as from the camera's buffer
	Bytes    atomic.Uint64 // total size of the values handed over
}

// bufferedAfter is the age from which an upload carries the late-upload flag, as if from the camera's buffer: a
// machine too slow for the load held it up. Without the flag, reads this late would count as a wrong camera clock.
const bufferedAfter = 5 * time.Second

// overdueAfter is the hand-over delay from which a read counts as overdue.
const overdueAfter = 10 * time.Millisecond

func (c *RunConfig) setDefaults() error {
	if c.InFlight == 0 {
		c.InFlight = 1 << 16
	}
	if c.Drain == 0 {
		c.Drain = 30 * time.Second
	}
	if c.Progress == nil {
		c.Progress = &Progress{}
	}
	switch {
	case c.City == nil || c.Target == nil:
		return errors.New("run: City and Target must be set")
	case c.Count == 0 && c.Duration == 0:
		return errors.New("run: neither Count nor Duration is set: the traffic has no end of its own")
	case c.FullSpeed && c.Count == 0:
		return errors.New("run: full speed needs Count: without a schedule a duration holds no number of reads")
	case c.InFlight < 1 || c.Duration < 0 || c.Drain < 0:
		return fmt.Errorf("run: in flight %d, duration %v, drain %v: want positive values", c.InFlight, c.Duration, c.Drain)
	case c.JSON && c.Traffic.Pictures != nil:
		return errors.New("run: reads with pictures are Protobuf only: leave JSON off")
	case c.JSON && c.Target.Uploads():
		return errors.New("run: uploads are Protobuf only: leave JSON off")
	}
	return nil
}

// run is a Run at work.
type run struct {
	RunConfig
	traffic         *Traffic
	ahead           *generator // nil = each read is made when it is due
	began           time.Time
	senders         []*sender
	free            chan *LoadRecord // the records not in flight: bounds them
	wg              sync.WaitGroup
	dispatchLatency *latency
	until           time.Duration // when the last read of the schedule is due, or Duration
	ended           time.Duration // when the schedule ended: until, or earlier when stopped

	mu  sync.Mutex // guards err
	err error      // the first lane failure
}

// Run sends the traffic and waits for the last acknowledgement. It returns a result also when ctx ended early or when
// some reads could not be sent; the result says so. An error means that nothing was sent.
//
// The schedule never waits for the target. At most InFlight reads are on their way. Further reads keep their due time,
// are handed over as soon as there is room, and count as overdue. Reads without hand-over or acknowledgement within
// Drain after the end count as NotSent.
func Run(ctx context.Context, cfg RunConfig) (*RunResult, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	r := &run{RunConfig: cfg, began: time.Now(), free: make(chan *LoadRecord, cfg.InFlight), dispatchLatency: newLatency()}
	if err := r.makeTraffic(); err != nil {
		return nil, errors.Join(err, cfg.Target.Close())
	}
	for range cfg.InFlight {
		r.free <- &LoadRecord{}
	}
	deliver, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	r.until = r.scheduleEnd()
	r.startSenders(deliver)
	if r.RunConfig.Traffic.Pictures != nil {
		r.ahead = r.startGenerator(ctx)
	}
	r.ended = r.dispatchReads(ctx)
	if r.ahead != nil {
		r.ahead.stopGenerator()
		r.keepFailure(r.traffic.PictureFailure())
	}
	r.traffic.Finish()
	for _, l := range r.senders {
		l.closeQueue()
	}
	drain := time.AfterFunc(r.drainTimeLeft(), func() { stop(errors.New("the drain time is over")) })
	r.wg.Wait()
	drain.Stop()
	if err := cfg.Target.Close(); err != nil {
		r.keepFailure(err)
	}
	return r.makeResult(), nil
}

// makeTraffic makes the traffic and sets the schedule's start. With WallClock the start lies a little ahead, so due
// times and the times in the reads follow the same clock; else the schedule starts when the traffic is ready.
func (r *run) makeTraffic() (err error) {
	lead := 500 * time.Millisecond
	if r.RunConfig.Traffic.Pictures != nil {
		lead = generateAhead // the first pictures are drawn meanwhile
	}
	for ; ; lead *= 2 {
		r.began = time.Now().Add(lead)
		if r.WallClock {
			r.RunConfig.Traffic.Start = schemas.MicrosOf(r.began)
		}
		if r.traffic, err = r.City.Traffic(r.RunConfig.Traffic); err != nil {
			return err
		}
		if !r.WallClock {
			r.began = time.Now()
		}
		if !r.WallClock || time.Now().Before(r.began) {
			break
		}
	}
	if r.RunConfig.Began != nil {
		r.RunConfig.Began(r.began)
	}
	return nil
}

// drainTimeLeft returns the rest of the drain time, counted from the schedule's end.
func (r *run) drainTimeLeft() time.Duration {
	if r.FullSpeed {
		return r.Drain
	}
	return max(r.Drain-max(time.Since(r.began)-r.ended, 0), 0)
}

// scheduleLimit returns the largest read count for the schedule and the latest end time.
func (r *run) scheduleLimit() (n uint64, d time.Duration) {
	n, d = r.Count, r.Duration
	if n == 0 {
		n = math.MaxUint64
	}
	if d == 0 || r.FullSpeed {
		d = math.MaxInt64
	}
	return n, d
}

// scheduleEnd returns when the last read is due. A rush hour is counted through, which costs some nanoseconds a read.
func (r *run) scheduleEnd() time.Duration {
	n, d := r.scheduleLimit()
	c := r.traffic.clock
	switch {
	case r.FullSpeed || r.Count == 0:
		return d
	case c.profile == Flat:
		return min(d, flatDue(n-1, c.rate))
	}
	for c.n < n-1 && c.nextDue() < d {
		c.advanceRead()
	}
	return min(d, c.nextDue())
}

// dispatchReads hands the reads over as they fall due and returns when the schedule ended, after the start.
func (r *run) dispatchReads(ctx context.Context) (ended time.Duration) {
	n, d := r.scheduleLimit()
	give, cancel := context.WithCancel(ctx)
	defer cancel()
	var ev Event
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	now := time.Since(r.began)
	for i := range n {
		if i%64 == 0 && ctx.Err() != nil {
			return min(time.Since(r.began), d)
		}
		due := r.nextDue()
		if due >= d && ctx.Err() != nil {
			return min(time.Since(r.began), d)
		}
		if due >= d {
			return d
		}
		ended = due
		if r.FullSpeed {
			due = time.Since(r.began)
		} else if due > now {
			if now = time.Since(r.began); due > now {
				if !sleepOnTimer(give, timer, due-now) {
					return time.Since(r.began)
				}
				now = time.Since(r.began)
			}
		}
		rec, waited := r.takeFreeRecord(give)
		if rec == nil {
			return min(time.Since(r.began), d)
		}
		if waited {
			now = time.Since(r.began)
		}
		r.makeNext(&ev)
		r.handOver(rec, &ev, due, now)
	}
	return ended
}

func sleepOnTimer(ctx context.Context, timer *time.Timer, d time.Duration) bool {
	timer.Reset(d)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// takeFreeRecord waits for a free record. nil means that the run is over: stopped, or past the drain time.
func (r *run) takeFreeRecord(ctx context.Context) (rec *LoadRecord, waited bool) {
	select {
	case rec = <-r.free:
		return rec, false
	default:
	}
	over := make(<-chan time.Time)
	if !r.FullSpeed {
		timer := time.NewTimer(max(r.until+r.Drain-time.Since(r.began), 0))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case rec = <-r.free:
		return rec, true
	case <-ctx.Done():
	case <-over:
	}
	return nil, true
}

// handOver fills the record and gives it to the lane's sender.
func (r *run) handOver(rec *LoadRecord, ev *Event, due, now time.Duration) {
	*rec = LoadRecord{
		Value: rec.Value[:0], Camera: ev.Camera(), Class: ev.Class(), Received: ev.Received, Due: due,
		Buffered: r.Target.Uploads() && ev.Kind != Malformed && !ev.Late() && !r.FullSpeed,
	}
	switch {
	case r.Target.Uploads():
		rec.Value = ev.AppendUpload(rec.Value)
	case r.JSON:
		rec.Value = ev.AppendRecordJSON(rec.Value)
	default:
		rec.Value = ev.AppendRecord(rec.Value)
	}
	if r.Handing != nil {
		r.Handing(ev, r.began.Add(due))
	}
	if !r.FullSpeed {
		if due >= r.Warmup {
			r.dispatchLatency.recordDuration(now - due)
		}
		if now-due > overdueAfter {
			r.Progress.Overdue.Add(1)
		}
	}
	r.Progress.Handed.Add(1)
	r.Progress.Bytes.Add(uint64(len(rec.Value)))
	r.senders[r.Target.Lane(rec)].addRecord(rec)
}

// keepFailure keeps the first failure.
func (r *run) keepFailure(err error) {
	r.mu.Lock()
	if r.err == nil && err != nil {
		r.err = err
	}
	r.mu.Unlock()
}
