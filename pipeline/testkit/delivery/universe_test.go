package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const partitions = 3

// A full log is 67 minutes long: longer than the horizon of the state, over midnight in Brussels (23:00 UTC) and
// over the end of a month in UTC, where the tables' partitions change.
var firstRead = schemas.MicrosOf(time.Date(2026, 11, 30, 22, 57, 0, 0, time.UTC))

const readsPerSecond = 1

// theCity is the made-up city for all tests, and the directory of the reference data.
var theCity = sync.OnceValues(func() (*bench.City, error) {
	return bench.NewCity(bench.CityConfig{Seed: 1, Cameras: 24, Vehicles: 3000, ListEntries: 300, ListedDrive: 100, At: firstRead})
})

// record is a record of a universe's log before sending.
type record struct {
	id        string // of the read
	partition int
	key       []byte
	value     []byte
}

// universe is a log with its consumer group and database. Universes share only the broker, the engine and the
// output topics, where ids differ by the seed of the traffic.
type universe struct {
	t       *testing.T
	seed    uint64
	job     job
	records []record
	ids     map[string]bool // read ids of accepted reads
	rejects int
	ticks   int
	client  *kafka.Client
	sent    int
	ends    [partitions]int64

	mixed bool // workers of two catalogue versions: rows are compared without the version

	// For the table of results.
	fault    string // the fault
	struck   int    // how often
	detail   string // the measurement
	rows     int
	checksum hash.Hash
}

var universes atomic.Uint64

// runSeed is the seed of this run: ANPR_DELIVERY_SEED, or the clock.
var runSeed = sync.OnceValue(func() uint64 {
	if v, err := strconv.ParseUint(os.Getenv("ANPR_DELIVERY_SEED"), 10, 64); err == nil {
		return v
	}
	return uint64(time.Now().UnixNano())
})

// newUniverse makes a log with n records and empty tables.
func newUniverse(t *testing.T, n int) *universe {
	t.Helper()
	addr, db := testkit.Tables(t)
	return newUniverseOn(t, n, addr, db)
}

// newUniverseOn is newUniverse on another engine.
func newUniverseOn(t *testing.T, n int, addr, db string) *universe {
	t.Helper()
	return newUniverseAt(t, n, brokerAddr(t), addr, db)
}

// newUniverseAt is newUniverse on another broker and engine.
func newUniverseAt(t *testing.T, n int, broker, addr, db string) *universe {
	t.Helper()
	u := &universe{t: t, seed: runSeed() + universes.Add(1), ids: map[string]bool{}}
	t.Logf("seed of the run: ANPR_DELIVERY_SEED=%d", runSeed())
	u.client = &kafka.Client{Addr: kafkaTCP(broker), Timeout: 30 * time.Second, Transport: &kafka.Transport{Dial: directly, MetadataTTL: 2 * time.Second}}
	name := fmt.Sprintf("delivery-%d", u.seed)
	u.job = job{
		Kafka: broker, ClickHouse: addr, Database: db, Topic: name + "-reads", Group: name, Reference: t.TempDir(),
		Partitions: partitions, BatchRows: 200, Linger: 5 * time.Millisecond,
	}
	createTopics(t, broker, map[string]int{
		u.job.Topic: partitions, schemas.TopicHits: partitions, schemas.TopicOffences: partitions, schemas.TopicRejects: 1,
	})
	u.generate(n)
	migrateTables(u.t, u.job)
	return u
}

