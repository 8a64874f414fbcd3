package reconcile

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf16"
)

// offsetsTopic is where Apache Kafka keeps every commit of every group, compacted. The embedded broker has no such topic.
const offsetsTopic = "__consumer_offsets"

// History reads the commits of one group and topic in their order. Safe for use by one goroutine.
type History struct {
	log          *Log
	group, topic string
	partition    int32 // of offsetsTopic
	next         int64
	hole         map[int32]bool
}

// OpenHistory finds the history of a group. It returns platform.ErrNoTopic when the broker shows none: then commits can only be
// sampled by asking.
func OpenHistory(ctx context.Context, log *Log, group, topic string) (*History, error) {
	partitions, err := log.Partitions(ctx, offsetsTopic)
	if err != nil {
		return nil, err
	}
	return &History{log: log, group: group, topic: topic, partition: partitionOf(group, len(partitions)), hole: map[int32]bool{}}, nil
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

// Read visits the commits since the last Read, or all that are left at the first.
func (h *History) Read(ctx context.Context, visit func(Commit)) error {
	bounds, err := h.log.Bounds(ctx, offsetsTopic, []int32{h.partition})
	if err != nil {
		return err
	}
	b := bounds[h.partition]
	h.next = max(h.next, b.First)
	return h.log.read(ctx, stretch{offsetsTopic, h.partition, h.next, b.End}, func(r *Record) error {
		if r.Offset != h.next { // compacted away: whose commit it was is not known
			for p := range h.hole {
				h.hole[p] = true
			}
		}
		h.next = r.Offset + 1
		partition, ok := h.ours(r.Key)
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

// ours reads a key: version 0 or 1, group, topic, partition. Other versions are of other things.
func (h *History) ours(key []byte) (int32, bool) {
	d := decoder{b: key}
	if v := d.int16(); v != 0 && v != 1 {
		return 0, false
	}
	group, topic, partition := d.string(), d.string(), d.int32()
	return partition, !d.short && group == h.group && topic == h.topic
}

var errCommitForm = errors.New("a record of " + offsetsTopic + " has a form this program does not know")

// parseCommit reads a value of versions 0 to 4. No value is a commit that expired or was deleted: offset -1.
func parseCommit(value []byte) (Commit, error) {
	if len(value) == 0 {
		return Commit{Offset: -1}, nil
	}
	d := decoder{b: value}
	version := d.int16()
	if version < 0 || version > 4 {
		return Commit{}, errCommitForm
	}
	c := Commit{Offset: d.int64()}
	if version >= 3 {
		d.int32() // leader epoch
	}
	if version >= 4 {
		c.Metadata = d.compact()
	} else {
		c.Metadata = d.string()
	}
	c.At = time.UnixMilli(d.int64())
	if d.short {
		return Commit{}, errCommitForm
	}
	return c, nil
}

// decoder reads Kafka's primitive types. short is set when something was missing.
type decoder struct {
	b     []byte
	short bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.short, d.b = true, nil
		return make([]byte, max(min(n, 8), 0))
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) int16() int16   { return int16(binary.BigEndian.Uint16(d.take(2))) }
func (d *decoder) int32() int32   { return int32(binary.BigEndian.Uint32(d.take(4))) }
func (d *decoder) int64() int64   { return int64(binary.BigEndian.Uint64(d.take(8))) }
func (d *decoder) string() string { return string(d.take(int(d.int16()))) }

// compact reads a string whose length plus one is a varint.
func (d *decoder) compact() string {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.short = true
		return ""
	}
	d.take(size)
	return string(d.take(int(min(n, 1<<20)) - 1))
}
