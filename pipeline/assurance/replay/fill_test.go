package replay_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	partitions = 2
	records    = 12_000
)

// startFeed is the start of the traffic, which runs over midnight in Brussels (23:00 UTC), so that two LEZ days are
// filled.
var startFeed = schemas.MicrosOf(time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC))

// world is a city: tables from a day's traffic, and the reference data behind the tables.
type world struct {
	cfg      sink.Config
	conn     driver.Conn
	registry *reference.Snapshot
	dir      string // holds the reference data
	from, to schemas.Micros
}

// fill runs seeded traffic through the real pipeline into a separate database.
func fill(t *testing.T) *world { return fillDay(t, 7, nil) }

// fillDay is fill with another seed, and with trouble made of the reads of each partition.
func fillDay(t *testing.T, seed uint64, trouble func(*reference.Snapshot, []*anprv1.PlateRead) []*anprv1.PlateRead) *world {
	t.Helper()
	city, err := bench.NewCity(bench.CityConfig{Seed: seed, Cameras: 24, Vehicles: 4000, ListEntries: 100, ListedDrive: 50, At: startFeed})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: t.TempDir(), from: startFeed.Day().Start(), to: (startFeed.Day() + 2).Start()}
	if err := city.WriteReference(w.dir); err != nil {
		t.Fatal(err)
	}
	if w.registry, err = reference.Load(w.dir); err != nil {
		t.Fatal(err)
	}
	addr, db := testkit.Tables(t)
	w.cfg = sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}
	if w.conn, err = w.cfg.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close() })
	for _, table := range []string{"reads", "passages", "decisions"} { // the engine's clock is not the traffic's
		if err := w.conn.Exec(t.Context(), "ALTER TABLE "+table+" REMOVE TTL"); err != nil {
			t.Fatal(err)
		}
	}
	kafkaAddr := testkit.Broker(t, map[string]int{schemas.TopicReads: partitions, schemas.TopicHits: 1, schemas.TopicOffences: 1, schemas.TopicRejects: 1})
	sent := w.produce(t, city, seed, kafkaAddr, trouble)
	w.work(t, kafkaAddr, sent)
	return w
}

// produce puts the traffic on the log, with ticks that close open passages.
func (w *world) produce(
	t *testing.T, city *bench.City, seed uint64, addr string, trouble func(*reference.Snapshot, []*anprv1.PlateRead) []*anprv1.PlateRead,
) (sent uint64) {
	t.Helper()
	noise := bench.UsualNoise()
	noise.Parked, noise.Retransmitted = 4_000, 30_000
	traffic, err := city.Traffic(bench.TrafficConfig{Seed: seed, Rate: 1, Start: startFeed, Noise: noise, ListedShare: 50_000})
	if err != nil {
		t.Fatal(err)
	}
	var msgs [partitions][]kafka.Record
	var ev bench.Event
	var clean [partitions][]*anprv1.PlateRead
	for range records {
		traffic.Next(&ev)
		p := ev.Partition(partitions)
		value := ev.AppendRecord(nil)
		if m := new(anprv1.PlateRead); trouble != nil && proto.Unmarshal(value, m) == nil && m.RawPlate != "" {
			clean[p] = append(clean[p], m)
			continue
		}
		msgs[p] = append(msgs[p], kafka.Record{Value: kafka.NewBytes(value)})
	}
	for p := range msgs {
		if trouble != nil {
			for _, m := range trouble(w.registry, clean[p]) {
				value, err := proto.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				msgs[p] = append(msgs[p], kafka.Record{Value: kafka.NewBytes(value)})
			}
		}
		for i := range 20 {
			tick := ev.Received + schemas.Micros(i+1)*schemas.Minute
			value, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(tick)}})
			if err != nil {
				t.Fatal(err)
			}
			msgs[p] = append(msgs[p], kafka.Record{Value: kafka.NewBytes(value)})
		}
	}
	client := kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second}
	for p := range msgs {
		sent += uint64(len(msgs[p]))
		for len(msgs[p]) > 0 {
			n := min(len(msgs[p]), 2000)
			res, err := client.Produce(t.Context(), &kafka.ProduceRequest{Topic: schemas.TopicReads, Partition: p, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(msgs[p][:n]...)})
			if err != nil || res.Error != nil {
				t.Fatal(err, res)
			}
			msgs[p] = msgs[p][n:]
		}
	}
	return sent
}

// work runs a worker until the ledger has every record.
func (w *world) work(t *testing.T, addr string, sent uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	tables, err := sink.NewClickHouse(ctx, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	topics, err := sink.NewKafkaPublisher(sink.PublisherConfig{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = topics.Close(context.WithoutCancel(ctx)) }()
	group, err := source.Join(source.Config{Brokers: []string{addr}, Topic: schemas.TopicReads, GroupID: "replay-test", MaxWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	engine := rules.NewEngine(catalogue(t, nil), w.registry.Cameras())
	worker := ingest.New(ingest.Config{
		Partitions: partitions, Group: group, Sink: tables, Publisher: topics, State: sink.NewStoredState(w.conn), TickAfter: time.Hour, BatchRows: 3000,
		Versions: func() shard.Versions { return shard.Versions{Reference: w.registry, Engine: engine} }, Metrics: ingest.NewMetrics(prometheus.NewRegistry()),
	})
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(run) }()
	for w.number(t, "SELECT sum(fetched) FROM batches FINAL") < sent {
		select {
		case err := <-ended:
			t.Fatal("the worker ended: ", err)
		case <-ctx.Done():
			t.Fatal("the worker did not finish")
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	if err := group.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (w *world) number(t testing.TB, query string) (n uint64) {
	t.Helper()
	if err := w.conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(query, err)
	}
	return n
}

func (w *world) dial(ctx context.Context) (*ch.Client, error) { return w.cfg.DialNative(ctx) }

// conns returns connections for small queries, until the end of the test.
func (w *world) conns(t *testing.T) *replay.Connections {
	c := replay.NewConnections(w.dial, 2)
	t.Cleanup(c.Close)
	return c
}

// catalogue loads the Brussels catalogue with changes: file -> old text -> new text.
func catalogue(t testing.TB, change map[string][2]string) *rules.Catalogue {
	t.Helper()
	if len(change) == 0 {
		cat, err := rules.Load(rules.Brussels())
		if err != nil {
			t.Fatal(err)
		}
		return cat
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, rules.Brussels()); err != nil {
		t.Fatal(err)
	}
	for file, c := range change {
		name := filepath.Join(dir, file)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), c[0]) {
			t.Fatalf("%s does not hold %q any more: the test changes nothing", file, c[0])
		}
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(b), c[0], c[1])), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cat, err := rules.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}
