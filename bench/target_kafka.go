package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/schemas"
)

// KafkaTarget produces to a topic as the gateway does: acks=all, the partition chosen by schemas.Partition, the
// message's time the time received. Each partition is a lane with one request on its way.
type KafkaTarget struct {
	client     *kafka.Client
	topic      string
	partitions int
	headers    []kafka.Header
}

var _ Target = (*KafkaTarget)(nil)

// KafkaTargetConfig names the broker. Zero fields mean the defaults.
type KafkaTargetConfig struct {
	Addr  string // host:port
	Topic string // default schemas.TopicReads
	JSON  bool   // the records are canonical JSON: says so in the content-type header
	// Dial opens connections; default a net.Dialer. A test whose workers reach the broker through a proxy goes around it.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// OpenKafkaTarget asks the broker for the topic's partitions. The topic must exist.
func OpenKafkaTarget(ctx context.Context, cfg KafkaTargetConfig) (*KafkaTarget, error) {
	if cfg.Topic == "" {
		cfg.Topic = schemas.TopicReads
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	t := &KafkaTarget{
		client: &kafka.Client{Addr: kafka.TCP(cfg.Addr), Timeout: 30 * time.Second, Transport: &kafka.Transport{
			DialTimeout: 5 * time.Second, IdleTimeout: time.Minute, MetadataTTL: time.Minute,
			Dial: cfg.Dial,
		}},
		topic: cfg.Topic,
	}
	if cfg.JSON {
		t.headers = []kafka.Header{{Key: "content-type", Value: []byte("application/json")}}
	}
	md, err := t.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{cfg.Topic}})
	if err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("ask %s for topic %s: %w: is the broker running there?", cfg.Addr, cfg.Topic, err)
	}
	for _, topic := range md.Topics {
		if topic.Name == cfg.Topic && topic.Error == nil {
			t.partitions = len(topic.Partitions)
		}
	}
	if t.partitions == 0 {
		_ = t.Close()
		return nil, fmt.Errorf("topic %s does not exist at %s: create it, or start the pipeline first", cfg.Topic, cfg.Addr)
	}
	return t, nil
}

// Lanes is the partition count.
func (t *KafkaTarget) Lanes() int { return t.partitions }

// Lane is the record's partition.
func (t *KafkaTarget) Lane(r *LoadRecord) int {
	return schemas.Partition(r.Class, r.Camera, t.partitions)
}

// MaxBatch keeps a request below the usual 1 MiB limit of a broker.
func (t *KafkaTarget) MaxBatch() int { return 2_000 }

// Uploads is false.
func (t *KafkaTarget) Uploads() bool { return false }

// Deliver produces the batch and tries again until it is acknowledged. After a lost answer the broker may have the
// batch twice; the pipeline merges the repeats, and Retries says that there may be some.
func (t *KafkaTarget) Deliver(ctx context.Context, lane int, batch []*LoadRecord) error {
	var p pauses
	for {
		err := t.produceBatch(ctx, lane, batch)
		var code kafka.Error
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("produce to partition %d: given up after %d tries: %w", lane, batch[0].Retries+1, err)
		case errors.As(err, &code) && !code.Temporary():
			return fmt.Errorf("produce to partition %d: %w", lane, err)
		}
		for _, r := range batch {
			r.Retries++
		}
		if p.sleepNext(ctx, 0) != nil {
			return fmt.Errorf("produce to partition %d: given up after %d tries: %w", lane, batch[0].Retries, err)
		}
	}
}

func (t *KafkaTarget) produceBatch(ctx context.Context, lane int, batch []*LoadRecord) error {
	res, err := t.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: t.topic, Partition: lane, RequiredAcks: kafka.RequireAll, Records: &batchReader{records: batch, headers: t.headers},
	})
	if err != nil {
		return err
	}
	return res.Error
}

// Close closes the connections.
func (t *KafkaTarget) Close() error {
	if tr, ok := t.client.Transport.(*kafka.Transport); ok {
		tr.CloseIdleConnections()
	}
	return nil
}

// batchReader hands a batch to kafka-go record by record without an allocation for each.
type batchReader struct {
	records    []*LoadRecord
	headers    []kafka.Header
	rec        kafka.Record
	key, value viewBytes
	keyBuf     [schemas.MaxPlate]byte
}

// viewBytes is a kafka.Bytes over memory that is reused.
type viewBytes struct{ bytes.Reader }

// Close has nothing to give back.
func (*viewBytes) Close() error { return nil }

// ReadRecord returns the next record, valid until the call after, and io.EOF at the end.
func (b *batchReader) ReadRecord() (*kafka.Record, error) {
	if len(b.records) == 0 {
		return nil, io.EOF
	}
	r := b.records[0]
	b.records = b.records[1:]
	b.rec = kafka.Record{Time: r.Received.Time(), Value: &b.value, Headers: b.headers}
	b.value.Reset(r.Value)
	if !r.Class.IsZero() {
		b.key.Reset(r.Class.AppendTo(b.keyBuf[:0]))
		b.rec.Key = &b.key
	}
	return &b.rec, nil
}
