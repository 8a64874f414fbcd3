package main

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// topicCounter asks the broker how far topics and the consumer group are.
type topicCounter struct {
	*platform.Admin
	group string
}

func newTopicCounter(f *brokerFlags, group string) *topicCounter {
	return &topicCounter{f.kafka().Admin("anpr"), group}
}

// lag returns how many records of anpr.reads.v1 the group has not committed.
func (t *topicCounter) lag(ctx context.Context) (int64, error) {
	return t.Lag(ctx, t.group, schemas.TopicReads)
}
