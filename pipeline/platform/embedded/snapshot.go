package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// At an orderly stop the broker notes the content of each partition (snapshot.json). With the notes the next start
// needs little memory, for a segment at a time. After a kill the notes are old, and the broker would read the whole log
// into memory at once: 2.3 GB for 2 GB. The program therefore updates the notes before the start, from the ends of the
// files. A partition with an unexpected content keeps the old notes, and the broker reads the whole partition.

// partSnapshot is the broker's note of a partition, version 1.
type partSnapshot struct {
	Version          int               `json:"version"`
	HighWatermark    int64             `json:"high_watermark"`
	LastStableOffset int64             `json:"last_stable_offset"`
	LogStartOffset   int64             `json:"log_start_offset"`
	Epoch            int32             `json:"epoch"`
	LeaderNode       int32             `json:"leader_node,omitempty"`
	MaxTimestamp     int64             `json:"max_timestamp"`
	CreatedAt        time.Time         `json:"created_at"`
	AbortedTxns      []json.RawMessage `json:"aborted_txns,omitempty"`
	Segments         []segmentNote     `json:"segments"`
}

type segmentNote struct {
	BaseOffset int64 `json:"base_offset"`
	Size       int64 `json:"size"`
	MinEpoch   int32 `json:"min_epoch,omitempty"`
	MaxEpoch   int32 `json:"max_epoch,omitempty"`
}

// The header of a record batch, as on the disk.
const (
	batchHead     = 61
	batchLengthAt = 8
	batchEpochAt  = 12
	batchMagicAt  = 16
	batchCRCAt    = 17
	batchAttrsAt  = 21
	batchDeltaAt  = 23
	transactional = 0x10 | 0x20 // attributes: a transaction, or the mark of its end
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// renewSnapshots brings the notes of all partitions up to date.
func renewSnapshots(dir string) error {
	folders, err := filepath.Glob(filepath.Join(dir, "partitions", "*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range folders {
		if err := renewSnapshot(f); err != nil {
			errs = append(errs, fmt.Errorf("note what %s holds: %w", f, err))
		}
	}
	return errors.Join(errs...)
}

func renewSnapshot(dir string) error {
	segments, err := segmentsOf(dir, "", 0)
	if err != nil || len(segments) == 0 {
		return err
	}
	var note partSnapshot
	text, err := os.ReadFile(filepath.Join(dir, "snapshot.json"))
	if err != nil || json.Unmarshal(text, &note) != nil || note.Version != 1 || len(note.AbortedTxns) > 0 {
		note = partSnapshot{Version: 1, CreatedAt: segments[0].written}
		if len(text) > 0 {
			return nil // the notes have an unknown form
		}
	}
	known := map[int64]int64{}
	for _, s := range note.Segments {
		known[s.BaseOffset] = s.Size
	}
	fresh := partSnapshot{
		Version: 1, HighWatermark: note.HighWatermark, LogStartOffset: max(note.LogStartOffset, segments[0].base), Epoch: note.Epoch, LeaderNode: note.LeaderNode,
		MaxTimestamp: note.MaxTimestamp, CreatedAt: note.CreatedAt,
	}
	for i, s := range segments {
		path := filepath.Join(dir, strconv.FormatInt(s.base, 10)+".dat")
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		n := segmentNote{BaseOffset: s.base, Size: info.Size()}
		if known[s.base] != info.Size() || i == len(segments)-1 {
			end, err := scanSegment(path, s.base)
			if err != nil {
				return nil //nolint:nilerr // the broker looks itself, and cuts off what is torn
			}
			if s.end >= 0 && end.next != s.end {
				return nil // a hole: the broker decides
			}
			fresh.HighWatermark, fresh.Epoch, n.Size = end.next, end.epoch, end.size
			if end.size < info.Size() { // a batch cut off by the kill was never acknowledged
				if err := os.Truncate(path, end.size); err != nil {
					return err
				}
			}
		}
		fresh.Segments = append(fresh.Segments, n)
	}
	fresh.LastStableOffset = fresh.HighWatermark
	return writeJSON(filepath.Join(dir, "snapshot.json"), fresh)
}

// segmentEnd describes the complete batches of a segment.
type segmentEnd struct {
	next  int64 // offset after the last record
	size  int64 // bytes in whole batches
	epoch int32
}

var errStrange = errors.New("not as a batch of ours is")

// scanSegment walks over the batches of a file of about 8 MiB. The last batch may be torn. A batch of a transaction, or
// with a wrong checksum before the end, is strange.
func scanSegment(path string, base int64) (segmentEnd, error) {
	out := segmentEnd{next: base}
	raw, err := os.ReadFile(path)
	if err != nil {
		return out, err
	}
	for len(raw) >= batchHead {
		size := int64(int32(binary.BigEndian.Uint32(raw[batchLengthAt:]))) + batchLengthAt + 4
		if size > int64(len(raw)) {
			return out, nil // torn
		}
		if size < batchHead || raw[batchMagicAt] != 2 || int64(binary.BigEndian.Uint64(raw)) != out.next ||
			binary.BigEndian.Uint16(raw[batchAttrsAt:])&transactional != 0 ||
			crc32.Checksum(raw[batchAttrsAt:size], castagnoli) != binary.BigEndian.Uint32(raw[batchCRCAt:]) {
			return out, errStrange
		}
		out.next += int64(int32(binary.BigEndian.Uint32(raw[batchDeltaAt:]))) + 1
		out.epoch = int32(binary.BigEndian.Uint32(raw[batchEpochAt:]))
		out.size += size
		raw = raw[size:]
	}
	return out, nil
}
