//go:build !kafka

package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// The seeded day: its reads take 86,000 s from six in the morning in UTC, over midnight in Brussels and over the
// end of a month, where the tables' partitions change.
const (
	dayReads      = 100_000
	dayPartitions = 4
	dayPause      = 30 * schemas.Second // a partition without a record for so long gets a tick
)

var dayStart = schemas.MicrosOf(time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC))

// TestASeededDayMakesTheSameTablesAndTopics works through a day of made-up traffic and compares what comes out with
// testdata/seeded_day.txt: a sum for each column of each table and for each field of each output topic. The log is the
// same for ever, so a difference is a change of a result: of a rule, a wire form, an id, a column. Whoever wants that
// change writes the file anew with
//
//	go test ./pipeline/testkit/delivery -run TestASeededDay -update
//
// and says in the commit why the columns named in the difference had to change. Neither the size of batches nor the
// number of workers may show in the sums.
func TestASeededDayMakesTheSameTablesAndTopics(t *testing.T) {
	log := seededDay(t)
	for i, c := range []struct{ workers, batchRows int }{{1, 20_000}, {2, 6_000}} {
		t.Run(fmt.Sprintf("%d workers, batches of %d rows", c.workers, c.batchRows), func(t *testing.T) {
			j := log.publish(t)
			j.BatchRows = c.batchRows
			log.process(t, j, c.workers)
			got := sumsOf(t, j)
			if *update && i == 0 && !t.Failed() { // later runs must repeat the first
				writeSums(t, got)
			}
			compareSums(t, got, readSums(t))
			if i == 0 {
				compareAffected(t, j)
			}
		})
	}
}

// dayLog is the log of the seeded day and the directory of its reference data.
type dayLog struct {
	reference string
	records   []*kgo.Record
	ends      [dayPartitions]int64

	last   [dayPartitions]schemas.Micros // time of the partition's last record
	heldUp []heldRead                    // by time of receipt
}

// heldRead is a read received later than sent.
type heldRead struct {
	partition int
	at        schemas.Micros
	key       []byte
	read      *anprv1.PlateRead
}

