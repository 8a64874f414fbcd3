package platform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
)

// Kafka holds the addresses of the brokers, and the account for them.
type Kafka struct {
	Addr    string  // host:port; several, separated by commas
	Account Account // zero: the brokers ask for no user
}

// Brokers returns the single addresses.
func (k Kafka) Brokers() []string { return splitAddrs(k.Addr) }

// Dialer opens connections to the brokers.
func (k Kafka) Dialer() DialFunc { return k.Account.Dialer() }

// Transport returns the connections of a client. The brokers see the client's name.
func (k Kafka) Transport(client string) *kafka.Transport {
	return &kafka.Transport{ClientID: client, DialTimeout: timeout, MetadataTTL: 30 * time.Second, Dial: k.Dialer()}
}

// NewAdmin makes a client for topics, offsets and consumer groups, without connecting yet. The caller closes the
// client.
func (k Kafka) NewAdmin(client string) *Admin {
	t := k.Transport(client)
	t.MetadataTTL = 5 * time.Second
	addr := kafka.TCP(k.Brokers()...)
	return &Admin{kafka: k, addr: addr, client: &kafka.Client{Addr: addr, Timeout: 10 * time.Second, Transport: namedBrokers{t}}, transport: t}
}

// namedBrokers says the addresses of the brokers in every error: a connection that breaks in the middle of an answer
// names none by itself.
type namedBrokers struct{ *kafka.Transport }

func (n namedBrokers) RoundTrip(ctx context.Context, addr net.Addr, req kafka.Request) (kafka.Response, error) {
	resp, err := n.Transport.RoundTrip(ctx, addr, req)
	if err != nil {
		return nil, fmt.Errorf("Kafka at %s: %w", addr, err)
	}
	return resp, nil
}

// Admin asks brokers for topics, offsets and consumer groups. Only SetGroup and DeleteGroup change anything. Safe
// for concurrent use.
type Admin struct {
	kafka     Kafka
	addr      net.Addr
	client    *kafka.Client
	transport *kafka.Transport
}

// Close ends idle connections.
func (a *Admin) Close() { a.transport.CloseIdleConnections() }

// ErrNoTopic means that the broker lacks the topic.
var ErrNoTopic = errors.New("no such topic")

// Partitions lists the partitions of a topic.
func (a *Admin) Partitions(ctx context.Context, topic string) ([]int32, error) {
	meta, err := a.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w; is it running, is --kafka-addr right?", topic, err)
	}
	var out []int32
	for _, t := range meta.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil && !errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			return nil, fmt.Errorf("ask for topic %s: %w", topic, t.Error)
		}
		for _, p := range t.Partitions {
			out = append(out, int32(p.ID))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("topic %s: %w", topic, ErrNoTopic)
	}
	slices.Sort(out)
	return out, nil
}

// Bounds is the extent of a partition: the first offset kept and the offset after the last record.
type Bounds struct{ First, End int64 }

// Bounds asks for the extent of every partition.
func (a *Admin) Bounds(ctx context.Context, topic string, partitions []int32) (map[int32]Bounds, error) {
	want := make([]kafka.OffsetRequest, 0, 2*len(partitions))
	for _, p := range partitions {
		want = append(want, kafka.FirstOffsetOf(int(p)), kafka.LastOffsetOf(int(p)))
	}
	resp, err := a.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("ask for the offsets of %s: %w", topic, err)
	}
	out := map[int32]Bounds{}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		out[int32(p.Partition)] = Bounds{p.FirstOffset, p.LastOffset}
	}
	for _, p := range partitions {
		if _, ok := out[p]; !ok {
			return nil, fmt.Errorf("ask for the offsets of %s/%d: the broker did not answer for it", topic, p)
		}
	}
	return out, nil
}

// OffsetsSince returns for every partition the first offset with the time at or a later time, else the end of bounds.
// Every record before the offset is earlier than at.
func (a *Admin) OffsetsSince(ctx context.Context, topic string, bounds map[int32]Bounds, at time.Time) (map[int32]int64, error) {
	out := map[int32]int64{}
	var want []kafka.OffsetRequest
	for p, b := range bounds {
		out[p] = b.End
		want = append(want, kafka.TimeOffsetOf(int(p), at))
	}
	resp, err := a.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: want}})
	if err != nil {
		return nil, fmt.Errorf("find the records of %s since %s: %w", topic, at.UTC().Format(time.RFC3339), err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("find the records of %s/%d since %s: %w", topic, p.Partition, at.UTC().Format(time.RFC3339), p.Error)
		}
		for offset := range p.Offsets {
			if b := bounds[int32(p.Partition)]; offset >= 0 {
				out[int32(p.Partition)] = min(max(offset, b.First), b.End)
			}
		}
	}
	return out, nil
}

// GroupCommit is a consumer group's commit for a partition; Offset is -1 when the group has committed nothing.
type GroupCommit struct {
	Partition int32
	Offset    int64
	Metadata  string
	At        time.Time // time of the commit, or of the question
	Hole      bool      // in a history of commits: the commits just before may have been compacted away
}

