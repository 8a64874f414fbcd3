package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/schemas"
)

// ProducerConfig says where a KafkaProducer writes. Zero values mean the defaults in brackets.
type ProducerConfig struct {
	Brokers []string
	Topic   string            // [anpr.reads.v1]
	Linger  time.Duration     // how long a record waits for others [2 ms]
	Codec   kafka.Compression // [none]
	// Dial opens connections [TCP]. Brokers with authentication need a Dial that logs in.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Acked receives every acknowledged batch before its senders hear of it. So the receiver never knows less than was
	// answered with success. The receipts lie in one partition, in order, and are valid during the call. Each
	// partition has one calling goroutine. nil: nobody is told
	Acked func([]Receipt)
}

// Receipt is a record acknowledged by the broker.
type Receipt struct {
	Partition int32
	Offset    int64
	Camera    string
	Time      time.Time // time of receipt
	Value     []byte
}

// KafkaProducer produces with acks=all. Concurrent calls share batches: a record waits at most Linger for others in
// its partition. It makes three attempts within the caller's context.
type KafkaProducer struct {
	cfg    ProducerConfig
	writer *kafka.Writer
	pool   *kafka.Transport
}

var (
	_ Producer = (*KafkaProducer)(nil)
	_ Prober   = (*KafkaProducer)(nil)
)

// assignedPartition is a balancer that returns the partition named by the record.
type assignedPartition struct{}

// Balance returns the partition carried in WriterData.
func (assignedPartition) Balance(m kafka.Message, _ ...int) int {
	r, ok := m.WriterData.(*Record)
	if !ok {
		panic("BUG: a message without partition")
	}
	return r.Partition
}

// NewKafkaProducer makes a producer. It connects with the first record; CheckTopic connects earlier.
func NewKafkaProducer(cfg ProducerConfig) *KafkaProducer {
	setDefault(&cfg.Topic, schemas.TopicReads)
	setDefault(&cfg.Linger, 2*time.Millisecond)
	pool := &kafka.Transport{
		ClientID: "anpr-gateway", DialTimeout: 3 * time.Second, MetadataTTL: 5 * time.Second,
		Dial: cfg.Dial,
	}
	return &KafkaProducer{cfg: cfg, pool: pool, writer: &kafka.Writer{
		Addr: kafka.TCP(cfg.Brokers...), Topic: cfg.Topic, Balancer: assignedPartition{}, Transport: pool,
		RequiredAcks: kafka.RequireAll, MaxAttempts: 3, WriteBackoffMin: 50 * time.Millisecond,
		WriteBackoffMax: 500 * time.Millisecond,
		BatchTimeout:    cfg.Linger, BatchSize: 1000, BatchBytes: 900 << 10, // below the broker's default, 1 MiB
		WriteTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, Compression: cfg.Codec,
		Completion: passReceipts(cfg.Acked),
	}}
}

// passReceipts passes on acknowledged records. The writer calls it before it wakes waiting senders.
func passReceipts(acked func([]Receipt)) func([]kafka.Message, error) {
	if acked == nil {
		return nil
	}
	return func(msgs []kafka.Message, err error) {
		if err != nil || len(msgs) == 0 {
			return
		}
		out := make([]Receipt, 0, len(msgs))
		for _, m := range msgs {
			r, ok := m.WriterData.(*Record)
			if !ok {
				panic("BUG: a message without its record")
			}
			if !r.Internal {
				out = append(out, Receipt{int32(m.Partition), m.Offset, r.Camera, r.Time, r.Value})
			}
		}
		if len(out) > 0 {
			acked(out)
		}
	}
}

// CheckTopic fails when the topic's partitions differ from the expected number: keys would go to the wrong shard.
func (k *KafkaProducer) CheckTopic(ctx context.Context, partitions int) error {
	client := &kafka.Client{Addr: k.writer.Addr, Transport: k.pool}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{k.cfg.Topic}})
	if err != nil {
		return fmt.Errorf("ask for topic %s: %w", k.cfg.Topic, err)
	}
	for _, t := range meta.Topics {
		if t.Error != nil {
			return fmt.Errorf("topic %s: %w; create it", k.cfg.Topic, t.Error)
		}
		if len(t.Partitions) != partitions {
			return fmt.Errorf("topic %s has %d partitions and the gateway is set to %d; set it to the topic's",
				k.cfg.Topic, len(t.Partitions), partitions)
		}
	}
	return nil
}

// probeSize exceeds a page in a file system: a smaller record may still fit into the last page on a full disk.
const probeSize = 4200

// Probe implements Prober with a record on the probe topic; ErrNoProbe if the topic does not exist.
func (k *KafkaProducer) Probe(ctx context.Context) error {
	w := &kafka.Writer{
		Addr: k.writer.Addr, Topic: schemas.TopicProbe, Transport: k.pool, RequiredAcks: kafka.RequireAll,
		MaxAttempts: 3, WriteBackoffMin: 20 * time.Millisecond, WriteBackoffMax: 100 * time.Millisecond,
		BatchTimeout: time.Millisecond, WriteTimeout: 3 * time.Second, ReadTimeout: 3 * time.Second,
	}
	err := w.WriteMessages(ctx, kafka.Message{Value: make([]byte, probeSize)})
	if errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.TopicAuthorizationFailed) {
		err = ErrNoProbe
	}
	if closing := w.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("produce to %s: %w", schemas.TopicProbe, err)
	}
	return nil
}

// Produce implements Producer.
func (k *KafkaProducer) Produce(ctx context.Context, records []Record) error {
	msgs := make([]kafka.Message, len(records))
	for i, r := range records {
		msgs[i] = kafka.Message{Key: r.Key, Value: r.Value, Time: r.Time, WriterData: &records[i]}
	}
	err := k.writer.WriteMessages(ctx, msgs...)
	if many, ok := errors.AsType[kafka.WriteErrors](err); ok {
		for i, one := range many {
			if one != nil {
				return fmt.Errorf("produce %d records, %d refused, the first to partition %d: %w",
					len(records), many.Count(), records[i].Partition, one)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("produce %d records: %w", len(records), err)
	}
	return nil
}

// Close waits for records on their way and closes the connections.
func (k *KafkaProducer) Close() error {
	err := k.writer.Close()
	k.pool.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close producer: %w", err)
	}
	return nil
}
