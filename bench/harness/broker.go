package harness

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/schemas"
)

// brokerOffsets asks how far topics and the worker's group are. Safe for concurrent use.
type brokerOffsets struct {
	client *kafka.Client
	group  string
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
}

func newBroker(addr, group string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *brokerOffsets {
	return &brokerOffsets{group: group, dial: dial, client: &kafka.Client{
		Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: &kafka.Transport{MetadataTTL: 30 * time.Second, Dial: dial},
	}}
}

func (b *brokerOffsets) closeIdle() {
	if t, ok := b.client.Transport.(*kafka.Transport); ok {
		t.CloseIdleConnections()
	}
}

// endOffsets returns the offset after the last record in every partition of a topic.
func (b *brokerOffsets) endOffsets(ctx context.Context, topic string) (map[int]int64, error) {
	meta, err := b.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", topic, err)
	}
	var want []kafka.OffsetRequest
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("ask for topic %s: %w", topic, t.Error)
		}
		for _, p := range t.Partitions {
			want = append(want, kafka.LastOffsetOf(p.ID))
		}
	}
	res, err := b.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("ask for the offsets of %s: %w", topic, err)
	}
	out := map[int]int64{}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		out[p.Partition] = p.LastOffset
	}
	return out, nil
}

// groupLag returns the records of anpr.reads.v1 that the group has not committed, and how many there are in all.
func (b *brokerOffsets) groupLag(ctx context.Context) (lag, end int64, err error) {
	ends, err := b.endOffsets(ctx, schemas.TopicReads)
	if err != nil {
		return 0, 0, err
	}
	res, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: b.group, Topics: map[string][]int{schemas.TopicReads: slices.Collect(maps.Keys(ends))},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the offsets of group %s: %w", b.group, err)
	}
	for _, p := range res.Topics[schemas.TopicReads] {
		if p.Error != nil {
			return 0, 0, fmt.Errorf("ask for the offsets of group %s: %w", b.group, p.Error)
		}
		lag += ends[p.Partition] - max(p.CommittedOffset, 0)
	}
	for _, e := range ends {
		end += e
	}
	return lag, end, nil
}