// generate makes the log: the traffic of a city with all its troubles, and ticks that close open passages.
func (u *universe) generate(n int) {
	u.t.Helper()
	city, err := theCity()
	if err != nil {
		u.t.Fatal(err)
	}
	if err := city.WriteReference(u.job.Reference); err != nil {
		u.t.Fatal(err)
	}
	noise := bench.UsualNoise()
	noise.Retransmitted, noise.Parked, noise.Malformed, noise.UnknownCamera, noise.ClockLost = 60_000, 5_000, 5_000, 5_000, 5_000
	traffic, err := city.Traffic(bench.TrafficConfig{Seed: u.seed, Rate: readsPerSecond, Start: firstRead, Noise: noise, ListedShare: 100_000})
	if err != nil {
		u.t.Fatal(err)
	}
	var ev bench.Event
	for range n {
		traffic.Next(&ev)
		class := ev.Class()
		u.records = append(u.records, record{
			id: ev.ReadID().String(), partition: ev.Partition(partitions), key: class.AppendTo(nil), value: ev.AppendRecord(nil),
		})
		if ev.Kind >= bench.Unreadable {
			u.rejects++
			continue
		}
		u.ids[ev.ReadID().String()] = true
	}
	for i := range 5 {
		at := ev.Received + schemas.Micros(i+1)*30*schemas.Second
		value, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
		if err != nil {
			u.t.Fatal(err)
		}
		for p := range partitions {
			u.records = append(u.records, record{partition: p, value: value})
			u.ticks++
		}
	}
}

var codecs = []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd}

// send produces the log up to the share (0 to 1) of records, in requests of random size and compression.
func (u *universe) send(rng *rand.Rand, share float64) {
	u.t.Helper()
	upTo := min(int(share*float64(len(u.records))), len(u.records))
	for u.sent < upTo {
		n := min(1+rng.IntN(120), upTo-u.sent)
		var recs [partitions][]kafka.Record
		for _, r := range u.records[u.sent : u.sent+n] {
			recs[r.partition] = append(recs[r.partition], kafka.Record{
				// Not the time of the traffic: since 4.0 Kafka refuses a time more than an hour ahead of its
				// clock.
				Time: time.Now(), Key: kafka.NewBytes(r.key), Value: kafka.NewBytes(r.value),
			})
		}
		for p := range recs {
			if len(recs[p]) == 0 {
				continue
			}
			resp, err := u.client.Produce(u.t.Context(), &kafka.ProduceRequest{
				Topic: u.job.Topic, Partition: p, RequiredAcks: kafka.RequireAll, Compression: codecs[rng.IntN(len(codecs))],
				Records: kafka.NewRecordReader(recs[p]...),
			})
			if err := cmp.Or(err, errorOf(resp)); err != nil {
				u.t.Fatalf("produce to partition %d: %v", p, err) // sending again could repeat records and confuse the test
			}
			u.ends[p] += int64(len(recs[p]))
		}
		u.sent += n
	}
}

// share returns the share of the log already sent.
func (u *universe) share() float64 { return float64(u.sent) / float64(len(u.records)) }

func errorOf(resp *kafka.ProduceResponse) error {
	if resp == nil {
		return nil
	}
	return resp.Error
}

// committed returns the committed offsets of a group, and whether any of them has a batch under way.
func (u *universe) committed(group string) (offsets [partitions]int64, underWay bool) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	all := []int{}
	for p := range partitions {
		all = append(all, p)
	}
	for {
		resp, err := u.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{u.job.Topic: all}})
		if err == nil && resp.Error == nil {
			for _, p := range resp.Topics[u.job.Topic] {
				plan, err := ingest.ParsePlan(p.Metadata, max(p.CommittedOffset, 0))
				if err != nil {
					u.t.Fatal(err)
				}
				offsets[p.Partition], underWay = max(p.CommittedOffset, 0), underWay || plan.UnderWay()
			}
			return offsets, underWay
		}
		if ctx.Err() != nil {
			u.t.Fatalf("committed offsets of %s: %v", group, err)
		}
		poll(ctx)
	}
}

// poll waits a little between two looks at something.
func poll(ctx context.Context) {
	select {
	case <-time.After(30 * time.Millisecond):
	case <-ctx.Done():
	}
}

