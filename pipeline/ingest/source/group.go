package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config sets up membership in a consumer group. Zero durations take their defaults.
type Config struct {
	Brokers          []string // host:port
	Topic            string
	GroupID          string
	ClientID         string
	SessionTimeout   time.Duration // a member silent for so long has lost its partitions; default 6 s
	RebalanceTimeout time.Duration // default 5/6 of SessionTimeout and below it: the embedded broker forgets who waits for a rebalance longer than its session, without an answer
	MaxWait          time.Duration // longest wait of an empty fetch; default 250 ms
	FetchBytes       int           // per fetch; default 256 KiB: on a loopback 4 MiB cost twice as much a record, caches and broker included
	Logger           zerolog.Logger
	// Dial opens connections; nil: TCP. A broker with authentication needs a Dial that logs in.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (c Config) withDefaults() Config {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.SessionTimeout, 6*time.Second)
	def(&c.RebalanceTimeout, c.SessionTimeout*5/6)
	def(&c.MaxWait, 250*time.Millisecond)
	if c.FetchBytes == 0 {
		c.FetchBytes = 256 << 10
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if c.ClientID == "" {
		c.ClientID = "anpr-ingest"
	}
	return c
}

const dialTimeout = 5 * time.Second

// KafkaGroup is a member of a consumer group.
type KafkaGroup struct {
	cfg    Config
	group  *kafka.ConsumerGroup
	client *kafka.Client
	dialer *kafka.Dialer
	addr   net.Addr
}

var (
	_ ingest.ConsumerGroup = (*KafkaGroup)(nil)
	_ ingest.Generation    = (*groupGeneration)(nil)
	_ ingest.Reader        = (*partitionReader)(nil)
)

// Join makes a member of the group. The member connects and joins at the first Next.
func Join(cfg Config) (*KafkaGroup, error) {
	cfg = cfg.withDefaults()
	dialer := dialerOf(cfg)
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: cfg.GroupID, Brokers: cfg.Brokers, Topics: []string{cfg.Topic}, Dialer: dialer,
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
		SessionTimeout: cfg.SessionTimeout, HeartbeatInterval: cfg.SessionTimeout / 6, RebalanceTimeout: cfg.RebalanceTimeout,
		JoinGroupBackoff: 500 * time.Millisecond, StartOffset: kafka.FirstOffset, Timeout: 5 * time.Second,
		ErrorLogger: kafka.LoggerFunc(func(msg string, args ...any) { cfg.Logger.Debug().Msgf("kafka group: "+msg, args...) }),
	})
	if err != nil {
		return nil, fmt.Errorf("join group %s: %w", cfg.GroupID, err)
	}
	addr := kafka.TCP(cfg.Brokers...)
	return &KafkaGroup{
		cfg: cfg, group: g, dialer: dialer, addr: addr,
		client: &kafka.Client{Addr: addr, Timeout: 10 * time.Second, Transport: &kafka.Transport{ClientID: cfg.ClientID, MetadataTTL: 5 * time.Second, Dial: cfg.Dial}},
	}, nil
}

func dialerOf(cfg Config) *kafka.Dialer {
	return &kafka.Dialer{Timeout: dialTimeout, DialFunc: cfg.Dial, ClientID: cfg.ClientID}
}

// Next waits for the next generation.
func (g *KafkaGroup) Next(ctx context.Context) (ingest.Generation, error) {
	gen, err := g.group.Next(ctx)
	if err != nil {
		return nil, fmt.Errorf("next generation of group %s: %w", g.cfg.GroupID, err)
	}
	return &groupGeneration{g: g, gen: gen}, nil
}

// Close leaves the group, so other members get its partitions at once.
func (g *KafkaGroup) Close() error {
	if err := g.group.Close(); err != nil {
		return fmt.Errorf("leave group %s: %w", g.cfg.GroupID, err)
	}
	return nil
}

type groupGeneration struct {
	g   *KafkaGroup
	gen *kafka.Generation
}