// Commits returns the commits of a group. While the group's coordinator moves, Commits asks again.
func (a *Admin) Commits(ctx context.Context, group, topic string, partitions []int32) (map[int32]GroupCommit, error) {
	return backoff.Retry(ctx, func() (map[int32]GroupCommit, error) {
		out, err := a.fetchCommits(ctx, group, topic, partitions)
		if code, ok := errors.AsType[kafka.Error](err); err != nil && (!ok || !code.Temporary()) {
			return nil, backoff.Permanent(err)
		}
		return out, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(250*time.Millisecond)), backoff.WithMaxTries(21))
}

func (a *Admin) fetchCommits(ctx context.Context, group, topic string, partitions []int32) (map[int32]GroupCommit, error) {
	ids := make([]int, len(partitions))
	for i, p := range partitions {
		ids[i] = int(p)
	}
	resp, err := a.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{Addr: a.addr, GroupID: group, Topics: map[string][]int{topic: ids}})
	if err == nil && resp.Error != nil {
		err = resp.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) { // the broker's answer for a group that never existed
		resp = &kafka.OffsetFetchResponse{Topics: map[string][]kafka.OffsetFetchPartition{}}
		for _, p := range ids {
			resp.Topics[topic] = append(resp.Topics[topic], kafka.OffsetFetchPartition{Partition: p, CommittedOffset: -1})
		}
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the commits of group %s: %w", group, err)
	}
	out, now := map[int32]GroupCommit{}, time.Now()
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("ask for the commits of group %s, %s/%d: %w", group, topic, p.Partition, p.Error)
		}
		out[int32(p.Partition)] = GroupCommit{Partition: int32(p.Partition), Offset: p.CommittedOffset, Metadata: p.Metadata, At: now}
	}
	for _, p := range partitions {
		if _, ok := out[p]; !ok {
			return nil, fmt.Errorf("ask for the commits of group %s: the broker did not answer for %s/%d", group, topic, p)
		}
	}
	return out, nil
}

// CountMembers returns the present number of members of a group; an unknown group has none.
func (a *Admin) CountMembers(ctx context.Context, group string) (int, error) {
	resp, err := a.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{Addr: a.addr, GroupIDs: []string{group}})
	if err != nil {
		return 0, fmt.Errorf("describe group %s: %w", group, err)
	}
	for _, r := range resp.Groups {
		if r.GroupID == group {
			if r.Error != nil && !errors.Is(r.Error, kafka.GroupIdNotFound) {
				return 0, fmt.Errorf("describe group %s: %w", group, r.Error)
			}
			return len(r.Members), nil
		}
	}
	return 0, nil
}

// SetGroup sets the offsets of a group without members.
func (a *Admin) SetGroup(ctx context.Context, group, topic string, commits []GroupCommit) error {
	if len(commits) == 0 {
		return nil
	}
	var offsets []kafka.OffsetCommit
	for _, c := range commits {
		offsets = append(offsets, kafka.OffsetCommit{Partition: int(c.Partition), Offset: c.Offset, Metadata: c.Metadata})
	}
	resp, err := a.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		Addr: a.addr, GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: offsets},
	})
	if err != nil {
		return fmt.Errorf("set group %s: %w", group, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return fmt.Errorf("set group %s, partition %d: %w", group, p.Partition, p.Error)
		}
	}
	return nil
}

// DeleteGroup deletes a group without members. Deleting a missing group is no error.
func (a *Admin) DeleteGroup(ctx context.Context, group string) error {
	resp, err := a.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{Addr: a.addr, GroupIDs: []string{group}})
	if err != nil {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	if err := resp.Errors[group]; err != nil && !errors.Is(err, kafka.GroupIdNotFound) {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	return nil
}

// FetchRecords fetches records of a partition from an offset on, at most 8 MiB, and waits half a second for the
// first record.
func (a *Admin) FetchRecords(ctx context.Context, topic string, partition int32, offset int64) (*kafka.FetchResponse, error) {
	resp, err := a.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: topic, Partition: int(partition), Offset: offset, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 500 * time.Millisecond,
	})
	if err == nil && resp.Error != nil {
		err = resp.Error
	}
	return resp, err
}

// TopicBounds asks for the extent of every partition of a topic.
func (a *Admin) TopicBounds(ctx context.Context, topic string) (map[int32]Bounds, error) {
	partitions, err := a.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	return a.Bounds(ctx, topic, partitions)
}

// CountRecords returns the number of offsets between the ends of all partitions of a topic.
func (a *Admin) CountRecords(ctx context.Context, topic string) (n int64, err error) {
	bounds, err := a.TopicBounds(ctx, topic)
	for _, b := range bounds {
		n += b.End - b.First
	}
	return n, err
}

// Lag returns the number of records on a topic that a group has not committed.
func (a *Admin) Lag(ctx context.Context, group, topic string) (int64, error) {
	partitions, err := a.Partitions(ctx, topic)
	if err != nil {
		return 0, err
	}
	bounds, err := a.Bounds(ctx, topic, partitions)
	if err != nil {
		return 0, err
	}
	return a.LagTo(ctx, group, topic, bounds)
}

// LagTo returns the number of records below the ends of the bounds that a group has not committed.
func (a *Admin) LagTo(ctx context.Context, group, topic string, bounds map[int32]Bounds) (lag int64, err error) {
	partitions := slices.Sorted(maps.Keys(bounds))
	commits, err := a.Commits(ctx, group, topic, partitions)
	for _, p := range partitions {
		if err == nil {
			lag += max(0, bounds[p].End-max(commits[p].Offset, bounds[p].First))
		}
	}
	return lag, err
}
