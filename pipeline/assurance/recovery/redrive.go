package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// WaitCommitted waits until the group has committed the records now on the log; only then do the tables show every
// stored read.
func WaitCommitted(ctx context.Context, admin *platform.Admin, group string, longest time.Duration) error {
	bounds, err := admin.TopicBounds(ctx, schemas.TopicReads)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(longest); ; {
		behind, err := admin.LagTo(ctx, group, schemas.TopicReads, bounds)
		if err != nil {
			return err
		}
		switch {
		case behind == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the pipeline is %d records behind, so what is stored already cannot be told; wait for it, or give it longer with --settle", behind)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// CheckRecord decodes a record as the pipeline does, without the registry, whose version may differ here.
func CheckRecord(b []byte, partitions int) (RecordRead, error) {
	var r schemas.Read
	if err := decode.Record(&r, b); err != nil {
		return RecordRead{}, err
	}
	if r.Tick != 0 || r.Quarantine != nil {
		return RecordRead{}, errors.New("is no read")
	}
	if err := normalise.Read(&r); err != nil {
		return RecordRead{}, err
	}
	if err := decode.CheckClock(&r, decode.DefaultAhead, decode.DefaultBehind); err != nil {
		return RecordRead{}, err
	}
	return RecordRead{
		ID: r.ID, Captured: r.CapturedAt, Key: r.Class.AppendTo(nil), Partition: schemas.Partition(r.Class, r.Camera, partitions),
		Camera: r.Camera, Received: r.ReceivedAt.Time(),
	}, nil
}

// KnownReads asks the tables for ids only: no plate, no place.
func KnownReads(ctx context.Context, conn driver.Conn, reads []Outgoing) (map[schemas.ReadID]bool, error) {
	out := map[schemas.ReadID]bool{}
	for part := range slices.Chunk(reads, 5000) {
		ids := make([]string, len(part))
		first, last := part[0].Captured, part[0].Captured
		for i, r := range part {
			ids[i], first, last = r.ID.String(), min(first, r.Captured), max(last, r.Captured)
		}
		if err := knownAmong(ctx, conn, ids, first, last, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func knownAmong(ctx context.Context, conn driver.Conn, ids []string, first, last schemas.Micros, out map[schemas.ReadID]bool) error {
	const within = ` WHERE captured_at BETWEEN fromUnixTimestamp64Micro(?, 'UTC') AND fromUnixTimestamp64Micro(?, 'UTC')
		AND read_id IN (SELECT toUUID(arrayJoin(?)))`
	rows, err := conn.Query(ctx, "SELECT toString(read_id) FROM reads"+within+" UNION ALL SELECT toString(read_id) FROM merges"+within,
		int64(first), int64(last), ids, int64(first), int64(last), ids)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		id, err := schemas.ParseID(text)
		if err != nil {
			return err
		}
		out[schemas.ReadID{ID: id}] = true
	}
	return rows.Err()
}
