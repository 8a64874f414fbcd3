package reconcile

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf16"
)

// offsetsTopic is the compacted topic on which Apache Kafka keeps every commit. The embedded broker has no such topic.
const offsetsTopic = "__consumer_offsets"

// CommitLog reads the commits of a group on a topic in order. For use by a single goroutine.
type CommitLog struct {
	log          *KafkaLog
	group, topic string
	partition    int32 // on offsetsTopic
	next         int64
	hole         map[int32]bool
}

// OpenHistory finds the history of a group. OpenHistory returns platform.ErrNoTopic when the broker shows no
// history; the caller can then only sample the commits.
func OpenHistory(ctx context.Context, log *KafkaLog, group, topic string) (*CommitLog, error) {
	partitions, err := log.Partitions(ctx, offsetsTopic)
	if err != nil {
		return nil, err
	}
	return &CommitLog{log: log, group: group, topic: topic, partition: partitionOf(group, len(partitions)), hole: map[int32]bool{}}, nil
}

// partitionOf is Kafka's own choice: Java's hash of the group's name.
func partitionOf(group string, partitions int) int32 {
	var h int32
	for _, c := range utf16.Encode([]rune(group)) {
		h = 31*h + int32(c)
	}
	if h == math.MinInt32 {
		h = 0
	}
	return max(h, -h) % int32(partitions)
}

// Read visits the commits since the last Read. The first Read visits all commits that the history still holds.
func (h *CommitLog) Read(ctx context.Context, visit func(Commit)) error {
	bounds, err := h.log.Bounds(ctx, offsetsTopic, []int32{h.partition})
	if err != nil {
		return err
	}
	b := bounds[h.partition]
	h.next = max(h.next, b.First)
	return h.log.readRange(ctx, offsetRange{offsetsTopic, h.partition, h.next, b.End}, func(r *LogRecord) error {
		if r.Offset != h.next { // a compacted commit; the group is unknown
			for p := range h.hole {
				h.hole[p] = true
			}
		}
		h.next = r.Offset + 1
		partition, ok := h.parseKey(r.Key)
		if !ok {
			return nil
		}
		c, err := parseCommit(r.Value)
		if err != nil {
			return err
		}
		c.Partition = partition
		c.Hole = h.hole[partition]
		h.hole[partition] = false
		visit(c)
		return nil
	})
}

// parseKey reads a key: version 0 or 1, group, topic, partition. Keys with other versions are no commits.
func (h *CommitLog) parseKey(key []byte) (int32, bool) {
	d := keyDecoder{b: key}
	if v := d.readInt16(); v != 0 && v != 1 {
		return 0, false
	}
	group, topic, partition := d.readString(), d.readString(), d.readInt32()
	return partition, !d.short && group == h.group && topic == h.topic
}

var errCommitForm = errors.New("a record of " + offsetsTopic + " has a form this program does not know")

// parseCommit reads a value with version 0 to 4. An absent value means an expired or deleted commit: offset -1.
func parseCommit(value []byte) (Commit, error) {
	if len(value) == 0 {
		return Commit{Offset: -1}, nil
	}
	d := keyDecoder{b: value}
	version := d.readInt16()
	if version < 0 || version > 4 {
		return Commit{}, errCommitForm
	}
	c := Commit{Offset: d.readInt64()}
	if version >= 3 {
		d.readInt32() // leader epoch
	}
	if version >= 4 {
		c.Metadata = d.readCompactString()
	} else {
		c.Metadata = d.readString()
	}
	c.At = time.UnixMilli(d.readInt64())
	if d.short {
		return Commit{}, errCommitForm
	}
	return c, nil
}

// keyDecoder reads Kafka's primitive types. short is set when something was missing.
type keyDecoder struct {
	b     []byte
	short bool
}

func (d *keyDecoder) takeBytes(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.short, d.b = true, nil
		return make([]byte, max(min(n, 8), 0))
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *keyDecoder) readInt16() int16   { return int16(binary.BigEndian.Uint16(d.takeBytes(2))) }
func (d *keyDecoder) readInt32() int32   { return int32(binary.BigEndian.Uint32(d.takeBytes(4))) }
func (d *keyDecoder) readInt64() int64   { return int64(binary.BigEndian.Uint64(d.takeBytes(8))) }
func (d *keyDecoder) readString() string { return string(d.takeBytes(int(d.readInt16()))) }

// readCompactString reads a string after a varint with the length plus 1.
func (d *keyDecoder) readCompactString() string {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.short = true
		return ""
	}
	d.takeBytes(size)
	return string(d.takeBytes(int(min(n, 1<<20)) - 1))
}