// seededDay makes the log: 100,000 reads with all the troubles of a day, and the ticks of the pauses.
func seededDay(t *testing.T) *dayLog {
	t.Helper()
	city, err := bench.NewCity(bench.CityConfig{Seed: 11, Cameras: 40, Vehicles: 20_000, ListEntries: 600, ListedDrive: 200, At: dayStart})
	if err != nil {
		t.Fatal(err)
	}
	l := &dayLog{reference: t.TempDir()}
	if err := city.WriteReference(l.reference); err != nil {
		t.Fatal(err)
	}
	noise := bench.UsualNoise()
	noise.Malformed, noise.UnknownCamera, noise.ExpiredCamera, noise.ClockAhead, noise.ClockLost, noise.Parked = 1_000, 1_000, 1_000, 1_000, 1_000, 2_000
	traffic, err := city.Traffic(bench.TrafficConfig{
		Seed: 2026, Rate: 100, Compress: 86, Profile: bench.RushHour, Start: dayStart, Noise: noise, ListedShare: 20_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	var ev bench.Event
	for i := range dayReads {
		traffic.Next(&ev)
		l.addEvent(t, i, &ev)
	}
	for i := range schemas.Micros(40) { // until the longest passage is closed
		for p := range dayPartitions {
			l.addTick(t, p, ev.Received+(i+1)*dayPause)
		}
	}
	return l
}

// addEvent adds the record of a read, after the ticks of the pause and the reads held up until now. A fifth of the
// generator's reads is in JSON, as from a foreign producer. Some reads are changed in ways that the generator does
// not make: held up on the way for minutes or hours, ahead of the receiver's clock, with more pictures, refused by
// the gateway.
func (l *dayLog) addEvent(t *testing.T, i int, ev *bench.Event) {
	t.Helper()
	for len(l.heldUp) > 0 && l.heldUp[0].at <= ev.Received {
		h := l.heldUp[0]
		l.heldUp = l.heldUp[1:]
		l.addRead(t, h.partition, h.at, h.key, h.read)
	}
	p, at, class := ev.Partition(dayPartitions), ev.Received, ev.Class()
	key := class.AppendTo(nil)
	var m anprv1.PlateRead
	switch {
	case ev.Kind != bench.Clean || proto.Unmarshal(ev.AppendRecord(nil), &m) != nil:
		l.add(t, p, at, key, ev.AppendRecord(nil))
	case i%5 == 0:
		l.add(t, p, at, key, ev.AppendRecordJSON(nil))
	case i%301 == 0:
		delays := [...]schemas.Micros{3 * schemas.Minute, 40 * schemas.Minute, 7 * schemas.Hour}
		id := sha256.Sum256(m.ReadId)
		// another id: the camera may have sent the read again meanwhile
		m.ReadId, m.LateUpload = id[:len(schemas.ID{})], i%2 == 0
		l.holdUp(heldRead{p, at + delays[i%len(delays)], key, &m})
	case i%307 == 0:
		m.CapturedAtUs = int64(at + 5*schemas.Second)
		l.addRead(t, p, at, key, &m)
	case i%311 == 0:
		other, third := sha256.Sum256(m.ReadId), sha256.Sum256(m.ImageSha256)
		m.MoreImagesSha256 = [][]byte{other[:], third[:]}
		l.addRead(t, p, at, key, &m)
	case i%2003 == 0:
		l.addRead(t, p, at, key, &anprv1.PlateRead{CameraId: m.CameraId, ReceivedAtUs: m.ReceivedAtUs, Quarantine: &anprv1.Quarantine{
			Reason: schemas.ReasonBadField.String(), Field: "plate", Detail: "made up", Payload: []byte(m.RawPlate), PayloadSize: uint64(len(m.RawPlate)), ContentType: "text/plain",
		}})
	default:
		l.add(t, p, at, key, ev.AppendRecord(nil))
	}
}

// holdUp keeps a read until the time of receipt.
func (l *dayLog) holdUp(h heldRead) {
	l.heldUp = append(l.heldUp, h)
	slices.SortStableFunc(l.heldUp, func(a, b heldRead) int { return cmp.Compare(a.at, b.at) })
}

// addRead adds a read as received at the given time.
func (l *dayLog) addRead(t *testing.T, partition int, at schemas.Micros, key []byte, read *anprv1.PlateRead) {
	t.Helper()
	read.ReceivedAtUs = int64(at)
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	l.add(t, partition, at, key, value)
}

// add adds a record, after the ticks of the pause before.
func (l *dayLog) add(t *testing.T, partition int, at schemas.Micros, key, value []byte) {
	t.Helper()
	for l.last[partition] > 0 && at-l.last[partition] > dayPause {
		l.addTick(t, partition, l.last[partition]+dayPause)
	}
	l.put(partition, at, key, value)
}

func (l *dayLog) put(partition int, at schemas.Micros, key, value []byte) {
	l.records = append(l.records, &kgo.Record{Topic: schemas.TopicReads, Partition: int32(partition), Key: key, Value: value, Timestamp: at.Time()})
	l.ends[partition]++
	l.last[partition] = at
}

func (l *dayLog) addTick(t *testing.T, partition int, at schemas.Micros) {
	t.Helper()
	value, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
	if err != nil {
		t.Fatal(err)
	}
	l.put(partition, at, nil, value)
}

// publish puts the log on a separate broker, and returns the job of a worker with separate, empty tables.
func (l *dayLog) publish(t *testing.T) job {
	t.Helper()
	j := job{
		Kafka: testkit.Broker(t, map[string]int{
			schemas.TopicReads: dayPartitions, schemas.TopicHits: dayPartitions, schemas.TopicOffences: dayPartitions, schemas.TopicRejects: 1,
		}),
		Topic: schemas.TopicReads, Group: "seeded-day", Reference: l.reference, Partitions: dayPartitions,
		Linger: 5 * time.Millisecond, Session: 6 * time.Second,
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	records := make([]*kgo.Record, len(l.records))
	for i, r := range l.records {
		// the client writes into the message
		records[i] = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal("produce the day: ", err)
	}
	j.ClickHouse, j.Database = testkit.Tables(t)
	migrateTables(t, j)
	if err := testkit.Exec(t.Context(), j.ClickHouse, "ALTER TABLE "+j.Database+".plates REMOVE TTL"); err != nil {
		t.Fatal(err)
	}
	return j
}

// process runs the workers until the whole log is committed.
func (l *dayLog) process(t *testing.T, j job, workers int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, workers)
	for range workers {
		go func() { ended <- j.run(ctx, &tap{}, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)) }()
	}
	l.awaitCommits(t, j, ended)
	cancel()
	for range workers {
		if err := <-ended; err != nil {
			t.Fatal("worker: ", err)
		}
	}
}

// awaitCommits waits until the group has committed all offsets of the log, as long as there is progress.
func (l *dayLog) awaitCommits(t *testing.T, j job, ended <-chan error) {
	t.Helper()
	adm, moved := adminClient(t, j.Kafka), time.Now()
	for last := [dayPartitions]int64{}; ; poll(t.Context()) {
		select {
		case err := <-ended:
			t.Fatal("a worker ended by itself: ", err)
		default:
		}
		offsets, underWay := committedOffsets(t, adm, j)
		switch {
		case offsets == l.ends && !underWay:
			return
		case offsets != last:
			last, moved = offsets, time.Now()
		case time.Since(moved) > patience:
			t.Fatalf("nothing committed for %v: %v of %v, under way %t", patience, offsets, l.ends, underWay)
		}
	}
}

// adminClient returns a client of the broker, closed when the test ends.
func adminClient(t *testing.T, broker string) *kadm.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// committedOffsets returns the group's offsets, and whether a batch is under way.
func committedOffsets(t *testing.T, adm *kadm.Client, j job) (offsets [dayPartitions]int64, underWay bool) {
	t.Helper()
	all, err := adm.FetchOffsets(t.Context(), j.Group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return offsets, false // no worker has joined yet
	}
	if err != nil {
		t.Fatal("committed offsets: ", err)
	}
	all.Each(func(o kadm.OffsetResponse) {
		plan, err := ingest.ParsePlan(o.Metadata, max(o.At, 0))
		if err != nil {
			t.Fatal(err)
		}
		offsets[o.Partition], underWay = max(o.At, 0), underWay || plan.UnderWay()
	})
	return offsets, underWay
}
