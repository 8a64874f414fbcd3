package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Collect reads the dead-letter topic from its beginning to its end and returns the letters of the wanted positions. A
// letter published twice, as after a crash, is the same twice.
func Collect(ctx context.Context, client *kafka.Client, wanted []Position) (map[Position]Letter, error) {
	want := make(map[Position]bool, len(wanted))
	for _, p := range wanted {
		want[p] = true
	}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{schemas.TopicRejects}})
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", schemas.TopicRejects, err)
	}
	out := map[Position]Letter{}
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("topic %s: %w", schemas.TopicRejects, t.Error)
		}
		for _, p := range t.Partitions {
			if err := collect(ctx, client, p.ID, want, out); err != nil {
				return nil, fmt.Errorf("read %s/%d: %w", schemas.TopicRejects, p.ID, err)
			}
		}
	}
	return out, nil
}

func collect(ctx context.Context, client *kafka.Client, partition int, want map[Position]bool, out map[Position]Letter) error {
	bounds, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		schemas.TopicRejects: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
	}})
	if err != nil {
		return fmt.Errorf("ask for its bounds: %w", err)
	}
	var next, end int64
	for _, o := range bounds.Topics[schemas.TopicRejects] {
		if o.Error != nil {
			return fmt.Errorf("ask for its bounds: %w", o.Error)
		}
		next, end = o.FirstOffset, o.LastOffset
	}
	for next < end {
		before := next
		if next, err = fetch(ctx, client, partition, next, want, out); err != nil {
			return fmt.Errorf("at offset %d: %w", next, err)
		}
		if next == before { // offsets without a record up to the end
			return nil
		}
	}
	return nil
}

func fetch(ctx context.Context, client *kafka.Client, partition int, next int64, want map[Position]bool, out map[Position]Letter) (int64, error) {
	resp, err := client.Fetch(ctx, &kafka.FetchRequest{
		Topic: schemas.TopicRejects, Partition: partition, Offset: next, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 500 * time.Millisecond,
	})
	if err != nil {
		return next, err
	}
	if resp.Error != nil {
		return next, resp.Error
	}
	for {
		rec, err := resp.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		next = max(next, rec.Offset+1)
		var value []byte
		if rec.Value != nil {
			if value, err = io.ReadAll(rec.Value); err != nil {
				return next, err
			}
			_ = rec.Value.Close()
		}
		var m anprv1.Reject
		if proto.Unmarshal(value, &m) != nil {
			continue // not ours
		}
		p := Position{m.GetTopic(), m.GetPartition(), m.GetOffset()}
		if want[p] {
			out[p] = Letter{Position: p, Reason: m.GetReason(), Record: m.GetPayload(), Size: m.GetPayloadSize(), Upload: m.GetUpload()}
		}
	}
}
