package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

var codecs = []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd}

// TestEveryCompressionIsRead writes batches of every compression, with keys and headers as gateways send them, and
// reads from before, inside and behind each.
func TestEveryCompressionIsRead(t *testing.T) {
	brokers := startBroker(t, 1)
	client := &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: 10 * time.Second, Transport: &kafka.Transport{}} // not the shared one, which remembers topics
	var want [][]byte
	for c, codec := range codecs {
		var recs []kafka.Record
		for i := range 200 {
			value := bytes.Repeat(fmt.Appendf(nil, "%d-%d ", c, i), i%50) // empty ones too
			want = append(want, value)
			recs = append(recs, kafka.Record{
				Time: time.Unix(1_790_000_000+int64(i), 0), Key: kafka.NewBytes(fmt.Appendf(nil, "key %d", i)), Value: kafka.NewBytes(value),
				Headers: []kafka.Header{{Key: "content-type", Value: []byte("application/json")}},
			})
		}
		resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{
			Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll, Compression: codec, Records: kafka.NewRecordReader(recs...),
		})
		if err != nil || resp.Error != nil {
			t.Fatalf("produce: %v %v", err, resp)
		}
	}
	g := joinGroup(t, brokers)
	defer g.Close()
	s := nextGeneration(t, g)
	for from := 0; from < len(want); from += 67 {
		recs := readAll(t, s, int64(from), len(want)-from)
		for i := range recs.Len() {
			if offset, value := recs.At(i); offset != int64(from+i) || !bytes.Equal(value, want[from+i]) {
				t.Fatalf("from %d: record %d is %.40q at %d, want %.40q", from, i, value, offset, want[from+i])
			}
		}
		if recs.Len() != len(want)-from {
			t.Errorf("from %d: %d records, want %d", from, recs.Len(), len(want)-from)
		}
	}
}

// TestABatchLargerThanAFetch: a reader that asks for less than one batch gets it all the same.
func TestABatchLargerThanAFetch(t *testing.T) {
	brokers := startBroker(t, 1)
	value := bytes.Repeat([]byte("x"), 3000)
	produceValues(t, brokers, value, value, value, value)
	produceValues(t, brokers, []byte("last"))
	g := joinGroup(t, brokers)
	defer g.Close()
	g.cfg.FetchBytes = 100
	if recs := readAll(t, nextGeneration(t, g), 1, 4); recs.Len() != 4 {
		t.Errorf("%d records, want 4", recs.Len())
	}
}

// aBatch makes a record batch by hand.
func aBatch(first int64, values ...string) []byte {
	var records []byte
	for i, v := range values {
		r := []byte{0, 0} // attributes, time
		r = binary.AppendVarint(r, int64(i))
		r = append(r, 1) // no key
		r = append(binary.AppendVarint(r, int64(len(v))), v...)
		r = append(r, 0) // headers
		records = append(binary.AppendVarint(records, int64(len(r))), r...)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(first))
	b = binary.BigEndian.AppendUint32(b, uint32(batchHeader-12+len(records)))
	b = append(b, make([]byte, batchHeader-12)...)
	b[batchMagic] = batchVersion
	binary.BigEndian.PutUint32(b[batchLast:], uint32(len(values)-1))
	binary.BigEndian.PutUint32(b[batchCount:], uint32(len(values)))
	return sealBatch(append(b, records...))
}

func sealBatch(b []byte) []byte {
	binary.BigEndian.PutUint32(b[batchCRC:], crc32.Checksum(b[batchAttrs:], castagnoli))
	return b
}

// takeLog reads the log of these bytes from an offset.
func takeLog(b []byte, from int64) (*partitionReader, *shard.Records, error) {
	r := &partitionReader{g: &KafkaGroup{}, next: from, bytes: 1 << 20}
	recs := &shard.Records{}
	buf, start := recs.Grow(len(b))
	copy(buf[start:], b)
	return r, recs, r.takeBatches(recs, start, len(b))
}

