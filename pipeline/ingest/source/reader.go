package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// partitionReader reads a partition through one connection to the leader and dials again after any error. It speaks
// the fetch request itself: kafka-go copies a value three times and costs 210 ns a record, this reader a fifth (see
// BenchmarkFetch).
type partitionReader struct {
	g         *KafkaGroup
	partition int32
	next      int64 // the wanted offset
	bytes     int   // fetch size; grown when a record batch is larger
	conn      net.Conn
	request   []byte
	sent      int32 // correlation id of the last request
}

// maxBatch is more than any broker accepts as a record batch by default (1 MiB) or in our deployment (8 MiB).
const maxBatch = 64 << 20

// Open starts reading at offset. The first Fetch connects.
func (s *groupGeneration) Open(_ context.Context, partition int32, offset int64) (ingest.Reader, error) {
	return &partitionReader{g: s.g, partition: partition, next: offset, bytes: s.g.cfg.FetchBytes}, nil
}

// Fetch waits for records, at most Config.MaxWait, and appends them.
func (r *partitionReader) Fetch(ctx context.Context, into *shard.Records) error {
	if err := r.connectLeader(ctx); err != nil {
		return err
	}
	conn := r.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // a blocked fetch ends with the generation
	err := r.fetchOnce(into)
	if !stop() || err != nil {
		r.closeConn()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Close ends the connection.
func (r *partitionReader) Close() error {
	r.closeConn()
	return nil
}

// Probe fetches once from an offset in a partition, like a worker but outside any group. The error says why a worker
// cannot go on there: an [ingest.UnreadableError], an offset outside the log, a silent broker. It returns the number
// of fetched records.
func Probe(ctx context.Context, cfg Config, partition int32, offset int64) (records int, err error) {
	cfg = cfg.withDefaults()
	r := &partitionReader{g: &KafkaGroup{cfg: cfg, dialer: dialerOf(cfg)}, partition: partition, next: offset, bytes: cfg.FetchBytes}
	defer r.closeConn()
	for into := (&shard.Records{}); ; into.Reset() {
		err := r.Fetch(ctx, into)
		if records = into.Len(); records > 0 || err != nil || into.HighWater <= offset || ctx.Err() != nil {
			return records, err
		}
	}
}

// connectLeader opens a socket to the partition's leader. The socket carries fetches only.
func (r *partitionReader) connectLeader(ctx context.Context) error {
	if r.conn != nil {
		return nil
	}
	var last error
	for _, b := range r.g.cfg.Brokers {
		leader, err := r.g.dialer.LookupLeader(ctx, "tcp", b, r.g.cfg.Topic, int(r.partition))
		if err == nil {
			if r.conn, err = r.g.cfg.Dial(ctx, "tcp", net.JoinHostPort(leader.Host, strconv.Itoa(leader.Port))); err == nil {
				return nil
			}
			r.conn = nil
		}
		last = err
	}
	return fmt.Errorf("dial the leader of %s/%d: %w", r.g.cfg.Topic, r.partition, last)
}

func (r *partitionReader) closeConn() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

// The fetch request, version 4: the oldest version which Kafka 4 still answers, and enough for one partition.
const (
	apiFetch     = 1
	fetchVersion = 4
)

func (r *partitionReader) fetchOnce(into *shard.Records) error {
	cfg := &r.g.cfg
	if err := r.conn.SetDeadline(time.Now().Add(cfg.MaxWait + 10*time.Second)); err != nil {
		return fmt.Errorf("set the deadline of a fetch: %w", err)
	}
	r.sent++
	if _, err := r.conn.Write(r.buildRequest()); err != nil {
		return fmt.Errorf("ask for offset %d: %w", r.next, err)
	}
	var size [4]byte
	if _, err := io.ReadFull(r.conn, size[:]); err != nil {
		return fmt.Errorf("wait for offset %d: %w", r.next, err)
	}
	n := int(int32(binary.BigEndian.Uint32(size[:])))
	if n < 0 || n > maxBatch+r.bytes+4096 {
		return fmt.Errorf("the broker's answer has %d bytes, asked for %d", n, r.bytes)
	}
	buf, start := into.Grow(n)
	if _, err := io.ReadFull(r.conn, buf[start:start+n]); err != nil {
		into.Cut(n)
		return fmt.Errorf("read the answer for offset %d: %w", r.next, err)
	}
	return r.takeAnswer(into, start, n)
}

// buildRequest encodes the fetch request into the reader's buffer.
func (r *partitionReader) buildRequest() []byte {
	cfg := &r.g.cfg
	b := append(r.request[:0], 0, 0, 0, 0) // size, set below
	b = binary.BigEndian.AppendUint16(b, apiFetch)
	b = binary.BigEndian.AppendUint16(b, fetchVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(r.sent))
	b = appendText(b, cfg.ClientID)
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // replica: none
	b = binary.BigEndian.AppendUint32(b, uint32(cfg.MaxWait.Milliseconds()))
	b = binary.BigEndian.AppendUint32(b, 1) // bytes to wait for
	b = binary.BigEndian.AppendUint32(b, uint32(r.bytes))
	b = append(b, 0)                        // isolation: read uncommitted
	b = binary.BigEndian.AppendUint32(b, 1) // topics
	b = appendText(b, cfg.Topic)
	b = binary.BigEndian.AppendUint32(b, 1) // partitions
	b = binary.BigEndian.AppendUint32(b, uint32(r.partition))
	b = binary.BigEndian.AppendUint64(b, uint64(r.next))
	b = binary.BigEndian.AppendUint32(b, uint32(r.bytes))
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	r.request = b
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// takeAnswer takes the records from the n bytes of an answer at start.
func (r *partitionReader) takeAnswer(into *shard.Records, start, n int) error {
	buf, _ := into.Grow(0)
	w := answerFields{b: buf[start : start+n]}
	if id := w.readI32(); id != r.sent {
		return fmt.Errorf("the broker answers request %d instead of %d", id, r.sent)
	}
	w.readI32() // throttle time
	if w.readI32() != 1 || string(w.readText()) != r.g.cfg.Topic || w.readI32() != 1 || w.readI32() != r.partition {
		return fmt.Errorf("the broker did not answer for %s/%d", r.g.cfg.Topic, r.partition)
	}
	code, high := kafka.Error(w.readI16()), w.readI64()
	w.readI64()                                      // last stable offset
	w.skipBytes(16 * max(int(w.readI32()), 0))       // aborted transactions
	records := w.takeBytes(max(int(w.readI32()), 0)) // to the end
	switch {
	case w.short:
		return fmt.Errorf("the broker's answer for offset %d is cut off", r.next)
	case errors.Is(code, kafka.OffsetOutOfRange):
		return fmt.Errorf("%w: offset %d of partition %d is not in the log: retention or a cut log removed it before it was processed", ingest.ErrStop, r.next, r.partition)
	case code != 0:
		return fmt.Errorf("fetch offset %d of %s/%d: %w", r.next, r.g.cfg.Topic, r.partition, code)
	}
	into.HighWater = max(into.HighWater, high)
	return r.takeBatches(into, start+n-len(w.b)-len(records), len(records))
}

// answerFields reads an answer's fields in order. Beyond the end every field is zero, and short is set.
type answerFields struct {
	b     []byte
	short bool
}

func (w *answerFields) takeBytes(n int) []byte {
	if n > len(w.b) {
		w.short = true
		w.b = nil
		return nil
	}
	out := w.b[:n]
	w.b = w.b[n:]
	return out
}

func (w *answerFields) skipBytes(n int) { w.takeBytes(n) }

func (w *answerFields) readI16() int16 {
	if b := w.takeBytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (w *answerFields) readI32() int32 {
	if b := w.takeBytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (w *answerFields) readI64() int64 {
	if b := w.takeBytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (w *answerFields) readText() []byte { return w.takeBytes(max(int(w.readI16()), 0)) }
