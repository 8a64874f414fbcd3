package sink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const produceKey = 0

func newBroker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(0),
		kfake.SeedTopics(3, schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// brokerAddr returns the address of a broker with empty topics, the one at ANPR_TEST_KAFKA when it is set.
func brokerAddr(t *testing.T) string {
	t.Helper()
	addr, ok := testkit.RealBroker(t, map[string]int{schemas.TopicHits: 3, schemas.TopicOffences: 3, schemas.TopicRejects: 3})
	if !ok {
		addr = newBroker(t).ListenAddrs()[0]
	}
	return addr
}

func newPublisher(t *testing.T, addr string, change func(*PublisherConfig)) (*KafkaPublisher, gauged) {
	t.Helper()
	m := newGauged()
	cfg := PublisherConfig{Addr: addr, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond, Metrics: m.Metrics}
	if change != nil {
		change(&cfg)
	}
	p, err := NewKafkaPublisher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Close(ctx)
	})
	return p, m
}

func waitPending(t *testing.T, p *ingest.Pending) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return p.Wait(ctx)
}

// readPublished reads n records of a topic, by partition and offset.
func readPublished(t *testing.T, addr, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n {
		f := cl.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatalf("%d of %d records of %s: %v", len(out), n, topic, err)
		}
		out = append(out, f.Records()...)
	}
	return out
}

func TestMessagesArriveWhole(t *testing.T) {
	addr := brokerAddr(t)
	p, _ := newPublisher(t, addr, nil)
	r := testRead(1, march)
	d := testDecision(r, schemas.OutcomeHeld)
	d.HoldUntil = march + schemas.Hour
	rejected := &shard.RejectRow{
		Err: schemas.Rejectf(schemas.ReasonBadUTF8, "make", "bytes \xff"), Camera: "cam\xff", ReceivedAt: march,
		Payload: []byte("\x00\xffpayload"), PayloadSize: 1000, Pos: shard.Position{Topic: schemas.TopicReads, Partition: 4, Offset: 77},
	}
	var pend ingest.Pending
	p.PublishHit(&pend, testHit(r), r)
	p.PublishOffence(&pend, &shard.DecisionRow{Decision: d, Camera: testCamera(), Straggler: true})
	p.PublishReject(&pend, rejected)
	if err := waitPending(t, &pend); err != nil {
		t.Fatal(err)
	}

	rec := readPublished(t, addr, schemas.TopicHits, 1)[0]
	var hit anprv1.Hit
	if err := proto.Unmarshal(rec.Value, &hit); err != nil {
		t.Fatal(err)
	}
	wantHit := hitMessage(testHit(r), r)
	if !proto.Equal(&hit, wantHit) || hit.ListedPlate != "1ABC001" || hit.Match != "confusable" || !bytes.Equal(hit.ReadId, r.ID.ID[:]) || !hit.Late {
		t.Errorf("hit %v, want %v", &hit, wantHit)
	}
	if got, want := string(rec.Key), "1A8C001"; got != want {
		t.Errorf("hit key %s, want %s", got, want)
	}

	rec = readPublished(t, addr, schemas.TopicOffences, 1)[0]
	var offence anprv1.Offence
	if err := proto.Unmarshal(rec.Value, &offence); err != nil {
		t.Fatal(err)
	}
	if offence.Status != "held" || offence.HoldUntilUs != int64(d.HoldUntil) || offence.TraceJson != string(evidence.AppendTrace(nil, d.Trace)) ||
		!bytes.Equal(offence.SealSha256, d.Seal[:]) || !bytes.Equal(offence.OffenceId, d.Offence.ID[:]) || offence.CorrectedDkmh != 560 || !bytes.Equal(offence.Sealed, d.Sealed) ||
		offence.Zone != "5339" || offence.Site != "wetstraat" || offence.Municipality != 21004 || !offence.Straggler {
		t.Errorf("offence %v", &offence)
	}
	if got, want := string(rec.Key), r.Class.String(); got != want {
		t.Errorf("offence key %s, want %s", got, want)
	}

	rec = readPublished(t, addr, schemas.TopicRejects, 1)[0]
	var reject anprv1.Reject
	if err := proto.Unmarshal(rec.Value, &reject); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(rejected.Payload)
	if !bytes.Equal(reject.Payload, rejected.Payload) || reject.PayloadSize != 1000 || !bytes.Equal(reject.PayloadSha256, sum[:]) ||
		reject.Reason != "bad_utf8" || reject.Offset != 77 || reject.Partition != 4 || reject.CameraId != "cam\uFFFD" {
		t.Errorf("reject %v", &reject)
	}
	if got, want := string(rec.Key), "anpr.reads.v1-4-77"; got != want {
		t.Errorf("reject key %s, want %s", got, want)
	}
}

