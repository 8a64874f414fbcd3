package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/segmentio/kafka-go/compress"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// The record batch of Kafka 0.11 and later: a header with 61 bytes, then the records, compressed together or not.
const (
	batchLength  = 8 // length of the bytes after the length field
	batchMagic   = 16
	batchCRC     = 17 // checksum of the bytes from batchAttrs on
	batchAttrs   = 21
	batchLast    = 23 // offset of the last record, relative to the first
	batchCount   = 57
	batchHeader  = 61
	batchVersion = 2
	codecMask    = 7
)

// maxUnpacked bounds a decompressed batch: a hostile producer must not fill the memory.
const maxUnpacked = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// takeBatches takes the wanted records from the size bytes at start. A broker sends whole record batches, so records
// before the wanted offset are skipped, and a cut last batch is left for the next fetch.
func (r *partitionReader) takeBatches(into *shard.Records, start, size int) error {
	end, taken := start+size, 0
	for start < end {
		buf, _ := into.Grow(0)
		b := buf[start:end]
		if len(b) < batchHeader {
			break
		}
		length := int(int32(binary.BigEndian.Uint32(b[batchLength:]))) + batchLength + 4
		if length < batchHeader {
			return r.unreadableError(b, fmt.Errorf("the record batch says it has %d bytes", length))
		}
		if length > len(b) {
			if taken == 0 {
				return r.tooLarge(b, length)
			}
			break
		}
		b = b[:length]
		if sum := crc32.Checksum(b[batchAttrs:], castagnoli); b[batchMagic] == batchVersion && sum != binary.BigEndian.Uint32(b[batchCRC:]) {
			return r.unreadableError(b, errors.New("the record batch is damaged: its checksum does not fit"))
		}
		if err := r.takeBatch(into, b, start); err != nil {
			return r.unreadableError(b, err)
		}
		start += length
		taken++
	}
	return nil
}

// unreadableError names the records in batch b, from its header. A second fetch brings the same bytes, so only a
// person can help.
func (r *partitionReader) unreadableError(b []byte, err error) error {
	e := &ingest.UnreadableError{From: r.next, To: r.next, Err: err}
	first := int64(binary.BigEndian.Uint64(b))
	if span := int64(int32(binary.BigEndian.Uint32(b[batchLast:]))); b[batchMagic] == batchVersion && first >= 0 && span >= 0 && first+span >= r.next {
		e.To = first + span + 1
	}
	return e
}

// tooLarge makes the next fetch ask for more bytes.
func (r *partitionReader) tooLarge(b []byte, length int) error {
	if length > maxBatch {
		return r.unreadableError(b, fmt.Errorf("the record batch has %d bytes, more than %d", length, maxBatch))
	}
	r.bytes = max(2*r.bytes, length+4096)
	return nil
}

// takeBatch takes the records from a whole batch b at buffer position start.
func (r *partitionReader) takeBatch(into *shard.Records, b []byte, start int) error {
	if b[batchMagic] != batchVersion {
		return fmt.Errorf("it is of message format %d, this program reads format 2, of 2017: let the broker convert the topic", b[batchMagic])
	}
	first := int64(binary.BigEndian.Uint64(b))
	last := first + int64(int32(binary.BigEndian.Uint32(b[batchLast:])))
	if last < r.next {
		return nil
	}
	records, at := b[batchHeader:], start+batchHeader
	if codec := compress.Compression(binary.BigEndian.Uint16(b[batchAttrs:]) & codecMask); codec != compress.None {
		var err error
		if at, err = unpackRecords(into, codec, records); err != nil {
			return err
		}
		buf, _ := into.Grow(0)
		records = buf[at:]
	}
	for range int(int32(binary.BigEndian.Uint32(b[batchCount:]))) {
		rec, ok := nextRecord(records)
		if !ok {
			return errors.New("a record is not what its length says")
		}
		if offset := first + rec.delta; offset >= r.next {
			into.Mark(offset, at+rec.start, at+rec.end)
			r.next = offset + 1
		}
		at += rec.size
		records = records[rec.size:]
	}
	r.next = max(r.next, last+1)
	return nil
}

// unpackRecords appends the decompressed records to the buffer and returns their start.
func unpackRecords(into *shard.Records, c compress.Compression, packed []byte) (start int, err error) {
	codec := c.Codec()
	if codec == nil {
		return 0, fmt.Errorf("compression %d is not known", int8(c))
	}
	rd := codec.NewReader(bytes.NewReader(packed))
	defer func() { err = errors.Join(err, rd.Close()) }()
	_, start = into.Grow(0)
	for room := max(4*len(packed), 4096); ; {
		buf, at := into.Grow(room)
		n, err := io.ReadFull(rd, buf[at:])
		into.Cut(room - n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return start, nil
		case err != nil:
			return 0, fmt.Errorf("decompress (%s): %w", codec.Name(), err)
		case at+n-start > maxUnpacked:
			return 0, fmt.Errorf("it decompresses to more than %d bytes", maxUnpacked)
		}
	}
}

// record is the place of a record's value in the bytes after the record before.
type record struct {
	delta      int64 // from the offset of the batch's first record
	start, end int
	size       int // of the whole record
}

// nextRecord reads the record at the beginning of b: length, attributes, time and offset deltas, key, value. It skips
// the headers.
func nextRecord(b []byte) (rec record, ok bool) {
	length, n := binary.Varint(b)
	if n <= 0 || length < 0 || length > int64(len(b)-n) {
		return rec, false
	}
	rec.size = n + int(length)
	b = b[:rec.size]
	at := n + 1 // attributes
	var key, value int64
	if at, _, ok = readVarint(b, at); !ok { // time
		return rec, false
	}
	if at, rec.delta, ok = readVarint(b, at); !ok {
		return rec, false
	}
	if at, key, ok = readVarint(b, at); !ok || key > int64(len(b)-at) {
		return rec, false
	}
	at += int(max(key, 0))
	if at, value, ok = readVarint(b, at); !ok || value > int64(len(b)-at) {
		return rec, false
	}
	rec.start, rec.end = at, at+int(max(value, 0))
	return rec, true
}

// readVarint reads a zigzag number at b[at:].
func readVarint(b []byte, at int) (next int, v int64, ok bool) {
	if at >= len(b) {
		return at, 0, false
	}
	if c := b[at]; c < 0x80 { // one byte is usual
		return at + 1, int64(c>>1) ^ -int64(c&1), true
	}
	v, n := binary.Varint(b[at:])
	return at + n, v, n > 0
}