// drained waits until the group has committed all that was sent, as long as it gets on: a loaded machine is slow
// and stands never still. alive is asked meanwhile, with the time since the last commit, and ends the test with an
// error.
func (u *universe) drained(group string, alive func(still time.Duration) error) {
	u.t.Helper()
	moved := time.Now()
	last, _ := u.committed(group)
	for {
		offsets, underWay := u.committed(group)
		if offsets != last {
			last, moved = offsets, time.Now()
		}
		if offsets == u.ends && !underWay {
			return
		}
		still := time.Since(moved)
		if err := alive(still); err != nil {
			u.t.Fatalf("worker ended at offsets %v of %v: %v", offsets, u.ends, err)
		}
		if still > patience {
			u.t.Fatalf("nothing committed for %v: %v of %v, under way %t", patience, offsets, u.ends, underWay)
		}
		poll(u.t.Context())
	}
}

// behind reports whether there is work left.
func (u *universe) behind() bool {
	offsets, underWay := u.committed(u.job.Group)
	return underWay || offsets != u.ends
}

// joinAfter is how long n workers may stand still before another joins them: 8 s, 24 s, 56 s. On a loaded machine each
// join takes the partitions from workers that were about to get on, so joins become rare instead of many.
func joinAfter(n int) time.Duration { return 8 * time.Second * (1<<n - 1) }

// finish drains the log with another worker process, which then stops in good order.
func (u *universe) finish(j job) {
	u.t.Helper()
	j.Fault = fault{Unplan: j.Fault.Unplan}
	workers := []*process{start(u.t, j)}
	u.drained(j.Group, func(still time.Duration) error {
		if deadKeepPartitions && still > joinAfter(len(workers)) {
			workers = append(workers, start(u.t, j)) // joining makes the group drop the dead
		}
		for _, p := range workers {
			if err := p.alive(); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range workers {
		p.stop()
	}
}

func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("worker %d: %w\n%s", p.cmd.Process.Pid, p.err, p.log.tail())
	default:
		return nil
	}
}

// undisturbed works through the finished log once more, with another group into another database, in large batches and
// without any fault, and returns the job that did it.
func (u *universe) undisturbed() job {
	u.t.Helper()
	j := u.job
	j.ClickHouse, j.Database = testkit.Tables(u.t)
	j.Group, j.BatchRows, j.Fault = u.job.Group+"-undisturbed", 20_000, fault{}
	migrateTables(u.t, j)
	ctx, cancel := context.WithCancel(context.WithoutCancel(u.t.Context()))
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- j.run(ctx, &tap{}, zerolog.Nop()) }()
	u.drained(j.Group, func(time.Duration) error {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("undisturbed worker: %w", err)
		default:
			return nil
		}
	})
	cancel()
	if err := <-ended; err != nil {
		u.t.Error("undisturbed worker: ", err)
	}
	return j
}

// migrateTables makes the tables, such that the engine neither merges repeated rows, which would hide them, nor
// drops rows for their age.
func migrateTables(t *testing.T, j job) {
	t.Helper()
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: j.ClickHouse, Database: j.Database}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		statements := []string{"MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"}
		if table.name != "offences" && table.name != "batches" {
			statements = append(statements, "REMOVE TTL")
		}
		for _, s := range statements {
			if err := testkit.Exec(t.Context(), j.ClickHouse, "ALTER TABLE "+j.Database+"."+table.name+" "+s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// createTopics makes missing topics.
func createTopics(t *testing.T, broker string, topics map[string]int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokersOf(broker)...), kgo.MetadataMinAge(50*time.Millisecond), kgo.Dialer(directly))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	adm := kadm.NewClient(cl)
	for name, n := range topics {
		for {
			if _, err := adm.CreateTopic(ctx, int32(n), -1, nil, name); err == nil || errors.Is(err, kerr.TopicAlreadyExists) {
				break
			} else if ctx.Err() != nil {
				t.Fatalf("create topic %s: %v", name, err)
			}
			poll(ctx)
		}
	}
	// A real broker announces a partition a moment before serving it.
	for {
		list, err := adm.ListEndOffsets(ctx, slices.Collect(maps.Keys(topics))...)
		if err == nil {
			err = list.Error()
		}
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("topics %v are not ready: %v", topics, err)
		}
		poll(ctx)
	}
}