func rejectOf(i, size int) *shard.RejectRow {
	return &shard.RejectRow{
		Err: schemas.Rejectf(schemas.ReasonMalformed, "", "no"), Payload: bytes.Repeat([]byte{byte(i)}, size),
		Pos: shard.Position{Topic: schemas.TopicReads, Offset: int64(i)},
	}
}

func TestARejectTooLargeForTheTopicIsCut(t *testing.T) {
	for name, tc := range map[string]struct {
		broker string // its largest message
		ours   int
	}{
		"known":                   {"1048588", 20_000},
		"found out by refusal":    {"20000", 1_000_000},
		"even a half is too much": {"4000", 1_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			addr := newBroker(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": tc.broker})).ListenAddrs()[0]
			p, m := newPublisher(t, addr, func(c *PublisherConfig) { c.MaxMessageBytes = tc.ours })
			var pend ingest.Pending
			p.PublishReject(&pend, rejectOf(1, 10))
			p.PublishReject(&pend, rejectOf(2, 50_000))
			p.PublishReject(&pend, rejectOf(3, 10))
			if err := waitPending(t, &pend); err != nil {
				t.Fatal(err)
			}
			found := map[int64]int{}
			for _, rec := range readPublished(t, addr, schemas.TopicRejects, 3) {
				var got anprv1.Reject
				if err := proto.Unmarshal(rec.Value, &got); err != nil {
					t.Fatal(err)
				}
				whole := rejectOf(int(got.Offset), int(got.PayloadSize)).Payload
				sum := sha256.Sum256(whole)
				if !bytes.Equal(got.PayloadSha256, sum[:]) || !bytes.HasPrefix(whole, got.Payload) {
					t.Errorf("reject %d: digest or head is not of the payload before the cut", got.Offset)
				}
				found[got.Offset] = len(got.Payload)
			}
			if found[1] != 10 || found[3] != 10 || found[2] == 0 || found[2] >= 20_000 {
				t.Errorf("payloads of %v bytes, want 10, some below 20000, 10", found)
			}
			if got := m.valueOf(t, "anpr_sink_rejects_cut_total", ""); got < 1 {
				t.Errorf("%v cuts counted, want at least 1", got)
			}
		})
	}
}

func TestBrokerFaultsLoseNothing(t *testing.T) {
	broker := newBroker(t)
	addr := broker.ListenAddrs()[0]
	faults := 0
	broker.ControlKey(produceKey, func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		faults++
		switch {
		case faults > 6:
			return nil, nil, false
		case faults%2 == 0:
			return nil, errors.New("connection breaks"), true
		default:
			return refuseAll(req.(*kmsg.ProduceRequest), 6), nil, true // not leader for partition
		}
	})
	p, m := newPublisher(t, addr, nil)
	var pend ingest.Pending
	const n = 200
	for i := range n {
		r := testRead(i, march)
		p.PublishHit(&pend, testHit(r), r)
	}
	if err := waitPending(t, &pend); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, rec := range readPublished(t, addr, schemas.TopicHits, n) {
		var hit anprv1.Hit
		if err := proto.Unmarshal(rec.Value, &hit); err != nil {
			t.Fatal(err)
		}
		seen[string(hit.HitId)] = true
	}
	if len(seen) != n {
		t.Errorf("%d distinct hits arrived, want %d", len(seen), n)
	}
	if got := m.valueOf(t, "anpr_sink_publish_retries_total", schemas.TopicHits); got == 0 {
		t.Error("nothing was sent again: the test proved nothing")
	}
	if got := m.valueOf(t, "anpr_sink_publish_queue_messages", schemas.TopicHits); got != 0 {
		t.Errorf("%v messages still counted as waiting", got)
	}
}

// refuseAll answers every partition of a produce request with an error code.
func refuseAll(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, rt := range req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = rt.Topic, rt.TopicID
		for _, rp := range rt.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = rp.Partition, code
			t.Partitions = append(t.Partitions, p)
		}
		res.Topics = append(res.Topics, t)
	}
	return res
}

func TestMessagesOfAKeyKeepTheirOrder(t *testing.T) {
	broker := newBroker(t)
	addr := broker.ListenAddrs()[0]
	n := 0
	broker.ControlKey(produceKey, func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		if n++; n%3 == 1 && n < 30 {
			return refuseAll(req.(*kmsg.ProduceRequest), 7), nil, true // request timed out
		}
		return nil, nil, false
	})
	p, _ := newPublisher(t, addr, func(c *PublisherConfig) { c.BatchMessages = 7 })
	var pend ingest.Pending
	want := map[string][]int64{}
	for i := range 150 {
		r := testRead(i%5, march+schemas.Micros(i)) // five plates
		d := testDecision(r, schemas.OutcomeOffence)
		p.PublishOffence(&pend, &shard.DecisionRow{Decision: d, Camera: testCamera(), Straggler: true})
		want[r.Class.String()] = append(want[r.Class.String()], int64(r.CapturedAt))
	}
	if err := waitPending(t, &pend); err != nil {
		t.Fatal(err)
	}
	got := map[string][]int64{}
	for _, rec := range readPublished(t, addr, schemas.TopicOffences, 150) {
		var o anprv1.Offence
		if err := proto.Unmarshal(rec.Value, &o); err != nil {
			t.Fatal(err)
		}
		got[string(rec.Key)] = append(got[string(rec.Key)], o.CapturedAtUs)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("order by key %v, want %v", got, want)
	}
}

