//go:build kafka || faults

package delivery

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// stream sends the rest of a universe's log at a steady pace, whatever happens to the broker. Its producer is
// idempotent, so the log holds each record once and in order, and is the same for the same seed.
type stream struct {
	u     *universe
	cl    *kgo.Client
	pace  atomic.Int64 // records a second
	most  atomic.Int64 // records to send for now; 0 = all
	clock atomic.Pointer[hitClock]
	sent  atomic.Int64
	acked atomic.Int64
	err   atomic.Pointer[error]
	ended chan struct{}
}

// stream starts sending perSecond records a second.
func (u *universe) stream(ctx context.Context, perSecond int) *stream {
	u.t.Helper()
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(brokersOf(u.job.Kafka)...), kgo.Dialer(directly), kgo.DefaultProduceTopic(u.job.Topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(2*time.Millisecond),
		kgo.ProduceRequestTimeout(5*time.Second), kgo.RetryTimeout(5*time.Second), kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		u.t.Fatal(err)
	}
	s := &stream{u: u, cl: cl, ended: make(chan struct{})}
	s.pace.Store(int64(perSecond))
	u.t.Cleanup(cl.Close)
	go s.run(ctx)
	return s
}

// run alone touches the universe's sent and ends, until run has ended.
func (s *stream) run(ctx context.Context) {
	defer close(s.ended)
	last, due := time.Now(), float64(s.u.sent)
	for s.u.sent < len(s.u.records) && ctx.Err() == nil {
		now, most := time.Now(), len(s.u.records)
		if n := int(s.most.Load()); n > 0 {
			most = min(most, n)
		}
		due += now.Sub(last).Seconds() * float64(s.pace.Load())
		last = now
		due = min(due, float64(most)) // records held back do not come all at once later
		for s.u.sent < int(due) {
			r := s.u.records[s.u.sent]
			if h := s.clock.Load(); h != nil {
				h.sends(r.id, now)
			}
			s.cl.Produce(ctx, &kgo.Record{Partition: int32(r.partition), Key: r.key, Value: r.value}, func(_ *kgo.Record, err error) {
				if err != nil {
					s.err.CompareAndSwap(nil, &err)
					return
				}
				s.acked.Add(1)
			})
			s.u.ends[r.partition]++
			s.u.sent++
			s.sent.Add(1)
		}
		poll(ctx)
	}
	if err := s.cl.Flush(ctx); err != nil {
		s.err.CompareAndSwap(nil, &err)
	}
}

// finish sends the rest at once and returns when all is acknowledged.
func (s *stream) finish() {
	s.u.t.Helper()
	s.most.Store(0)
	s.pace.Store(1 << 20)
	select {
	case <-s.ended:
	case <-time.After(2 * patience):
		s.u.t.Fatalf("only %d of %d records acknowledged in %v", s.acked.Load(), len(s.u.records), 2*patience)
	}
	if err := s.err.Load(); err != nil {
		s.u.t.Fatalf("%d of %d records acknowledged: %v", s.acked.Load(), len(s.u.records), *err)
	}
	if n := s.acked.Load(); n != int64(len(s.u.records)) {
		s.u.t.Fatalf("%d of %d records acknowledged", n, len(s.u.records))
	}
}

// adminOf returns a client of the broker.
func adminOf(t *testing.T, addr string) *kadm.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokersOf(addr)...), kgo.MetadataMinAge(50*time.Millisecond), kgo.Dialer(directly), kgo.RetryTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// team is a group of workers on a universe.
type team struct {
	u       *universe
	j       job
	members []*process
}

// grow starts workers until there are n.
func (w *team) grow(n int) {
	w.u.t.Helper()
	for len(w.members) < n {
		w.members = append(w.members, start(w.u.t, w.j))
	}
}

// shrink lets the oldest workers end in good order until there are n.
func (w *team) shrink(n int) {
	w.u.t.Helper()
	for len(w.members) > n {
		w.members[0].stop()
		w.members = w.members[1:]
	}
}

// alive returns an error when a worker has ended by itself.
func (w *team) alive(time.Duration) error {
	for _, p := range w.members {
		if err := p.alive(); err != nil {
			return err
		}
	}
	return nil
}

// progress waits until the group has committed more than before, and returns the commits. When the stream has sent
// everything and all records are committed, progress does not wait.
func (w *team) progress(ctx context.Context, s *stream, what string, than int64) int64 {
	w.u.t.Helper()
	for {
		now := w.u.done()
		if now > than || now == int64(len(w.u.records)) && s.sent.Load() == now {
			return now
		}
		if err := w.alive(0); err != nil {
			w.u.t.Fatalf("%s: %v", what, err)
		}
		if ctx.Err() != nil {
			w.u.t.Fatalf("%s: no progress beyond %d records\n%s", what, than, w.members[0].log.tail())
		}
		poll(ctx)
	}
}

// done counts committed records.
func (u *universe) done() (n int64) {
	offsets, _ := u.committed(u.job.Group)
	for _, o := range offsets {
		n += o
	}
	return n
}

// settle drains what is on the log and lets the workers end.
func (w *team) settle() {
	w.u.t.Helper()
	w.u.drained(w.j.Group, w.alive)
	w.shrink(0)
}
