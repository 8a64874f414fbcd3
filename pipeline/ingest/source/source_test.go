package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const topic = schemas.TopicReads

// benchBroker has a topic of n records of 150 bytes in batches of 500.
func benchBroker(b *testing.B, n int) []string {
	b.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	client := &kafka.Client{Addr: kafka.TCP(c.ListenAddrs()...), Timeout: 10 * time.Second}
	value := bytes.Repeat([]byte("x"), 150)
	for left := n; left > 0; left -= 500 {
		recs := make([]kafka.Record, min(500, left))
		for i := range recs {
			recs[i] = kafka.Record{Time: time.Unix(1_790_000_000, 0), Key: kafka.NewBytes([]byte("1ABC234")), Value: kafka.NewBytes(value)}
		}
		resp, err := client.Produce(b.Context(), &kafka.ProduceRequest{Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs...)})
		if err != nil || resp.Error != nil {
			b.Fatal(err, resp)
		}
	}
	return c.ListenAddrs()
}

func startBroker(t *testing.T, partitions int32) []string {
	t.Helper()
	if addr, ok := testkit.RealBroker(t, map[string]int{topic: int(partitions)}); ok {
		return []string{addr}
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func produceValues(t *testing.T, brokers []string, values ...[]byte) {
	t.Helper()
	for began := time.Now(); ; {
		recs := make([]kafka.Record, len(values))
		for i, v := range values {
			recs[i] = kafka.Record{Time: time.Unix(1_790_000_000, 0), Value: kafka.NewBytes(v)}
		}
		// A transport of its own: the shared one remembers a broker's topics for seconds, and this test's was made just now.
		// A real broker may need a moment to know it too.
		transport := &kafka.Transport{}
		client := &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: 10 * time.Second, Transport: transport}
		resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{
			Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs...),
		})
		transport.CloseIdleConnections()
		if err == nil && resp.Error == nil {
			return
		}
		if err == nil || !strings.Contains(err.Error(), "topic not found") || time.Since(began) > 30*time.Second {
			t.Fatalf("produce: %v %v", err, resp)
		}
	}
}

func joinGroup(t *testing.T, brokers []string) *KafkaGroup {
	t.Helper()
	g, err := Join(Config{Brokers: brokers, Topic: topic, GroupID: "g", MaxWait: 50 * time.Millisecond, SessionTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func nextGeneration(t *testing.T, g *KafkaGroup) ingest.Generation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := g.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readAll fetches until it has want records.
func readAll(t *testing.T, s ingest.Generation, from int64, want int) *shard.Records {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := s.Open(ctx, 0, from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := &shard.Records{}
	for all.Len() < want {
		if err := r.Fetch(ctx, all); err != nil && ctx.Err() != nil {
			t.Fatalf("got %d of %d records: %v", all.Len(), want, err)
		}
	}
	return all
}

func TestFetchReturnsEveryRecordOnceFromAnyOffset(t *testing.T) {
	brokers := startBroker(t, 1)
	var values [][]byte
	for i := range 1000 {
		values = append(values, fmt.Appendf(nil, "record %d", i))
	}
	produceValues(t, brokers, values[:400]...) // one record batch: a fetch from its middle gets all of it
	produceValues(t, brokers, values[400:]...)
	g := joinGroup(t, brokers)
	defer g.Close()
	s := nextGeneration(t, g)
	for _, from := range []int{0, 1, 399, 400, 777} {
		recs := readAll(t, s, int64(from), 1000-from)
		for i := range recs.Len() {
			offset, value := recs.At(i)
			if offset != int64(from+i) || !bytes.Equal(value, values[from+i]) {
				t.Fatalf("from %d: record %d is %q at %d, want %q", from, i, value, offset, values[from+i])
			}
		}
		if recs.Len() != 1000-from || recs.HighWater != 1000 {
			t.Errorf("from %d: %d records, high water %d", from, recs.Len(), recs.HighWater)
		}
	}
}

func TestLargeRecordGrowsTheBufferAndLosesNothing(t *testing.T) {
	brokers := startBroker(t, 1)
	large := bytes.Repeat([]byte("x"), 900<<10)
	produceValues(t, brokers, []byte("a"), large, []byte("b"), nil)
	g := joinGroup(t, brokers)
	defer g.Close()
	recs := readAll(t, nextGeneration(t, g), 0, 4)
	for i, want := range [][]byte{[]byte("a"), large, []byte("b"), {}} {
		if _, got := recs.At(i); !bytes.Equal(got, want) {
			t.Errorf("record %d has %d bytes, want %d", i, len(got), len(want))
		}
	}
}

func TestCommitCarriesMetadataAndFencesAStaleGeneration(t *testing.T) {
	brokers := startBroker(t, 1)
	produceValues(t, brokers, []byte("a"), []byte("b"))
	old := joinGroup(t, brokers)
	s := nextGeneration(t, old)
	ctx := t.Context()
	if off, meta, err := s.Committed(ctx, 0); off != -1 || meta != "" || err != nil {
		t.Fatalf("never committed: %d %q %v", off, meta, err)
	}
	if err := s.Commit(ctx, 0, 1, `{"v":1,"s":1,"e":2}`); err != nil {
		t.Fatal(err)
	}
	if off, meta, err := s.Committed(ctx, 0); off != 1 || meta != `{"v":1,"s":1,"e":2}` || err != nil {
		t.Fatalf("committed: %d %q %v", off, meta, err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	g := joinGroup(t, brokers)
	defer g.Close()
	nextGeneration(t, g)
	if err := s.Commit(ctx, 0, 2, ""); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("commit of an old generation: %v, want ErrFenced", err)
	}
}

func TestTickIsARecordOfThePartition(t *testing.T) {
	brokers := startBroker(t, 2)
	g := joinGroup(t, brokers)
	defer g.Close()
	s := nextGeneration(t, g)
	if err := s.Tick(t.Context(), 0, 1_790_000_000_000_000); err != nil {
		t.Fatal(err)
	}
	recs := readAll(t, s, 0, 1)
	var m anprv1.PlateRead
	_, value := recs.At(0)
	if err := proto.Unmarshal(value, &m); err != nil || m.GetTick().GetAtUs() != 1_790_000_000_000_000 {
		t.Errorf("tick read back as %v, %v", &m, err)
	}
	if first, end, err := s.Bounds(t.Context(), 0); first != 0 || end != 1 || err != nil {
		t.Errorf("bounds %d %d %v, want 0 1", first, end, err)
	}
}
