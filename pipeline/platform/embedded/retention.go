package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Limits bound the embedded broker's log. A zero field bounds nothing.
type Limits struct {
	Age   time.Duration // since the last record of a segment was written
	Bytes int64         // on the disk, over all topics
	// Batches over all topics: the broker keeps 72 bytes of memory a batch. A small site has a single read in a batch.
	Batches int64
}

// segmentBytes is the size of a log file. TrimLog drops whole files, and a start reads a file at a time.
const segmentBytes = 8 << 20

// indexEntry is the size of the broker's index entry for a batch, in bytes.
const indexEntry = 15

// Need gives the first offset that somebody still needs, by topic and partition. Records from the offset on stay,
// whatever the limits.
type Need map[string]map[int32]int64

// LogUse is the space that the log takes.
type LogUse struct {
	Bytes, Batches int64
	Oldest         time.Time // when the last record of the oldest segment was written; zero without segments
	Dropped        int64     // dropped by the call, bytes
	Held           int64     // beyond the limits and still needed, bytes
}

// logSegment is a file of the log.
type logSegment struct {
	topic     string
	partition int32
	base, end int64 // offsets; end is the base of the next segment, or -1 for the segment being written
	bytes     int64
	batches   int64
	written   time.Time
}

// TrimLog drops whole segments: segments older than the age, and the oldest segments while the log is larger than
// allowed. The segment under writing and needed segments always stay.
func (b *Broker) TrimLog(ctx context.Context, limits Limits, need Need, now time.Time) (LogUse, error) {
	segments, err := listSegments(b.dir)
	if err != nil {
		return LogUse{}, err
	}
	cuts, use := planTrim(segments, limits, need, now)
	if len(cuts) == 0 {
		return use, nil
	}
	cl, err := b.newClient(&b.cfg)
	if err != nil {
		return use, fmt.Errorf("trim the log: %w", err)
	}
	defer cl.Close()
	var offsets kadm.Offsets
	for topic, parts := range cuts {
		for p, to := range parts {
			offsets.Add(kadm.Offset{Topic: topic, Partition: p, At: to})
		}
	}
	answer, err := kadm.NewClient(cl).DeleteRecords(ctx, offsets)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return use, fmt.Errorf("trim the log: %w", err)
	}
	return use, nil
}

// planTrim returns the offset up to which each partition is cut, and the use of the log after the cut.
func planTrim(segments []logSegment, limits Limits, need Need, now time.Time) (Need, LogUse) {
	var use LogUse
	for _, s := range segments {
		use.Bytes, use.Batches = use.Bytes+s.bytes, use.Batches+s.batches
	}
	slices.SortStableFunc(segments, func(a, b logSegment) int { // oldest first; within a partition in order
		if a.topic == b.topic && a.partition == b.partition {
			return cmp.Compare(a.base, b.base)
		}
		return a.written.Compare(b.written)
	})
	cuts, stopped := Need{}, map[string]bool{}
	for _, s := range segments {
		old := limits.Age > 0 && now.Sub(s.written) > limits.Age
		large := limits.Bytes > 0 && use.Bytes > limits.Bytes || limits.Batches > 0 && use.Batches > limits.Batches
		key := fmt.Sprint(s.topic, "/", s.partition)
		if !old && !large || stopped[key] {
			stopped[key] = true // a log has no holes
			continue
		}
		first, needed := need[s.topic][s.partition]
		if s.end < 0 || needed && s.end > first {
			stopped[key] = true
			if needed && s.end >= 0 {
				use.Held += s.bytes
			}
			continue
		}
		if cuts[s.topic] == nil {
			cuts[s.topic] = map[int32]int64{}
		}
		cuts[s.topic][s.partition] = s.end
		use.Bytes, use.Batches, use.Dropped = use.Bytes-s.bytes, use.Batches-s.batches, use.Dropped+s.bytes
	}
	for _, s := range segments {
		if kept := s.end < 0 || s.end > cuts[s.topic][s.partition]; kept && (use.Oldest.IsZero() || s.written.Before(use.Oldest)) {
			use.Oldest = s.written
		}
	}
	return cuts, use
}

// listSegments reads the broker's directory: a folder a partition, two files a segment, named after the first
// offset.
func listSegments(dir string) (out []logSegment, err error) {
	folders, err := os.ReadDir(filepath.Join(dir, "partitions"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	for _, f := range folders {
		i := strings.LastIndexByte(f.Name(), '-')
		if i < 0 {
			continue
		}
		topic, err1 := url.PathUnescape(f.Name()[:i])
		partition, err2 := strconv.ParseInt(f.Name()[i+1:], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		list, err := segmentsOf(filepath.Join(dir, "partitions", f.Name()), topic, int32(partition))
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func segmentsOf(dir, topic string, partition int32) (out []logSegment, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".dat")
		base, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("look at the log: %w", err)
		}
		s := logSegment{topic: topic, partition: partition, base: base, end: -1, bytes: info.Size(), written: info.ModTime()}
		if idx, err := os.Stat(filepath.Join(dir, name+".idx")); err == nil {
			s.batches, s.bytes = idx.Size()/indexEntry, s.bytes+idx.Size()
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b logSegment) int { return cmp.Compare(a.base, b.base) })
	for i := range len(out) - 1 {
		out[i].end = out[i+1].base
	}
	return out, nil
}
