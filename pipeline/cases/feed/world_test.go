package feed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// march is 2026-03-01T12:00:00Z.
const march = schemas.Micros(1772366400 * 1_000_000)

const partitions = 3

var toxiServer = sync.OnceValue(func() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
})

// world is a broker, the tables and the cases, as offices share them.
type world struct {
	t     *testing.T
	kafka platform.Kafka
	conn  driver.Conn
	cases *store.Store
	later atomic.Int64     // added to the clock of the cases
	link  *toxiproxy.Proxy // between the store and PostgreSQL
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, kafka: platform.Kafka{Addr: testkit.Broker(t, map[string]int{schemas.TopicOffences: partitions, schemas.TopicReviews: partitions})}}
	addr, db := testkit.Tables(t)
	conn, err := platform.ClickHouse{Addr: addr, Database: db}.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.conn = conn
	postgres := testkit.StartPostgres(t)
	w.link = toxiproxy.NewProxy(toxiServer(), t.Name(), "127.0.0.1:0", testkit.PostgresServer(t).Addr())
	if err := w.link.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.link.Stop)
	postgres.URL = strings.Replace(postgres.URL, testkit.PostgresServer(t).Addr(), w.link.Listen, 1)
	pool, err := postgres.Open(t.Context(), "feed-test", 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.cases = store.New(pool, store.Options{Policy: cases.DefaultPolicy, DrawKey: []byte("of this test"), Shift: func() time.Duration { return time.Duration(w.later.Load()) }})
	return w
}

// plainTerms are terms without a catalogue.
func plainTerms(in *cases.Intake) Terms {
	d := &in.Decision
	return Terms{Regime: cases.RegimeTraffic, Track: cases.ImmediateCollection, Clocks: cases.Clocks{DecideBy: d.On.CapturedAt + 10*24*schemas.Hour}}
}

// offence makes a sealed candidate with the number, or a hold for an odd number.
func offence(n int) *schemas.Decision {
	plate := schemas.MustPlate(fmt.Sprintf("1ABC%03d", n%1000))
	d := &schemas.Decision{
		Rule: "bru.speed.fixed", RuleVersion: "2026-01-01", Family: "speed", Outcome: schemas.OutcomeOffence, Reason: "over_limit", Certain: true,
		On: schemas.Sighting{
			Camera: fmt.Sprintf("cam-%d", n%7), CapturedAt: march + schemas.Micros(n)*schemas.Second, ReceivedAt: march + schemas.Micros(n+1)*schemas.Second,
			Plate: plate, Country: schemas.Belgium, Confidence: 950, Image: schemas.Sum{1, byte(n)},
		},
		Measures: schemas.SpeedMeasures(620, 560, 500), AmountCents: 5300, LegalBasis: "RD 1975-12-01 art. 11", Verified: true,
		Trace:            []schemas.Step{{Code: "speed.limit", Holds: true, Args: []string{"50"}, Verified: true}},
		CatalogueVersion: "cat-1", ReferenceVersion: "ref-1",
	}
	if n%2 == 1 {
		d.Outcome, d.Reason, d.HoldUntil = schemas.OutcomeHeld, "foreign_unregistered", march+5*24*schemas.Hour
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "read %d", n))
	d.On.Read.ID, d.Passage.ID = schemas.ID(sum[:16]), schemas.ID(sum[16:])
	d.Offence = schemas.NewOffenceID(d.Rule, plate, d.On.Country, d.On.Read.ID[:])
	evidence.Seal(d, schemas.Sum{9})
	return d
}

// record makes the record of an offence, as the pipeline publishes it.
func record(d *schemas.Decision) *anprv1.Offence {
	status := "candidate"
	if d.Outcome == schemas.OutcomeHeld {
		status = "held"
	}
	m := &anprv1.Offence{
		OffenceId: d.Offence.ID[:], PassageId: d.Passage.ID[:], ReadId: d.On.Read.ID[:], Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family),
		Status: status, StatusReason: d.Reason, HoldUntilUs: int64(d.HoldUntil), CameraId: d.On.Camera, CapturedAtUs: int64(d.On.CapturedAt), Plate: d.On.Plate.String(),
		Country: d.On.Country.String(), AmountCents: d.AmountCents, LegalBasis: d.LegalBasis, TraceJson: string(evidence.AppendTrace(nil, d.Trace)),
		CatalogueVersion: d.CatalogueVersion, ReferenceVersion: d.ReferenceVersion, ImageSha256: d.On.Image[:], SealSha256: d.Seal[:], PrevSealSha256: d.PrevSeal[:],
		Verified: d.Verified, Sealed: d.Sealed, Zone: "5339", Municipality: 21004, Site: "wetstraat",
	}
	for _, x := range d.Measures {
		m.Measures = append(m.Measures, &anprv1.Measure{Name: string(x.Name), Value: x.Value, Uncertainty: x.Uncertainty, Device: x.Device})
	}
	return m
}

// stored makes the row of an offence, as the pipeline stores it.
func stored(d *schemas.Decision) evidence.Row {
	row := evidence.Row{
		OffenceID: d.Offence, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Status: "candidate", Reason: d.Reason, HoldUntil: d.HoldUntil.Time(),
		Plate: d.On.Plate.String(), Class: d.On.Plate.Class().String(), Country: d.On.Country.String(), PassageID: d.Passage, ReadID: d.On.Read, Camera: d.On.Camera,
		Site: "wetstraat", Zone: "5339", Municipality: 21004, CapturedAt: d.On.CapturedAt.Time(), Day: d.On.CapturedAt.Day().Time(), Amount: d.AmountCents, LegalBasis: d.LegalBasis,
		Verified: d.Verified, Trace: string(evidence.AppendTrace(nil, d.Trace)), Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion,
		Image: schemas.DigestOf(d.On.Image), Seal: schemas.DigestOf(d.Seal), PrevSeal: schemas.Digest(d.PrevSeal[:]), Sealed: string(d.Sealed), Offset: 77,
	}
	if d.Outcome == schemas.OutcomeHeld {
		row.Status = "held"
	}
	(*schemas.OffenceRow)(&row).SetMeasures(d.Measures)
	return row
}

