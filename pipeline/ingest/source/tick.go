package source

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Tick appends a tick to the partition. The record's timestamp is now, because a broker might refuse at, a time on the
// log clock.
func (s *groupGeneration) Tick(ctx context.Context, partition int32, at schemas.Micros) error {
	return s.appendTick(ctx, partition, &anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
}

// Mark appends a mark to the partition.
func (s *groupGeneration) Mark(ctx context.Context, partition int32, at schemas.Micros) error {
	return s.appendTick(ctx, partition, &anprv1.PlateRead{Format: schemas.FormatMark, Tick: &anprv1.Tick{AtUs: int64(at)}})
}

func (s *groupGeneration) appendTick(ctx context.Context, partition int32, tick *anprv1.PlateRead) error {
	value, err := proto.Marshal(tick)
	if err != nil {
		return fmt.Errorf("encode tick: %w", err)
	}
	resp, err := s.g.client.Produce(ctx, &kafka.ProduceRequest{
		Addr: s.g.addr, Topic: s.g.cfg.Topic, Partition: int(partition), RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Time: time.Now(), Value: kafka.NewBytes(value)}),
	})
	if err != nil {
		return fmt.Errorf("write tick: %w", err)
	}
	if resp.Error != nil {
		return fmt.Errorf("write tick: %w", resp.Error)
	}
	return nil
}
