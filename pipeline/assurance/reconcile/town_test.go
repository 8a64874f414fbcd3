package reconcile

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	partitions = 3
	patience   = 90 * time.Second
)

// town is a log with the traffic of a few minutes, a gateway's receipts for it, and the tables that the real
// pipeline made.
type town struct {
	t        testing.TB
	kafka    string
	log      *KafkaLog
	receipts string
	journal  *Journal
	producer *gateway.KafkaProducer
	window   TimeRange
	addr, db string
	ref      string
	group    string
	traffic  *bench.Traffic
}

var groups atomic.Uint64

// parallel lets tests build towns side by side. On a shared real broker towns are built in turn, because each town
// empties the topics.
func parallel(t *testing.T) {
	t.Helper()
	if !realBroker() {
		t.Parallel()
	}
}

// realBroker reports whether the tests run against an Apache Kafka, which shows the history of commits.
func realBroker() bool { return os.Getenv(testkit.EnvKafka) != "" }

func newTown(t testing.TB, records int) *town {
	t.Helper()
	topics := map[string]int{schemas.TopicReads: partitions, schemas.TopicHits: partitions, schemas.TopicOffences: partitions, schemas.TopicReviews: partitions, schemas.TopicRejects: 1}
	kafka, ok := testkit.RealBroker(t, topics)
	if !ok {
		kafka = testkit.Broker(t, topics)
	}
	w := &town{t: t, kafka: kafka, log: NewLog(platform.Kafka{Addr: kafka}), receipts: t.TempDir(), ref: t.TempDir()}
	w.group = fmt.Sprintf("ledger-%d-%d", time.Now().UnixNano(), groups.Add(1))
	t.Cleanup(w.log.Close)
	w.addr, w.db = testkit.Tables(t)
	w.window.From = time.Now().Add(-30 * time.Minute).Truncate(time.Minute)
	start := schemas.MicrosOf(w.window.From)
	city, err := bench.NewCity(bench.CityConfig{Seed: 1, Cameras: 24, Vehicles: 3000, ListEntries: 300, ListedDrive: 100, At: start})
	if err != nil {
		t.Fatal(err)
	}
	if err := city.WriteReference(w.ref); err != nil {
		t.Fatal(err)
	}
	noise := bench.UsualNoise()
	noise.Retransmitted, noise.Parked, noise.Malformed, noise.UnknownCamera = 60_000, 20_000, 20_000, 20_000
	if w.traffic, err = city.Traffic(bench.TrafficConfig{Seed: 7, Rate: 3, Start: start, Noise: noise, ListedShare: 100_000}); err != nil {
		t.Fatal(err)
	}
	if w.journal, err = OpenJournal(JournalConfig{Dir: w.receipts, Now: func() time.Time { return w.window.From }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.journal.Close() })
	w.producer = gateway.NewKafkaProducer(gateway.ProducerConfig{Brokers: []string{kafka}, Acked: func(rs []gateway.Receipt) {
		list := make([]JournalReceipt, len(rs))
		for i, r := range rs {
			list[i] = JournalReceipt{r.Partition, r.Offset, r.Camera, r.Time, SumOf(r.Value)}
		}
		_ = w.journal.Append(list)
	}})
	t.Cleanup(func() { _ = w.producer.Close() })
	w.produce(records)
	return w
}

// produce puts the next records on the log as a gateway does, with receipts, at the time they were received.
func (w *town) produce(n int) {
	w.t.Helper()
	var ev bench.Event
	var last schemas.Micros
	for n > 0 {
		var batch []gateway.Record
		for range min(n, 200) {
			w.traffic.Next(&ev)
			last = max(last, ev.Received)
			class := ev.Class()
			batch = append(batch, gateway.Record{
				Key: class.AppendTo(nil), Value: ev.AppendRecord(nil), Partition: ev.Partition(partitions), Time: ev.Received.Time(), Camera: ev.Camera(),
			})
		}
		n -= len(batch)
		if err := w.producer.Produce(w.t.Context(), batch); err != nil {
			w.t.Fatal(err)
		}
	}
	w.window.To = last.Time().Truncate(time.Minute).Add(time.Minute)
}

// conn is a pool of connections to a database.
func conn(t testing.TB, addr, db string) driver.Conn {
	t.Helper()
	c, err := platform.ClickHouse{Addr: addr, Database: db}.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *town) books() *Sources {
	return &Sources{Log: w.log, DB: conn(w.t, w.addr, w.db), Group: w.group, Receipts: []string{w.receipts}, Settle: patience}
}

