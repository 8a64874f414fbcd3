package main

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/schemas"
)

// topicCounter asks the broker how far topics and the consumer group are.
type topicCounter struct {
	client *kafka.Client
	group  string
}

func newTopicCounter(f *brokerFlags, group string) *topicCounter {
	return &topicCounter{group: group, client: &kafka.Client{Addr: kafka.TCP(brokers(f.KafkaAddr)...), Timeout: 5 * time.Second, Transport: f.transport("anpr")}}
}

// ends returns first and end offset of every partition of a topic.
func (t *topicCounter) ends(ctx context.Context, topic string) (map[int][2]int64, error) {
	meta, err := t.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", topic, err)
	}
	out := map[int][2]int64{}
	var want []kafka.OffsetRequest
	for _, m := range meta.Topics {
		for _, p := range m.Partitions {
			want = append(want, kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
		}
	}
	resp, err := t.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("ask for the offsets of %s: %w", topic, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		out[p.Partition] = [2]int64{p.FirstOffset, p.LastOffset}
	}
	return out, nil
}

// records returns the number of records in a topic.
func (t *topicCounter) records(ctx context.Context, topic string) (n int64, err error) {
	ends, err := t.ends(ctx, topic)
	for _, e := range ends {
		n += e[1] - e[0]
	}
	return n, err
}

// lag returns how many records of anpr.reads.v1 the group has not committed.
func (t *topicCounter) lag(ctx context.Context) (int64, error) {
	ends, err := t.ends(ctx, schemas.TopicReads)
	if err != nil {
		return 0, err
	}
	partitions := make([]int, 0, len(ends))
	for p := range ends {
		partitions = append(partitions, p)
	}
	resp, err := t.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: t.group, Topics: map[string][]int{schemas.TopicReads: partitions}})
	if err != nil {
		return 0, fmt.Errorf("ask for the group's offsets: %w", err)
	}
	var n int64
	for _, p := range resp.Topics[schemas.TopicReads] {
		if p.Error != nil {
			return 0, fmt.Errorf("ask for the group's offsets: %w", p.Error)
		}
		e := ends[p.Partition]
		n += e[1] - max(e[0], p.CommittedOffset)
	}
	return n, nil
}
