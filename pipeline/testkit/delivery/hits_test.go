//go:build kafka || faults

package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// hitClock measures hits from the moment their read was due to the moment they came on their topic.
type hitClock struct {
	mu   sync.Mutex // guards the fields below
	due  map[string]time.Time
	seen map[string]bool
	got  []time.Duration
	over bool
}

// followHits reads the hits' topic and measures the hits of the stream. Call it before the first worker starts.
func (u *universe) followHits(ctx context.Context, s *stream) *hitClock {
	u.t.Helper()
	h := &hitClock{due: map[string]time.Time{}, seen: map[string]bool{}}
	s.clock.Store(h)
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokersOf(u.job.Kafka)...), kgo.Dialer(directly), kgo.ConsumeTopics(schemas.TopicHits),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(cl.Close)
	go func() {
		for ctx.Err() == nil {
			cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) { h.take(r.Value, time.Now()) })
		}
	}()
	return h
}

// sends records that a read is due now.
func (h *hitClock) sends(id string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due[id] = now
}

func (h *hitClock) take(value []byte, now time.Time) {
	var m anprv1.Hit
	if proto.Unmarshal(value, &m) != nil {
		return
	}
	id := idText(m.GetReadId())
	h.mu.Lock()
	defer h.mu.Unlock()
	if due, ok := h.due[id]; ok && !h.over && !h.seen[idText(m.GetHitId())] {
		h.seen[idText(m.GetHitId())] = true
		h.got = append(h.got, now.Sub(due))
	}
}

// begin forgets the measurements.
func (h *hitClock) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = nil
}

// await waits for as many hits since begin.
func (h *hitClock) await(ctx context.Context, n int) {
	for ctx.Err() == nil {
		h.mu.Lock()
		enough := len(h.got) >= n
		h.mu.Unlock()
		if enough {
			return
		}
		poll(ctx)
	}
}

// end measures no more.
func (h *hitClock) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
}

// report gives the latencies of hits while members joined and left. A hit held up longer than 5 s misses the
// target; the test fails only at six times that, because the machine may be busy with something else.
func (h *hitClock) report(t *testing.T) string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	slices.Sort(got)
	if len(got) < 20 {
		t.Errorf("%d hits while members joined and left are too few to measure", len(got))
		return ""
	}
	worst := got[len(got)-1]
	text := fmt.Sprintf("%d hits while members joined and left: p50 %v, worst %v (target 5 s)", len(got), got[len(got)/2].Round(time.Millisecond), worst.Round(time.Millisecond))
	t.Log(text)
	if worst > 30*time.Second {
		t.Errorf("a hand-over held a hit up for %v", worst)
	}
	return text
}