// produce appends records to a partition.
func (w *world) produce(topic string, partition int, values ...[]byte) {
	w.t.Helper()
	transport := w.kafka.Transport("feed-test")
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.kafka.Brokers()...), Timeout: 10 * time.Second, Transport: transport}
	for chunk := range slices.Chunk(values, 500) {
		records := make([]kafka.Record, len(chunk))
		for i, v := range chunk {
			records[i] = kafka.Record{Time: time.Now(), Value: kafka.NewBytes(v)}
		}
		resp, err := client.Produce(w.t.Context(), &kafka.ProduceRequest{Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
		if err != nil || resp.Error != nil {
			w.t.Fatal(err, resp)
		}
	}
}

// publish puts offences on the topic, spread over the partitions.
func (w *world) publish(offences ...*schemas.Decision) {
	w.t.Helper()
	values := make([][][]byte, partitions)
	for i, d := range offences {
		values[i%partitions] = append(values[i%partitions], encoded(w.t, record(d)))
	}
	for p, v := range values {
		w.produce(schemas.TopicOffences, p, v...)
	}
}

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func someOffences(n int) []*schemas.Decision {
	out := make([]*schemas.Decision, n)
	for i := range out {
		out[i] = offence(i)
	}
	return out
}

// member is an office's part in a group, until stopped.
type member struct {
	stop func()
	done chan struct{}
}

// startIntake starts an intake of the taker, as another office does.
func (w *world) startIntake(taker Taker, m *Metrics) *member {
	w.t.Helper()
	group := w.join(schemas.TopicOffences, IntakeGroup)
	in := &Intake{Group: group, Cases: taker, Table: &Table{w.conn}, Terms: plainTerms, Patience: 3, Every: 20 * time.Millisecond, Metrics: m, Log: testLog(w.t)}
	return w.start(in.Run, group)
}

func (w *world) join(topic, group string) *source.KafkaGroup {
	w.t.Helper()
	g, err := source.Join(source.Config{Brokers: w.kafka.Brokers(), Topic: topic, GroupID: group, MaxWait: 50 * time.Millisecond, SessionTimeout: 3 * time.Second})
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// start runs a job of a member; stopping it leaves the group.
func (w *world) start(run func(context.Context), group *source.KafkaGroup) *member {
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{done: make(chan struct{})}
	go func() {
		defer close(m.done)
		run(ctx)
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if group != nil {
			_ = group.Close()
		}
		<-m.done
	})
	w.t.Cleanup(m.stop)
	return m
}

func testLog(t *testing.T) zerolog.Logger {
	return zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)
}

// eventually waits until the condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("never: ", what)
		}
	}
}

// waitForCases waits until there are so many cases, and checks the sums.
func (w *world) waitForCases(n int) store.Totals {
	w.t.Helper()
	var totals store.Totals
	w.eventually(fmt.Sprint(n, " cases"), func() bool {
		var err error
		totals, err = w.cases.Totals(w.t.Context())
		return err == nil && totals.Cases >= int64(n)
	})
	var sum int64
	for _, of := range totals.ByState {
		sum += of
	}
	if totals.Cases != int64(n) || totals.Offences+totals.Attempts != totals.Cases || sum != totals.Cases {
		w.t.Errorf("got %+v, want %d cases = distinct offences + attempts = sum of the states", totals, n)
	}
	return totals
}

// caught waits until a group has committed all of a topic.
func (w *world) caught(group, topic string) {
	w.t.Helper()
	admin := w.kafka.NewAdmin("feed-test")
	defer admin.Close()
	w.eventually(group+" has committed "+topic, func() bool {
		lag, err := admin.Lag(w.t.Context(), group, topic)
		return err == nil && lag == 0
	})
}

// faulty is a store whose transactions fail before or after they are done.
type faulty struct {
	*store.Store
	mu     sync.Mutex
	before func() error // an error keeps the transaction from beginning
	after  func() error // an error after the transaction is done: its answer is lost
}

func (f *faulty) TakeIn(ctx context.Context, in []cases.Intake) (taken store.Taken, err error) {
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return taken, err
		}
	}
	if taken, err = f.Store.TakeIn(ctx, in); err == nil && after != nil {
		err = after()
	}
	return taken, err
}

var errAway = errors.New("the server is away")

// store inserts rows of offences.
func (w *world) store(rows ...evidence.Row) {
	w.t.Helper()
	b, err := w.conn.PrepareBatch(w.t.Context(), "INSERT INTO offences ("+strings.Join(evidence.Columns(), ", ")+")")
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range rows {
		var values []any
		v := reflect.ValueOf(rows[i])
		for _, c := range schemas.ColumnsOf[evidence.Row]() {
			if !c.Insert {
				continue
			}
			x := v.Field(c.Field).Interface()
			if d, ok := x.(schemas.Digest); ok {
				x = string(d)
			}
			values = append(values, x)
		}
		if err := b.Append(values...); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		w.t.Fatal(err)
	}
}
