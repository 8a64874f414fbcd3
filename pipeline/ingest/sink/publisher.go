package sink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

var _ ingest.Publisher = (*KafkaPublisher)(nil)

// ErrPublisherClosed is the result of a message without an acknowledgement when the publisher closed.
var ErrPublisherClosed = errors.New("the publisher closed before the broker acknowledged")

// PublisherConfig says how to reach the broker. A zero field means its default.
type PublisherConfig struct {
	Addr            string           // bootstrap brokers as host:port, separated by commas
	Transport       *kafka.Transport // nil: plain TCP. TLS and SASL are set on it
	MaxMessageBytes int              // largest record and largest batch of records; default 1,000,000, below Kafka's own 1,048,588
	QueueMessages   int              // waiting messages per topic before the caller waits; default 4096
	QueueBytes      int              // likewise in bytes; default 16 MiB
	BatchMessages   int              // sent together at most; default 1000
	Timeout         time.Duration    // for a try; default 10 s
	MinWait         time.Duration    // first pause between tries; default 50 ms
	MaxWait         time.Duration    // longest pause; default 2 s
	Logger          zerolog.Logger
	Metrics         *Metrics       // nil: counted nowhere
	Stages          *ingest.Stages // nil: hits and offences are not timed
}

// EnsureDefaults fills the zero fields.
func (c *PublisherConfig) EnsureDefaults() {
	fillDefault(&c.MaxMessageBytes, 1_000_000)
	fillDefault(&c.QueueMessages, 4096)
	fillDefault(&c.QueueBytes, 16<<20)
	fillDefault(&c.BatchMessages, 1000)
	fillDefault(&c.Timeout, 10*time.Second)
	fillDefault(&c.MinWait, 50*time.Millisecond)
	fillDefault(&c.MaxWait, 2*time.Second)
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Stages == nil {
		c.Stages = ingest.NewStages()
	}
	if c.Transport == nil {
		c.Transport = &kafka.Transport{ClientID: "anpr", DialTimeout: 5 * time.Second}
	}
}

// smallestMessage is the least MaxMessageBytes: a hit with all its fields fits.
const smallestMessage = 16 << 10

func (c *PublisherConfig) checkSettings() error {
	if c.Addr == "" {
		return errors.New("kafka address is empty: give host:port of a broker, for example 127.0.0.1:9092")
	}
	for a := range strings.SplitSeq(c.Addr, ",") {
		if _, _, err := net.SplitHostPort(strings.TrimSpace(a)); err != nil {
			return fmt.Errorf("kafka address %q is not host:port: %w", a, err)
		}
	}
	if c.MaxMessageBytes < smallestMessage {
		return fmt.Errorf("largest message of %d bytes is below %d: raise it and the topics' max.message.bytes", c.MaxMessageBytes, smallestMessage)
	}
	return nil
}

// KafkaPublisher implements [ingest.Publisher] on kafka-go. A goroutine per topic sends the messages gathered while
// the batch before was on its way: an idle topic adds no delay, and a busy topic batches by itself. Every message is
// sent again until the broker acknowledges (acks=all) or the publisher closes; a repeat carries the same id. When a
// queue is full the caller waits. Safe for concurrent use.
type KafkaPublisher struct {
	cfg      PublisherConfig
	client   *kafka.Client
	hits     *topicSender
	offences *topicSender
	rejects  *topicSender
	stop     context.CancelFunc
	running  sync.WaitGroup
	givenUp  atomic.Int64
}