// worker wires the real pipeline; tests put their own things between.
type worker struct {
	group ingest.ConsumerGroup
	sink  ingest.Sink
	close func() error
}

// work runs the pipeline until all that is on the log is committed.
func (w *town) work(change func(*worker)) {
	w.t.Helper()
	t := w.t
	catalogue, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := reference.Load(w.ref)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := sink.NewClickHouse(t.Context(), sink.Config{ClickHouse: platform.ClickHouse{Addr: w.addr, Database: w.db}, Conns: 4 * partitions})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	topics, err := sink.NewKafkaPublisher(sink.PublisherConfig{Addr: w.kafka})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = topics.Close(t.Context()) }()
	member, err := source.Join(source.Config{
		Brokers: []string{w.kafka}, Topic: schemas.TopicReads, GroupID: w.group, ClientID: fmt.Sprint("w", groups.Add(1)), SessionTimeout: 2 * time.Second, MaxWait: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	k := &worker{group: member, sink: tables, close: member.Close}
	if change != nil {
		change(k)
	}
	engine := rules.NewEngine(catalogue, snapshot.Cameras())
	p := ingest.New(ingest.Config{
		Partitions: partitions, Group: k.group, Sink: k.sink, Publisher: topics, State: sink.NewStoredState(conn(t, w.addr, w.db)),
		Versions: func() shard.Versions { return shard.Versions{Reference: snapshot, Engine: engine} },
		Linger:   5 * time.Millisecond, LingerFew: 5 * time.Millisecond, BatchRows: 50, TickAfter: 50 * time.Millisecond,
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()),
	})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	w.drained(ctx, done)
	if change == nil { // the last passages close some idle seconds later, by a tick
		for !w.ticked() && ctx.Err() == nil {
			<-time.After(50 * time.Millisecond)
		}
		w.drained(ctx, done)
	}
	cancel()
	if err := k.close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error("the pipeline: ", err)
	}
}

// ticked reports whether a tick is on the log.
func (w *town) ticked() bool {
	w.t.Helper()
	parts := []int32{0, 1, 2}
	bounds, err := w.log.Bounds(w.t.Context(), schemas.TopicReads, parts)
	if err != nil {
		w.t.Fatal(err)
	}
	found := false
	for _, p := range parts {
		if err := w.log.readRange(w.t.Context(), offsetRange{schemas.TopicReads, p, 0, bounds[p].End}, func(r *LogRecord) error {
			found = found || readHead(r.Value).tick
			return nil
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	return found
}

// drained waits until the group has committed all there is.
func (w *town) drained(ctx context.Context, done chan error) {
	w.t.Helper()
	parts, err := w.log.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		w.t.Fatal(err)
	}
	for {
		bounds, err := w.log.Bounds(ctx, schemas.TopicReads, parts)
		if err != nil {
			w.t.Fatal(err)
		}
		commits, err := w.log.Commits(ctx, w.group, schemas.TopicReads, parts)
		all := err == nil
		for p, b := range bounds {
			plan, err := ingest.ParsePlan(commits[p].Metadata, commits[p].Offset)
			all = all && err == nil && commits[p].Offset == b.End && !plan.UnderWay()
		}
		if all {
			return
		}
		select {
		case err := <-done:
			w.t.Fatalf("the pipeline ended: %v", err)
		case <-ctx.Done():
			w.t.Fatalf("not drained: %v of %v", commits, bounds)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// copied makes a copy of the tables, to break.
func (w *town) copied(t testing.TB) *town {
	t.Helper()
	out := *w
	out.t = t
	out.addr, out.db = testkit.Database(t)
	for _, name := range []string{"reads", "merges", "rejects", "passages", "hits", "offences", "decisions", "batches"} {
		out.exec("CREATE TABLE %s." + name + " AS " + w.db + "." + name)
		out.exec("INSERT INTO %s." + name + " SELECT * FROM " + w.db + "." + name)
	}
	return &out
}

// exec runs a statement; %s is the database.
func (w *town) exec(sql string) {
	w.t.Helper()
	if err := testkit.Exec(context.Background(), w.addr, fmt.Sprintf(sql, w.db)); err != nil {
		w.t.Fatal(err)
	}
}

// numbers reads a row of numbers.
func (w *town) numbers(sql string, into ...any) {
	w.t.Helper()
	if err := conn(w.t, w.addr, w.db).QueryRow(w.t.Context(), sql).Scan(into...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}
