package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// partitionsTTL bounds how long a sender does not notice that a topic has more partitions.
const partitionsTTL = 5 * time.Minute

// topicSender sends a topic's messages, batch after batch, so messages with the same key keep their order.
type topicSender struct {
	p     *KafkaPublisher
	topic string
	q     *messageQueue

	partitions []int // of the topic; nil when the broker must be asked
	asked      time.Time

	queued         prometheus.Gauge
	acked, retried prometheus.Counter
	lost           prometheus.Counter
	seconds, batch prometheus.Observer
}

func (p *KafkaPublisher) newTopicSender(topic string) *topicSender {
	m := p.cfg.Metrics
	return &topicSender{
		p: p, topic: topic, q: newQueue(p.cfg.QueueMessages, p.cfg.QueueBytes),
		queued: m.PublishQueue.WithLabelValues(topic), acked: m.Published.WithLabelValues(topic),
		retried: m.PublishRetries.WithLabelValues(topic), lost: m.PublishGivenUp.WithLabelValues(topic),
		seconds: m.PublishSeconds.WithLabelValues(topic), batch: m.PublishBatching.WithLabelValues(topic),
	}
}

// run sends until the queue is closed and empty. After ctx ended it gives up the remaining messages.
func (l *topicSender) run(ctx context.Context) {
	var batch []message
	for {
		var ok bool
		if batch, ok = l.q.takeGathered(batch[:0], l.p.cfg.BatchMessages, l.p.cfg.MaxMessageBytes); !ok {
			return
		}
		l.sendBatch(ctx, batch)
		clear(batch) // keep no payload until the next batch
	}
}

// sendBatch returns when every message is acknowledged or given up.
func (l *topicSender) sendBatch(ctx context.Context, left []message) {
	l.batch.Observe(float64(len(left)))
	for try := 0; ; try++ {
		err := l.refreshPartitions(ctx)
		if err == nil {
			left, err = l.produceAll(ctx, left)
		}
		if len(left) == 0 {
			return
		}
		if ctx.Err() != nil {
			l.giveUp(ErrPublisherClosed, left...)
			return
		}
		l.partitions = nil // a leader may have moved
		l.retried.Add(float64(len(left)))
		if try%10 == 0 {
			l.p.cfg.Logger.Warn().Err(err).Str("topic", l.topic).Int("messages", len(left)).Int("try", try+1).
				Msg("broker did not acknowledge; sending again")
		}
		if pauseFor(ctx, backoffPause(l.p.cfg.MinWait, l.p.cfg.MaxWait, try)) != nil {
			l.giveUp(ErrPublisherClosed, left...)
			return
		}
	}
}

// refreshPartitions asks for the topic's partitions when they are unknown or older than partitionsTTL.
func (l *topicSender) refreshPartitions(ctx context.Context) error {
	if l.partitions != nil && time.Since(l.asked) < partitionsTTL {
		return nil
	}
	res, err := l.p.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{l.topic}})
	if err != nil {
		return fmt.Errorf("ask for the partitions of %s: %w", l.topic, err)
	}
	for _, t := range res.Topics {
		if t.Name != l.topic {
			continue
		}
		if t.Error != nil {
			return fmt.Errorf("ask for the partitions of %s: %w", l.topic, t.Error)
		}
		l.partitions = l.partitions[:0]
		for _, p := range t.Partitions {
			l.partitions = append(l.partitions, p.ID)
		}
		slices.Sort(l.partitions)
	}
	if len(l.partitions) == 0 {
		return fmt.Errorf("topic %s has no partitions: create it", l.topic)
	}
	l.asked = time.Now()
	return nil
}

// produceAll sends to all partitions at the same time and returns the messages without an acknowledgement, in order.
func (l *topicSender) produceAll(ctx context.Context, msgs []message) ([]message, error) {
	groups := make(map[int][]message, len(l.partitions))
	var balance kafka.Murmur2Balancer // Java's, so any client finds the same partition
	for _, m := range msgs {
		at := balance.Balance(kafka.Message{Key: m.key}, l.partitions...)
		groups[at] = append(groups[at], m)
	}
	var (
		mu   sync.Mutex // guards left and errs
		left []message
		errs []error
		wg   sync.WaitGroup
	)
	for at, group := range groups {
		wg.Go(func() {
			rest, err := l.produceTo(ctx, at, group)
			mu.Lock()
			left, errs = append(left, rest...), append(errs, err)
			mu.Unlock()
		})
	}
	wg.Wait()
	return left, errors.Join(errs...)
}

// produceTo sends a batch to a partition. A batch refused for its size is split or cut and sent again. A batch refused
// for ever is given up with an ErrStop error.
func (l *topicSender) produceTo(ctx context.Context, partition int, msgs []message) ([]message, error) {
	err := l.produceOnce(ctx, partition, msgs)
	switch {
	case err == nil:
		l.ackMessages(msgs)
		return nil, nil
	case errors.Is(err, kafka.MessageSizeTooLarge) && len(msgs) > 1:
		half := len(msgs) / 2
		left, err := l.produceTo(ctx, partition, msgs[:half])
		if len(left) > 0 {
			return append(left, msgs[half:]...), err // a key's messages keep their order
		}
		return l.produceTo(ctx, partition, msgs[half:])
	case errors.Is(err, kafka.MessageSizeTooLarge):
		if m := msgs[0]; m.shrink != nil {
			if value, ok := m.shrink(m.value); ok {
				m.value = value
				l.p.cfg.Metrics.RejectsCut.Inc()
				return l.produceTo(ctx, partition, []message{m})
			}
		}
		l.giveUp(fmt.Errorf("topic %s refuses a message of %d bytes: raise its max.message.bytes: %w",
			l.topic, msgs[0].wireSize(), ingest.ErrStop), msgs...)
		return nil, nil
	case isPermanent(err):
		l.giveUp(fmt.Errorf("publish to %s: %w: %w", l.topic, err, ingest.ErrStop), msgs...)
		return nil, nil
	default:
		return msgs, fmt.Errorf("publish to %s/%d: %w", l.topic, partition, err)
	}
}

func (l *topicSender) produceOnce(ctx context.Context, partition int, msgs []message) error {
	ctx, cancel := context.WithTimeout(ctx, l.p.cfg.Timeout)
	defer cancel()
	records := make([]kafka.Record, len(msgs))
	for i, m := range msgs {
		records[i] = kafka.Record{Time: m.since, Key: kafka.NewBytes(m.key), Value: kafka.NewBytes(m.value)}
	}
	res, err := l.p.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: l.topic, Partition: partition,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err != nil {
		return err
	}
	return res.Error
}

// isPermanent reports whether a person must change something before the broker accepts the message.
func isPermanent(err error) bool {
	for _, code := range []kafka.Error{
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.InvalidTopic, kafka.InvalidRequiredAcks,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func (l *topicSender) ackMessages(msgs []message) {
	now := time.Now()
	for i := range msgs {
		took := now.Sub(msgs[i].since)
		l.seconds.Observe(took.Seconds())
		switch l.topic {
		case schemas.TopicHits:
			l.p.cfg.Stages.Observe(ingest.StageHit, took, 1)
		case schemas.TopicOffences:
			l.p.cfg.Stages.Observe(ingest.StageOffence, took, 1)
		}
		l.acked.Inc()
		l.queued.Dec()
		msgs[i].pending.Done(nil)
	}
}

func (l *topicSender) giveUp(err error, msgs ...message) {
	l.p.givenUp.Add(int64(len(msgs)))
	for i := range msgs {
		l.lost.Inc()
		l.queued.Dec()
		msgs[i].pending.Done(err)
	}
}
