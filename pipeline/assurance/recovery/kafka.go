package recovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// Groups manages the consumer groups of a restore.
type Groups struct {
	addr   net.Addr
	client *kafka.Client
}

// NewGroups makes it for brokers, host:port separated by commas. dial opens connections; nil: TCP.
func NewGroups(addr string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Groups {
	brokers := strings.Split(addr, ",")
	for i := range brokers {
		brokers[i] = strings.TrimSpace(brokers[i])
	}
	a := kafka.TCP(brokers...)
	return &Groups{a, &kafka.Client{Addr: a, Timeout: 15 * time.Second, Transport: &kafka.Transport{ClientID: "anpr-restore", Dial: dial}}}
}

// Members returns how many members a group has now; a group that never was has none.
func (g *Groups) Members(ctx context.Context, group string) (int, error) {
	resp, err := g.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{Addr: g.addr, GroupIDs: []string{group}})
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

// Begin sets a group that has no members to the plans, from which its worker goes on.
func (g *Groups) Begin(ctx context.Context, group, topic string, plans map[int32]ingest.Plan) error {
	if len(plans) == 0 {
		return nil
	}
	var commits []kafka.OffsetCommit
	for p, plan := range plans {
		commits = append(commits, kafka.OffsetCommit{Partition: int(p), Offset: plan.Start, Metadata: plan.String()})
	}
	resp, err := g.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		Addr: g.addr, GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: commits},
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

// Delete forgets a group without members. One that is not there is no error.
func (g *Groups) Delete(ctx context.Context, group string) error {
	resp, err := g.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{Addr: g.addr, GroupIDs: []string{group}})
	if err != nil {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	if err := resp.Errors[group]; err != nil && !errors.Is(err, kafka.GroupIdNotFound) {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	return nil
}
