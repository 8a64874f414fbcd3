package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Publish writes a record to a topic, and returns when all brokers in sync have the record. A call opens a connection,
// so Publish is for few records.
func (k Kafka) Publish(ctx context.Context, client, topic string, value []byte) error {
	return k.PublishKeyed(ctx, client, topic, nil, value)
}

// PublishKeyed writes a record with a key to a topic with one partition, acknowledged by all replicas. On a compacted
// topic the newest record of a key stays.
func (k Kafka) PublishKeyed(ctx context.Context, client, topic string, key, value []byte) error {
	t := k.Transport(client)
	defer t.CloseIdleConnections()
	w := &kafka.Writer{
		Addr: kafka.TCP(k.Brokers()...), Topic: topic, Transport: t, RequiredAcks: kafka.RequireAll, MaxAttempts: 3,
		WriteBackoffMin: 20 * time.Millisecond, WriteBackoffMax: 200 * time.Millisecond, BatchTimeout: time.Millisecond,
		WriteTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
	}
	err := w.WriteMessages(ctx, kafka.Message{Key: key, Value: value})
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("write to topic %s: %w", topic, err)
	}
	return nil
}

// ReadFrom visits the records of a partition from an offset to the end, and returns the next offset. When the records
// at the offset have left the partition, ReadFrom starts at the first record.
func (a *Admin) ReadFrom(ctx context.Context, topic string, partition int32, offset int64, each func(offset int64, value []byte) error) (next int64, err error) {
	bounds, err := a.Bounds(ctx, topic, []int32{partition})
	if err != nil {
		return offset, err
	}
	next = max(offset, bounds[partition].First)
	for next < bounds[partition].End {
		resp, err := a.FetchRecords(ctx, topic, partition, next)
		if err != nil {
			return next, err
		}
		before := next
		for {
			r, err := resp.Records.ReadRecord()
			if err != nil {
				break // io.EOF, or an incomplete record, with which the next fetch begins
			}
			if r.Offset < next {
				continue
			}
			value, err := kafka.ReadAll(r.Value)
			if err != nil {
				return next, fmt.Errorf("read record %d of %s/%d: %w", r.Offset, topic, partition, err)
			}
			if err := each(r.Offset, value); err != nil {
				return next, err
			}
			next = r.Offset + 1
		}
		if next == before {
			return next, fmt.Errorf("read %s/%d: the broker gives no record from offset %d on, and the partition ends with %d", topic, partition, next, bounds[partition].End)
		}
	}
	return next, nil
}
