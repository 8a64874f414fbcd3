package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// CollectLetters reads the whole dead-letter topic and returns the letters at the wanted positions. A letter
// published twice, as after a crash, is the same both times.
func CollectLetters(ctx context.Context, admin *platform.Admin, wanted []LogPosition) (map[LogPosition]DeadLetter, error) {
	want := make(map[LogPosition]bool, len(wanted))
	for _, p := range wanted {
		want[p] = true
	}
	bounds, err := admin.TopicBounds(ctx, schemas.TopicRejects)
	if err != nil {
		return nil, err
	}
	out := map[LogPosition]DeadLetter{}
	for p, b := range bounds {
		if err := collectPartition(ctx, admin, p, b, want, out); err != nil {
			return nil, fmt.Errorf("read %s/%d: %w", schemas.TopicRejects, p, err)
		}
	}
	return out, nil
}

func collectPartition(ctx context.Context, admin *platform.Admin, partition int32, b platform.Bounds, want map[LogPosition]bool, out map[LogPosition]DeadLetter) (err error) {
	for next := b.First; next < b.End; {
		before := next
		if next, err = fetchLetters(ctx, admin, partition, next, want, out); err != nil {
			return fmt.Errorf("at offset %d: %w", next, err)
		}
		if next == before { // offsets without a record up to the end
			return nil
		}
	}
	return nil
}

func fetchLetters(ctx context.Context, admin *platform.Admin, partition int32, next int64, want map[LogPosition]bool, out map[LogPosition]DeadLetter) (int64, error) {
	resp, err := admin.FetchRecords(ctx, schemas.TopicRejects, partition, next)
	if err != nil {
		return next, err
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
		p := LogPosition{m.GetTopic(), m.GetPartition(), m.GetOffset()}
		if want[p] {
			out[p] = DeadLetter{LogPosition: p, Reason: m.GetReason(), Record: m.GetPayload(), Size: m.GetPayloadSize(), Upload: m.GetUpload()}
		}
	}
}
