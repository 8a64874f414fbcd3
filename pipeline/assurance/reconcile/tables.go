package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// tableReader asks ClickHouse, with a single thread: an account must not slow down the pipeline.
type tableReader struct{ conn driver.Conn }

func (t tableReader) queryRows(ctx context.Context, sql string, scan func(driver.Rows) error) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 2, "max_threads": 1, "max_query_size": 16 << 20}))
	rows, err := t.conn.Query(ctx, sql)
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return fmt.Errorf("ask ClickHouse: %w; is it running, is --clickhouse-addr right?", err)
	}
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("ask ClickHouse: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	return nil
}

// RecordedLosses reads the recorded losses of a topic by partition, in order of offset. batches is the table, with
// or without its database.
func RecordedLosses(ctx context.Context, conn driver.Conn, batches, topic string) (map[int32][]ingest.RecordedLoss, error) {
	out := map[int32][]ingest.RecordedLoss{}
	err := tableReader{conn}.queryRows(ctx, fmt.Sprintf("SELECT kafka_partition, start_offset, end_offset, loss_reason, loss_by, inserted_at FROM %s FINAL"+
		" WHERE kafka_topic = '%s' AND lost > 0 ORDER BY kafka_partition, start_offset", batches, topic), func(rows driver.Rows) error {
		var l ingest.RecordedLoss
		if err := rows.Scan(&l.Partition, &l.Start, &l.End, &l.Reason, &l.By, &l.At); err != nil {
			return err
		}
		out[l.Partition] = append(out[l.Partition], l)
		return nil
	})
	return out, err
}

// inRanges is a condition on kafka_partition and kafka_offset: inside any of the ranges.
func inRanges(parts []*partitionRange) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(" OR ")
		}
		fmt.Fprintf(&b, "(kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d)", p.partition, p.from, p.to)
	}
	return "(" + b.String() + ")"
}

// readOffsets visits the offsets of a table inside the ranges, once a row.
func (t tableReader) readOffsets(ctx context.Context, table, where string, parts []*partitionRange, visit func(partition int32, offset int64)) error {
	if len(parts) == 0 {
		return nil
	}
	sql := "SELECT kafka_partition, kafka_offset FROM " + table + " WHERE " + inRanges(parts) + where
	return t.queryRows(ctx, sql, func(rows driver.Rows) error {
		var partition int32
		var offset int64
		if err := rows.Scan(&partition, &offset); err != nil {
			return err
		}
		visit(partition, offset)
		return nil
	})
}

// textIn makes the list of an IN condition; the values are ids or numbers of ours.
func textIn(values []string) string { return "('" + strings.Join(values, "', '") + "')" }
