package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// outputTopics follows the hit and offence topics from their present end.
type outputTopics struct {
	addr  string
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	start *dueTimes
	hits  *latencyTimes
	wg    sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	got     bench.Got
	seen    map[string]bool // hit ids
	repeats int             // hits delivered again
	err     error           // a message without a valid form
}

// followOutputs starts a goroutine for each partition; all end with ctx.
func followOutputs(ctx context.Context, addr string, b *brokerOffsets, s *dueTimes) (*outputTopics, error) {
	o := &outputTopics{addr: addr, dial: b.dial, start: s, hits: newTimes(), seen: map[string]bool{}}
	for _, topic := range []string{schemas.TopicHits, schemas.TopicOffences} {
		ends, err := b.endOffsets(ctx, topic)
		if err != nil {
			return nil, err
		}
		for p, end := range ends {
			o.wg.Go(func() { o.followPartition(ctx, topic, p, end) })
		}
	}
	return o, nil
}

// followPartition reads until ctx ends and dials again after any error.
func (o *outputTopics) followPartition(ctx context.Context, topic string, partition int, next int64) {
	for ctx.Err() == nil {
		err := o.readMessages(ctx, topic, partition, &next)
		if err == nil || ctx.Err() != nil {
			continue
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (o *outputTopics) readMessages(ctx context.Context, topic string, partition int, next *int64) error {
	conn, err := (&kafka.Dialer{Timeout: 5 * time.Second, DialFunc: o.dial}).DialLeader(ctx, "tcp", o.addr, topic, partition)
	if err != nil {
		return fmt.Errorf("dial the leader of %s/%d: %w", topic, partition, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Seek(*next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return fmt.Errorf("seek in %s/%d: %w", topic, partition, err)
	}
	for ctx.Err() == nil {
		if err := conn.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
			return err
		}
		batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 8 << 20, MaxWait: time.Second})
		for {
			m, err := batch.ReadMessage()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, kafka.RequestTimedOut) {
					_ = batch.Close()
					return fmt.Errorf("read %s/%d: %w", topic, partition, err)
				}
				break
			}
			if m.Offset >= *next {
				*next = m.Offset + 1
				o.addMessage(topic, m.Value)
			}
		}
		if err := batch.Close(); err != nil && !errors.Is(err, kafka.RequestTimedOut) {
			return fmt.Errorf("read %s/%d: %w", topic, partition, err)
		}
	}
	return ctx.Err()
}

func (o *outputTopics) addMessage(topic string, value []byte) {
	now := schemas.MicrosOf(time.Now())
	if topic == schemas.TopicOffences {
		var x anprv1.Offence
		o.withParsed(proto.Unmarshal(value, &x), func() { o.got.AddOffence(&x) })
		return
	}
	var x anprv1.Hit
	o.withParsed(proto.Unmarshal(value, &x), func() {
		o.got.AddHit(&x)
		id := string(x.GetHitId())
		if o.seen[id] {
			o.repeats++
			return
		}
		o.seen[id] = true
		var read schemas.ReadID
		copy(read.ID[:], x.GetReadId())
		if due, _, timed := o.start.dueOf(schemas.Micros(x.GetReceivedAtUs()), read); timed {
			o.hits.recordMicros(int64(now - due))
		}
	})
}

// withParsed runs f under the lock, or keeps the error.
func (o *outputTopics) withParsed(err error, f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		if o.err == nil {
			o.err = fmt.Errorf("a message of the output topics does not parse: %w", err)
		}
		return
	}
	f()
}
