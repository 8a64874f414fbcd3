package recovery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/schemas"
)

// OffsetsText names an offset of each partition, in order. Example: partition 0 from 748, partition 1 from 12
func OffsetsText(offsets map[int32]int64, word string) string {
	out := make([]string, 0, len(offsets))
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		out = append(out, fmt.Sprintf("partition %d %s %d", p, word, offsets[p]))
	}
	return strings.Join(out, ", ")
}

// TakeBackup makes a backup of all tables while everything runs, with the offsets for completion from the log.
func (s *BackupStore) TakeBackup(ctx context.Context, log *reconcile.KafkaLog, group, name, base string) (*BackupOffsets, error) {
	partitions, err := log.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	commits, err := log.Commits(ctx, group, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	cut, err := NewBackupOffsets(schemas.TopicReads, group, commits)
	if err != nil {
		return nil, err
	}
	return cut, s.Backup(ctx, name, base, cut)
}