func (s *groupGeneration) Partitions() []int32 {
	out := []int32{}
	for _, a := range s.gen.Assignments[s.g.cfg.Topic] {
		out = append(out, int32(a.ID))
	}
	return out
}

func (s *groupGeneration) Go(f func(ctx context.Context)) { s.gen.Start(f) }

func (s *groupGeneration) Committed(ctx context.Context, partition int32) (int64, string, error) {
	topic := s.g.cfg.Topic
	resp, err := s.g.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		Addr: s.g.addr, GroupID: s.g.cfg.GroupID, Topics: map[string][]int{topic: {int(partition)}},
	})
	if err != nil {
		return 0, "", fmt.Errorf("fetch committed offset: %w", err)
	}
	if resp.Error != nil {
		return 0, "", fmt.Errorf("fetch committed offset: %w", resp.Error)
	}
	for _, p := range resp.Topics[topic] {
		if p.Partition == int(partition) {
			if p.Error != nil {
				return 0, "", fmt.Errorf("fetch committed offset: %w", p.Error)
			}
			return p.CommittedOffset, p.Metadata, nil
		}
	}
	return 0, "", fmt.Errorf("fetch committed offset: the broker did not answer for %s/%d", topic, partition)
}

func (s *groupGeneration) Commit(ctx context.Context, partition int32, offset int64, metadata string) error {
	topic := s.g.cfg.Topic
	resp, err := s.g.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		Addr: s.g.addr, GroupID: s.gen.GroupID, GenerationID: int(s.gen.ID), MemberID: s.gen.MemberID,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: int(partition), Offset: offset, Metadata: metadata}}},
	})
	if err != nil {
		return fmt.Errorf("commit offset %d of %s/%d: %w", offset, topic, partition, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Partition == int(partition) {
			return commitError(p.Error, topic, partition, offset)
		}
	}
	return fmt.Errorf("commit offset %d of %s/%d: the broker did not answer for it", offset, topic, partition)
}

// commitError tells a lost partition from transient trouble. During a rebalance some brokers still accept commits from
// the current generation and others refuse them. The partition may stay ours, so the commit is tried again until the
// generation ends.
func commitError(err error, topic string, partition int32, offset int64) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.FencedInstanceID):
		return fmt.Errorf("commit offset %d of %s/%d: %w: %w", offset, topic, partition, ingest.ErrFenced, err)
	case errors.Is(err, kafka.OffsetMetadataTooLarge):
		return fmt.Errorf("commit offset %d of %s/%d: %w: raise the broker's offset.metadata.max.bytes to 4096: %w", offset, topic, partition, ingest.ErrStop, err)
	default:
		return fmt.Errorf("commit offset %d of %s/%d: %w", offset, topic, partition, err)
	}
}

func (s *groupGeneration) Bounds(ctx context.Context, partition int32) (first, end int64, err error) {
	conn, err := s.g.dialLeader(ctx, partition)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	first, end, err = conn.ReadOffsets()
	if err != nil {
		return 0, 0, fmt.Errorf("read bounds of %s/%d: %w", s.g.cfg.Topic, partition, err)
	}
	return first, end, nil
}

func (s *groupGeneration) OffsetAt(ctx context.Context, partition int32, at schemas.Micros) (int64, error) {
	conn, err := s.g.dialLeader(ctx, partition)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	offset, err := conn.ReadOffset(at.Time())
	if err == nil && offset < 0 { // no record is dated so late
		offset, err = conn.ReadLastOffset()
	}
	if err != nil {
		return 0, fmt.Errorf("find the offset of %s/%d at %v: %w", s.g.cfg.Topic, partition, at, err)
	}
	return offset, nil
}

func (g *KafkaGroup) dialLeader(ctx context.Context, partition int32) (*kafka.Conn, error) {
	var last error
	for _, b := range g.cfg.Brokers {
		conn, err := g.dialer.DialLeader(ctx, "tcp", b, g.cfg.Topic, int(partition))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, fmt.Errorf("dial the leader of %s/%d: %w", g.cfg.Topic, partition, last)
}