func TestBatchesByHand(t *testing.T) {
	two := append(aBatch(10, "a", "bb"), aBatch(12, "ccc")...)
	for _, c := range []struct {
		name string
		log  []byte
		from int64
		want string // values, separated by commas
		next int64
		err  string
		stop bool
	}{
		{"two batches", two, 10, "a,bb,ccc", 13, "", false},
		{"from inside the first", two, 11, "bb,ccc", 13, "", false},
		{"from the second", two, 12, "ccc", 13, "", false},
		{"the second is cut off", two[:len(two)-1], 10, "a,bb", 12, "", false},
		{"the header of the second is cut off", two[:len(two)-40], 10, "a,bb", 12, "", false},
		{"nothing", nil, 5, "", 5, "", false},
		{"a flipped bit", func() []byte { b := aBatch(0, "abc"); b[len(b)-3] ^= 1; return b }(), 0, "", 0, "damaged", true},
		{"an old format", func() []byte { b := aBatch(0, "abc"); b[batchMagic] = 1; return b }(), 0, "", 0, "message format 1", true},
		{"a compression that does not exist", sealBatch(func() []byte { b := aBatch(0, "abc"); b[batchAttrs+1] = 6; return b }()), 0, "", 0, "compression 6", true},
		{"packed nonsense", sealBatch(func() []byte { b := aBatch(0, "abc"); b[batchAttrs+1] = byte(kafka.Zstd); return b }()), 0, "", 0, "decompress", true},
		{"more records than there are", sealBatch(func() []byte { b := aBatch(0, "abc"); b[batchCount+3] = 9; return b }()), 0, "abc", 1, "not what its length says", true},
		{"a record longer than the batch", sealBatch(func() []byte { b := aBatch(0, "abc"); b[batchHeader] = 0x7e; return b }()), 0, "", 0, "not what its length says", true},
		{"a length below the header", func() []byte { b := aBatch(0, "abc"); binary.BigEndian.PutUint32(b[batchLength:], 3); return b }(), 0, "", 0, "says it has 15 bytes", true},
	} {
		r, recs, err := takeLog(c.log, c.from)
		var got []string
		for i := range recs.Len() {
			_, v := recs.At(i)
			got = append(got, string(v))
		}
		if strings.Join(got, ",") != c.want || r.next != c.next {
			t.Errorf("%s: %q, then offset %d; want %q, %d", c.name, got, r.next, c.want, c.next)
		}
		switch {
		case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		case errors.Is(err, ingest.ErrStop) != c.stop:
			t.Errorf("%s: %v: final is %t, want %t", c.name, err, !c.stop, c.stop)
		}
		if e, ok := errors.AsType[*ingest.UnreadableError](err); ok && (e.From != r.next || e.To != r.next && e.To != 1) {
			t.Errorf("%s: the records [%d, %d) are said to be unreadable, want those from %d to the end of the batch", c.name, e.From, e.To, r.next)
		}
	}
}

// A compressed batch that would fill the memory is refused for good.
func TestABatchThatUnpacksWithoutEnd(t *testing.T) {
	var packed bytes.Buffer
	w := kafka.Zstd.Codec().NewWriter(&packed)
	zero := make([]byte, 1<<20)
	for range maxUnpacked>>20 + 8 {
		if _, err := w.Write(zero); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := aBatch(7, "a", "b", "c")[:batchHeader]
	b = append(b, packed.Bytes()...)
	binary.BigEndian.PutUint32(b[batchLength:], uint32(len(b)-12))
	b[batchAttrs+1] = byte(kafka.Zstd)
	_, recs, err := takeLog(sealBatch(b), 7)
	if e, ok := errors.AsType[*ingest.UnreadableError](err); !ok || e.From != 7 || e.To != 10 || recs.Len() != 0 || !errors.Is(err, ingest.ErrStop) {
		t.Errorf("%d bytes that become %d: %v, want that the records [7, 10) cannot be read", packed.Len(), maxUnpacked+8<<20, err)
	}
}

// FuzzBatches: whatever a broker sends, the reader neither panics nor makes a record that it was not sent.
func FuzzBatches(f *testing.F) {
	f.Add(aBatch(0, "a", "bb"), int64(0))
	f.Add(append(aBatch(3, "a"), aBatch(4, "b")[:50]...), int64(4))
	f.Add(sealBatch(func() []byte { b := aBatch(0, "abc"); b[batchAttrs+1] = 3; return b }()), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, from int64) {
		if len(b) >= batchHeader {
			b = bytes.Clone(b)
			if n := int(int32(binary.BigEndian.Uint32(b[batchLength:]))) + 12; n >= batchHeader && n <= len(b) {
				sealBatch(b[:n]) // else nothing but the checksum is tested
			}
		}
		r, recs, _ := takeLog(b, from)
		for last, i := from-1, 0; i < recs.Len(); i++ {
			offset, value := recs.At(i)
			if offset <= last || offset >= r.next {
				t.Fatalf("offset %d follows %d and the next is %d", offset, last, r.next)
			}
			last = offset
			_ = string(value)
		}
	})
}

// BenchmarkFetch reads a topic over the loopback, one partition: what one record costs the client, with kafka-go's
// Batch.Read for comparison.
func BenchmarkFetch(b *testing.B) {
	const n = 200_000
	brokers := benchBroker(b, n)
	b.Run("reader", func(b *testing.B) {
		g, err := Join(Config{Brokers: brokers, Topic: topic, GroupID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		defer g.Close()
		recs := &shard.Records{}
		for b.Loop() {
			r := &partitionReader{g: g, bytes: g.cfg.FetchBytes}
			for got := 0; got < n; got += recs.Len() {
				recs.Reset()
				if err := r.Fetch(context.Background(), recs); err != nil {
					b.Fatal(err)
				}
			}
			r.closeConn()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	})
	b.Run("kafka-go", func(b *testing.B) {
		buf := make([]byte, 64<<10)
		for b.Loop() {
			conn, err := kafka.DialLeader(context.Background(), "tcp", brokers[0], topic, 0)
			if err != nil {
				b.Fatal(err)
			}
			for got := 0; got < n; {
				batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 4 << 20, MaxWait: time.Second})
				for {
					if _, err := batch.Read(buf); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if err := batch.Close(); err != nil {
					b.Fatal(err)
				}
			}
			_ = conn.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	})
}
