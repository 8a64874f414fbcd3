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
	value, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
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