// NewKafkaPublisher starts the publisher without waiting for the broker; Close ends it.
func NewKafkaPublisher(cfg PublisherConfig) (*KafkaPublisher, error) {
	cfg.EnsureDefaults()
	if err := cfg.checkSettings(); err != nil {
		return nil, err
	}
	var addrs []string
	for a := range strings.SplitSeq(cfg.Addr, ",") {
		addrs = append(addrs, strings.TrimSpace(a))
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &KafkaPublisher{
		cfg: cfg, stop: stop,
		client: &kafka.Client{Addr: kafka.TCP(addrs...), Timeout: cfg.Timeout, Transport: cfg.Transport},
	}
	p.hits, p.offences, p.rejects = p.newTopicSender(schemas.TopicHits), p.newTopicSender(schemas.TopicOffences), p.newTopicSender(schemas.TopicRejects)
	for _, l := range []*topicSender{p.hits, p.offences, p.rejects} {
		p.running.Go(func() { l.run(ctx) })
	}
	return p, nil
}

// Publish publishes a piece's hits, offences and rejects. It encodes the rows before it returns.
func (p *KafkaPublisher) Publish(pend *ingest.Pending, rows *shard.Rows) {
	for i := range rows.Hits {
		p.PublishHit(pend, rows.Hits[i].Hit, rows.Hits[i].Read)
	}
	for i := range rows.Decisions {
		if rows.Decisions[i].IsOffence() {
			p.PublishOffence(pend, &rows.Decisions[i])
		}
	}
	for i := range rows.Rejects {
		p.PublishReject(pend, &rows.Rejects[i])
	}
}

// PublishHit publishes a hit at once, keyed by the confusion class of the listed plate.
func (p *KafkaPublisher) PublishHit(pend *ingest.Pending, h *schemas.Hit, r *schemas.Read) {
	key := h.Entry.Plate.Class().AppendTo(nil)
	p.enqueue(p.hits, pend, message{key: key, value: encodeMessage(hitMessage(h, r))})
}

// PublishOffence publishes a candidate or a hold, keyed by the confusion class of the plate.
func (p *KafkaPublisher) PublishOffence(pend *ingest.Pending, row *shard.DecisionRow) {
	key := row.Decision.On.Plate.Class().AppendTo(nil)
	p.enqueue(p.offences, pend, message{key: key, value: encodeMessage(offenceMessage(row, evidence.AppendTrace(nil, row.Decision.Trace)))})
}

// PublishReject publishes to the dead-letter topic, keyed by topic-partition-offset. A payload larger than the largest
// message is cut; payload_size and payload_sha256 describe the whole payload.
func (p *KafkaPublisher) PublishReject(pend *ingest.Pending, r *shard.RejectRow) {
	key := fmt.Appendf(nil, "%s-%d-%d", r.Pos.Topic, r.Pos.Partition, r.Pos.Offset)
	m := rejectMessage(r)
	if cutPayload(m, p.cfg.MaxMessageBytes-len(key)-recordOverhead) {
		p.cfg.Metrics.RejectsCut.Inc()
	}
	p.enqueue(p.rejects, pend, message{key: key, value: encodeMessage(m), shrink: halvePayload})
}

func (p *KafkaPublisher) enqueue(l *topicSender, pend *ingest.Pending, m message) {
	m.pending, m.since = pend, time.Now()
	pend.Add()
	l.queued.Inc()
	if !l.q.pushMessage(m) {
		l.giveUp(ErrPublisherClosed, m)
	}
}

// Close takes no more messages, sends the waiting ones until ctx ends, and gives up the rest with ErrPublisherClosed.
// It returns an error when a message was given up.
func (p *KafkaPublisher) Close(ctx context.Context) error {
	for _, l := range []*topicSender{p.hits, p.offences, p.rejects} {
		l.q.close()
	}
	flushed := make(chan struct{})
	go func() {
		p.running.Wait()
		close(flushed)
	}()
	select {
	case <-flushed:
	case <-ctx.Done():
		p.stop()
		<-flushed
	}
	p.stop()
	p.cfg.Transport.CloseIdleConnections()
	if n := p.givenUp.Load(); n > 0 {
		return fmt.Errorf("%d messages were not acknowledged; their records stay uncommitted and will be sent again: %w", n, ErrPublisherClosed)
	}
	return nil
}
