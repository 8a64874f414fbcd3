package sink

import (
	"context"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// Losses returns the partition's offset ranges given up by a person.
func (s *StoredState) Losses(ctx context.Context, topic string, partition int32) ([]ingest.Loss, error) {
	rows, err := s.conn.Query(ctx, `SELECT DISTINCT start_offset, end_offset FROM batches WHERE kafka_topic = ? AND kafka_partition = ? AND lost > 0`, topic, partition)
	if err != nil {
		return nil, fmt.Errorf("read back the losses of partition %d: %w", partition, err)
	}
	defer func() { _ = rows.Close() }()
	var out []ingest.Loss
	for rows.Next() {
		var l ingest.Loss
		if err := rows.Scan(&l.Start, &l.End); err != nil {
			return nil, fmt.Errorf("read back the losses of partition %d: %w", partition, err)
		}
		out = append(out, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read back the losses of partition %d: %w", partition, err)
	}
	return out, nil
}

// RecordLoss writes the batches row for a loss. Recording the same loss again writes nothing. Another loss with the
// same start offset is an error naming the recorded loss. The row takes the log clock from the batch before. The
// partition's worker goes on behind the loss at its next check.
func (s *StoredState) RecordLoss(ctx context.Context, topic string, l *ingest.RecordedLoss) error {
	if l.End <= l.Start {
		return fmt.Errorf("BUG: a loss of nothing: [%d, %d)", l.Start, l.End)
	}
	err := s.conn.Exec(ctx, `INSERT INTO batches (kafka_topic, kafka_partition, start_offset, end_offset, lost, loss_reason, loss_by, log_clock)
		SETTINGS insert_deduplicate = 1, insert_deduplication_token = ?, async_insert = 0
		SELECT ?, toInt32(?), toInt64(?), toInt64(?), toUInt64(?), ?, ?, (SELECT max(log_clock) FROM batches WHERE kafka_topic = ? AND kafka_partition = ?)`,
		fmt.Sprintf("%s/%d/%d/loss", topic, l.Partition, l.Start), // the first of two people counts, however much the second would give up
		topic, l.Partition, l.Start, l.End, l.End-l.Start, l.Reason, l.By, topic, l.Partition)
	if err != nil {
		return fmt.Errorf("record the loss of [%d, %d) of partition %d: %w", l.Start, l.End, l.Partition, err)
	}
	var there ingest.RecordedLoss
	err = s.conn.QueryRow(ctx, `SELECT end_offset, loss_reason, loss_by FROM batches WHERE kafka_topic = ? AND kafka_partition = ? AND start_offset = ? AND lost > 0 ORDER BY inserted_at LIMIT 1`,
		topic, l.Partition, l.Start).Scan(&there.End, &there.Reason, &there.By)
	switch {
	case err != nil:
		return fmt.Errorf("read back the loss of [%d, %d) of partition %d: %w", l.Start, l.End, l.Partition, err)
	case there.End != l.End || there.Reason != l.Reason || there.By != l.By:
		return fmt.Errorf("partition %d: %s recorded the loss of [%d, %d) at the same time: %s", l.Partition, there.By, l.Start, there.End, there.Reason)
	}
	return nil
}