func TestARefusalForEverStops(t *testing.T) {
	broker := newBroker(t)
	broker.ControlKey(produceKey, func(req kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return refuseAll(req.(*kmsg.ProduceRequest), 29), nil, true // topic authorization failed
	})
	p, _ := newPublisher(t, broker.ListenAddrs()[0], nil)
	var pend ingest.Pending
	r := testRead(1, march)
	p.PublishHit(&pend, testHit(r), r)
	if err := waitPending(t, &pend); !errors.Is(err, ingest.ErrStop) {
		t.Errorf("error %v, want one that stops", err)
	}
}

func TestCloseGivesUpWhatTheBrokerNeverTook(t *testing.T) {
	p, _ := newPublisher(t, "127.0.0.1:1", func(c *PublisherConfig) { c.QueueMessages = 4 })
	var pend ingest.Pending
	var wg sync.WaitGroup
	const n = 20
	started := make(chan struct{}, n)
	for i := range n { // more than the queue holds: the rest wait for room
		wg.Go(func() {
			r := testRead(i, march)
			started <- struct{}{}
			p.PublishHit(&pend, testHit(r), r)
		})
	}
	for range n {
		<-started
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Close(ctx); !errors.Is(err, ErrPublisherClosed) {
		t.Errorf("Close says %v, want that messages were given up", err)
	}
	wg.Wait()
	if err := waitPending(t, &pend); !errors.Is(err, ErrPublisherClosed) {
		t.Errorf("pending says %v, want that the publisher closed", err)
	}
	r := testRead(1, march)
	p.PublishHit(&pend, testHit(r), r) // after Close
	if err := waitPending(t, &pend); !errors.Is(err, ErrPublisherClosed) {
		t.Errorf("after Close pending says %v", err)
	}
}

func TestCloseSendsWhatHasGathered(t *testing.T) {
	addr := brokerAddr(t)
	p, _ := newPublisher(t, addr, nil)
	var pend ingest.Pending
	for i := range 100 {
		p.PublishReject(&pend, rejectOf(i, 100))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := waitPending(t, &pend); err != nil {
		t.Error(err)
	}
}

func TestPublisherConfigIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  PublisherConfig
		want string
	}{
		"no address":          {PublisherConfig{}, "host:port"},
		"no port":             {PublisherConfig{Addr: "a:1, b"}, "host:port"},
		"too small a message": {PublisherConfig{Addr: "a:1", MaxMessageBytes: 1000}, "max.message.bytes"},
	} {
		if _, err := NewKafkaPublisher(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(2, 1000)
	for range 2 {
		if !q.pushMessage(message{}) {
			t.Fatal("refused with room")
		}
	}
	pushed := make(chan bool)
	go func() { pushed <- q.pushMessage(message{value: make([]byte, 5000)}) }() // larger than the whole bound
	if got, ok := q.takeGathered(nil, 1, 1<<20); !ok || len(got) != 1 {
		t.Fatalf("took %d, want 1", len(got))
	}
	select {
	case <-pushed:
		t.Fatal("a message larger than the bound was let in beside another")
	default:
	}
	if got, ok := q.takeGathered(nil, 10, 1<<20); !ok || len(got) != 1 {
		t.Fatalf("took %d, want 1", len(got))
	}
	if !<-pushed {
		t.Fatal("refused though the queue is open")
	}
	q.close()
	if got, ok := q.takeGathered(nil, 10, 10); !ok || len(got) != 1 {
		t.Fatalf("what was inside is gone: %d, %v", len(got), ok)
	}
	if _, ok := q.takeGathered(nil, 10, 10); ok {
		t.Error("take goes on after close")
	}
	if q.pushMessage(message{}) {
		t.Error("push after close")
	}
}

// BenchmarkPublish is one hit from the call to its acknowledgement, and many at once, on a broker in this process.
func BenchmarkPublish(b *testing.B) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(0), kfake.SeedTopics(3, schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p, err := NewKafkaPublisher(PublisherConfig{Addr: c.ListenAddrs()[0]})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Close(context.Background()) }()
	r := testRead(1, march)
	h := testHit(r)
	for _, burst := range []int{1, 100} {
		b.Run(strconv.Itoa(burst), func(b *testing.B) {
			var pend ingest.Pending
			for b.Loop() {
				for range burst {
					p.PublishHit(&pend, h, r)
				}
				if err := pend.Wait(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
