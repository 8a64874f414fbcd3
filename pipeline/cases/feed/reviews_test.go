package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

func (w *world) startOutbox(waiting Waiting, m *Metrics) *member {
	w.t.Helper()
	o := &Outbox{Cases: waiting, Kafka: w.kafka, Idle: 20 * time.Millisecond, Metrics: m, Log: testLog(w.t)}
	return w.start(o.Run, nil)
}

func (w *world) startReviews(db driver.Conn, m *Metrics) *member {
	w.t.Helper()
	group := w.join(schemas.TopicReviews, ReviewsGroup)
	r := &Reviews{Group: group, DB: db, Linger: 30 * time.Millisecond, Metrics: m, Log: testLog(w.t)}
	return w.start(r.Run, group)
}

// count returns a number of the tables.
func (w *world) count(query string) (n uint64) {
	w.t.Helper()
	if err := w.conn.QueryRow(w.t.Context(), query).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// deafOutbox publishes, and loses the answer of every second removal: the event is published again.
type deafOutbox struct {
	Waiting
	n atomic.Int32
}

func (d *deafOutbox) Published(ctx context.Context, events []cases.ID) error {
	if d.n.Add(1)%2 == 1 {
		return errAway
	}
	return d.Waiting.Published(ctx, events)
}

// deafTables stores, and loses the answer of inserts as long as it is told: the office died between insert and commit.
type deafTables struct {
	driver.Conn
	lose atomic.Bool
}

type deafBatch struct {
	driver.Batch
	d *deafTables
}

func (d *deafTables) PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error) {
	b, err := d.Conn.PrepareBatch(ctx, query, opts...)
	return &deafBatch{b, d}, err
}

func (b *deafBatch) Send() error {
	err := b.Batch.Send()
	if err == nil && b.d.lose.Load() {
		return errAway
	}
	return err
}

// Offices publish and store events while their answers are lost and members come and go. ClickHouse has each event, as
// PostgreSQL has it, and an insert that was repeated left no second row.
func TestReviewsAreThoseOfTheCasesWhateverCrashes(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	all := someOffences(150)
	var in []cases.Intake
	for _, d := range all {
		one, err := ParseOffence(encoded(t, record(d)))
		if err != nil {
			t.Fatal(err)
		}
		addTerms(&one, plainTerms)
		in = append(in, one)
	}
	in[0].SealHolds = false // a second event
	takeIn := func(some []cases.Intake, events int64) {
		if _, err := w.cases.TakeIn(t.Context(), some); err != nil {
			t.Fatal(err)
		}
		w.eventually("the outbox is empty", func() bool {
			totals, err := w.cases.Totals(t.Context())
			return err == nil && totals.Outbox == 0 && totals.Events == events
		})
	}
	if err := w.conn.Exec(t.Context(), "SYSTEM STOP MERGES reviews"); err != nil { // a merge would hide a second row
		t.Fatal(err)
	}
	w.startOutbox(&deafOutbox{Waiting: w.cases}, m)
	takeIn(in[:100], 101)
	tables := &deafTables{Conn: w.conn}
	tables.lose.Store(true)
	a := w.startReviews(tables, m)
	w.eventually("inserts whose answers are lost, in every partition", func() bool { return w.count("SELECT uniqExact(kafka_partition) FROM reviews") == partitions })
	a.stop()
	takeIn(in[100:], 151) // the planned ranges are not all there is
	tables.lose.Store(false)
	b := w.startReviews(tables, m)
	w.caught(ReviewsGroup, schemas.TopicReviews)
	b.stop()
	if n := w.count("SELECT uniqExact(event_id) FROM reviews"); n != 151 {
		t.Errorf("%d distinct events, want 151", n)
	}
	if n := w.count("SELECT toUInt64(count() - uniqExact(kafka_partition, kafka_offset)) FROM reviews"); n != 0 {
		t.Errorf("%d rows repeat an offset: an insert was not recognised", n)
	}
	if n := w.count("SELECT count() FROM (SELECT case_id FROM reviews GROUP BY case_id HAVING uniqExact(n) != max(n) OR min(n) != 1)"); n != 0 {
		t.Errorf("%d cases have a gap in their events", n)
	}
	if n := w.count("SELECT uniqExact(event_id) FROM reviews WHERE kind = 'taken_in' AND to_state = 'open' AND zone = '5339' AND family = 'speed' AND camera_id != '' AND due_at > captured_at"); n != 74 {
		t.Errorf("%d cases taken in open, want 74", n)
	}
	w.noPlateIn("reviews")
}

// noPlateIn looks for the plates of the offences in every text of a table.
func (w *world) noPlateIn(table string) {
	w.t.Helper()
	for _, c := range schemas.ColumnsOf[schemas.ReviewRow]() {
		if strings.Contains(c.Type, "String") {
			if n := w.count(fmt.Sprintf("SELECT countIf(position(toString(%s), '1ABC') > 0) FROM %s", c.Name, table)); n > 0 {
				w.t.Errorf("%s.%s holds a plate", table, c.Name)
			}
		}
	}
}

// A record that somebody else wrote on the topic stops nothing; ClickHouse away pauses and loses nothing.
func TestForeignReviewsAndAnOutageOfTheTablesStopNothing(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	one, err := ParseOffence(encoded(t, record(offence(0))))
	if err != nil {
		t.Fatal(err)
	}
	addTerms(&one, plainTerms)
	if _, err := w.cases.TakeIn(t.Context(), []cases.Intake{one}); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		w.produce(schemas.TopicReviews, p, []byte("no review"), nil)
	}
	gone := &awayTables{Conn: w.conn}
	gone.away.Store(true)
	w.startReviews(gone, m)
	w.startOutbox(w.cases, m)
	w.eventually("the part waits", func() bool { return valueOf(t, m.paused.WithLabelValues(PartReviews)) == 1 })
	gone.away.Store(false)
	w.eventually("the event is stored", func() bool { return w.count("SELECT uniqExact(event_id) FROM reviews") == 1 })
	w.caught(ReviewsGroup, schemas.TopicReviews)
	if got := valueOf(t, m.ForeignReviews); got < 6 {
		t.Errorf("%v foreign records, want 6", got)
	}
}

// awayTables takes no insert as long as it is told.
type awayTables struct {
	driver.Conn
	away atomic.Bool
}

func (a *awayTables) PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error) {
	if a.away.Load() {
		return nil, errAway
	}
	return a.Conn.PrepareBatch(ctx, query, opts...)
}

// Of two offices that publish at once each event leaves, and for each case in order: no later event is on the topic for
// the first time before an earlier one.
func TestEventsLeaveInOrder(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	var in []cases.Intake
	for _, d := range someOffences(20) {
		one, err := ParseOffence(encoded(t, record(d)))
		if err != nil {
			t.Fatal(err)
		}
		one.SealHolds = false // two events each
		addTerms(&one, plainTerms)
		in = append(in, one)
	}
	a, b := w.startOutbox(&deafOutbox{Waiting: w.cases}, m), w.startOutbox(w.cases, m)
	for i := range in {
		if _, err := w.cases.TakeIn(t.Context(), in[i:i+1]); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			a.stop()
		}
	}
	w.eventually("the outbox is empty", func() bool {
		totals, err := w.cases.Totals(t.Context())
		return err == nil && totals.Outbox == 0
	})
	b.stop()
	w.startReviews(w.conn, m)
	w.eventually("all are stored", func() bool { return w.count("SELECT uniqExact(event_id) FROM reviews") == 40 })
	if n := w.count(`SELECT count() FROM (SELECT case_id, argMin(kafka_offset, kafka_offset) FROM reviews GROUP BY case_id
		HAVING minIf(kafka_offset, n = 1) > minIf(kafka_offset, n = 2) OR uniqExact(kafka_partition) != 1)`); n != 0 {
		t.Errorf("%d cases left out of order, or over two partitions", n)
	}
}

// What the topic did not bring is taken from the table; what a person changed in the table goes to a supervisor.
func TestAComparisonTakesInWhatTheTopicDidNotBring(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	rows := []evidence.Row{}
	for _, d := range someOffences(30) {
		rows = append(rows, stored(d))
	}
	rows[4].Amount++ // changed in the table
	w.store(rows...)
	insert := fmt.Sprintf("INSERT INTO reads (read_id, plate, captured_at, kafka_partition, kafka_offset, image_sha256, more_images_sha256, image_kinds) VALUES ('%s', '%s', %s, 0, 77, unhex('%s'), [unhex('%s')], 'scene,plate')",
		rows[6].ReadID, rows[6].Plate, sqlTime(schemas.MicrosOf(rows[6].CapturedAt)), rows[6].Image, hexOf(schemas.Sum{7}))
	if err := w.conn.Exec(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	first, err := ParseOffence(encoded(t, record(offence(0))))
	if err != nil {
		t.Fatal(err)
	}
	addTerms(&first, plainTerms)
	if _, err := w.cases.TakeIn(t.Context(), []cases.Intake{first}); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(leaveIntake + time.Minute)
	span := now.Sub(march.Time()) + time.Hour
	c := &Comparison{Cases: w.cases, Table: &Table{w.conn}, Terms: plainTerms, Now: func() time.Time { return now }, Metrics: m, Log: testLog(t)}
	got, err := c.Compare(t.Context(), span)
	if err != nil || got.Rows != 30 || got.Cases != 1 || got.TakenIn != 29 || got.Missing != 0 || got.Reviews != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	totals := w.waitForCases(30)
	if totals.ByState[cases.Arbitration] != 1 {
		t.Errorf("got %+v, want the changed row with a supervisor", totals)
	}
	if got, err = c.Compare(t.Context(), span); err != nil || got.TakenIn != 0 || got.Cases != 30 {
		t.Errorf("again: got %+v, %v", got, err)
	}
	stragglers := 0
	for _, r := range w.all() {
		if r.Straggler {
			stragglers++
			if len(r.Pictures) != 2 || r.Pictures[1].Kind != cases.PicturePlate {
				t.Errorf("pictures %v, want scene and plate", r.Pictures)
			}
		}
	}
	if stragglers != 1 {
		t.Errorf("%d cases on a single late read, want 1", stragglers)
	}
	// Rows of the last minutes are the intake's.
	w.store(stored(offence(40)))
	c.Now = time.Now
	if got, err = c.Compare(t.Context(), span); err != nil || got.TakenIn != 0 {
		t.Errorf("fresh rows: got %+v, %v", got, err)
	}
}

// all returns all cases.
func (w *world) all() (out []cases.Case) {
	w.t.Helper()
	rows, _, err := w.cases.List(w.t.Context(), store.Filter{}, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range rows {
		out = append(out, rows[i].Case)
	}
	return out
}

// A database that refuses an offence of the table is a missing case, not the end of the comparison.
func TestARefusedOffenceIsAMissingCase(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	w.store(stored(offence(0)), stored(offence(1)), stored(offence(2)))
	now := time.Now().Add(leaveIntake + time.Minute)
	c := &Comparison{Cases: &refusing{w.cases, offence(1).Offence}, Table: &Table{w.conn}, Terms: plainTerms, Now: func() time.Time { return now }, Metrics: m, Log: testLog(t)}
	got, err := c.Compare(t.Context(), now.Sub(march.Time())+time.Hour)
	if err != nil || got.TakenIn != 2 || got.Missing != 1 || valueOf(t, m.Missing) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := c.Compare(t.Context(), time.Hour); err != nil || got.Missing != 0 || valueOf(t, m.Missing) != 1 {
		t.Errorf("a comparison of other hours forgets the missing case: %+v, %v, gauge %v", got, err, valueOf(t, m.Missing))
	}
}

// An hour with as many foreign cases as missing ones is compared by id all the same.
func TestAMissingOffenceIsFoundBesideAForeignCase(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	foreign, err := ParseOffence(encoded(t, record(offence(2))))
	if err != nil {
		t.Fatal(err)
	}
	addTerms(&foreign, plainTerms)
	if _, err := w.cases.TakeIn(t.Context(), []cases.Intake{foreign}); err != nil {
		t.Fatal(err)
	}
	w.store(stored(offence(0)))
	now := time.Now().Add(leaveIntake + time.Minute)
	c := &Comparison{Cases: w.cases, Table: &Table{w.conn}, Terms: plainTerms, Now: func() time.Time { return now }, Metrics: m, Log: testLog(t)}
	got, err := c.Compare(t.Context(), now.Sub(march.Time())+time.Hour)
	if err != nil || got.TakenIn != 1 || got.Missing != 0 || valueOf(t, m.Unseen) != 1 {
		t.Errorf("got %+v, %v, %v cases without a row", got, err, valueOf(t, m.Unseen))
	}
}

// Events that the table reviews has lost are found by hour, also beside as many rows that are nobody's, published again
// after a while as they left the first time, and count once.
func TestLostReviewsArePublishedAgain(t *testing.T) {
	w := newWorld(t)
	m := NewMetrics(nil)
	var in []cases.Intake
	for _, d := range someOffences(8) {
		one, err := ParseOffence(encoded(t, record(d)))
		if err != nil {
			t.Fatal(err)
		}
		one.SealHolds = false // two events each
		addTerms(&one, plainTerms)
		in = append(in, one)
	}
	if _, err := w.cases.TakeIn(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, kept := w.startOutbox(w.cases, m), w.startReviews(w.conn, m)
	distinct := "SELECT uniqExact(event_id) FROM reviews WHERE kind != 'foreign'"
	w.eventually("all are stored", func() bool { return w.count(distinct) == 16 })
	w.caught(ReviewsGroup, schemas.TopicReviews)
	out.stop()
	kept.stop()
	columns := "case_id, attempt, n, kind, from_state, to_state, settles_to, recorded_at, effective_at, incident, catalogue_version, reference_version, family, rule, regime, track, zone, municipality, camera_id, captured_at, due_at, plate_changed"
	content := "SELECT sum(h) FROM (SELECT DISTINCT event_id, cityHash64(event_id, " + columns + ") AS h FROM reviews WHERE kind != 'foreign')"
	before := w.count(content)
	var lost string // chosen before: a mutation asks a subquery again for each part, when others have lost theirs
	if err := w.conn.QueryRow(t.Context(), "SELECT arrayStringConcat(groupArray(quoted), ',') FROM (SELECT DISTINCT concat(char(39), toString(event_id), char(39)) AS quoted FROM reviews ORDER BY 1 LIMIT 5)").Scan(&lost); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"INSERT INTO reviews (event_id, case_id, kind, recorded_at) SELECT generateUUIDv4(), case_id, 'foreign', recorded_at FROM reviews ORDER BY event_id LIMIT 5",
		"ALTER TABLE reviews DELETE WHERE event_id IN (" + lost + ") SETTINGS mutations_sync = 2",
	} {
		if err := w.conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	now := time.Now()
	c := &Comparison{Cases: w.cases, Table: &Table{w.conn}, Terms: plainTerms, Now: func() time.Time { return now }, Metrics: m, Log: zerolog.Nop()}
	compare := func() Compared {
		t.Helper()
		got, err := c.Compare(t.Context(), 48*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := compare(); got.Reviews != 5 || got.Foreign != 5 || got.Republished != 0 {
		t.Fatalf("five lost beside five foreign: %+v", got)
	}
	now = now.Add(publishWait + time.Second)
	if got := compare(); got.Reviews != 5 || got.Republished != 5 {
		t.Fatalf("after a while: %+v", got)
	}
	if got := compare(); got.Reviews != 0 || got.Republished != 0 { // they wait in the outbox
		t.Errorf("at once again: %+v", got)
	}
	all, err := w.cases.EventsIn(t.Context(), 0, schemas.MicrosOf(now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.cases.Republish(t.Context(), all); err != nil || n != 11 { // what waits is not counted
		t.Errorf("%d events published again, err %v", n, err)
	}
	w.startOutbox(w.cases, m)
	w.startReviews(w.conn, m)
	w.eventually("all are stored again", func() bool { return w.count(distinct) == 16 })
	if after := w.count(content); after != before {
		t.Errorf("what was published again is not what left the first time: %d, was %d", after, before)
	}
	w.eventually("nothing is missing", func() bool { got := compare(); return got.Reviews == 0 && got.Foreign == 5 })
	if valueOf(t, m.ReviewsMissing) != 0 || valueOf(t, m.ReviewsUnknown) != 5 {
		t.Errorf("the gauges say %v missing, %v foreign", valueOf(t, m.ReviewsMissing), valueOf(t, m.ReviewsUnknown))
	}
}

// The slices of a day leave no hour of the long span out.
func TestTheSlicesOfADayAreTheLongSpan(t *testing.T) {
	start := time.Date(2026, 11, 29, 8, 59, 59, 0, time.UTC)
	_, newest := sliceOf(start, 0)
	last := newest + schemas.Hour
	for n := range slicesADay {
		from, to := sliceOf(start.Add(time.Duration(n)*sliceEvery), n)
		if to < last-schemas.Hour || from >= to {
			t.Fatalf("slice %d is [%s, %s), the one before began at %s", n, from, to, last)
		}
		last = from
	}
	if oldest, _ := hoursOf(start, longSpan); last > oldest {
		t.Errorf("the slices begin at %s, want %s or before", last, oldest)
	}
}

// A part that several partitions share waits until the last waits no more.
func TestAPartWaitsAsLongAsOneOfItsPartitions(t *testing.T) {
	m := NewMetrics(nil)
	p := NewPart(PartIntake, m, testLog(t))
	gauge := func() float64 { return valueOf(t, m.paused.WithLabelValues(PartIntake)) }
	p.pause(errAway)
	p.pause(errAway)
	p.resume()
	if gauge() != 1 {
		t.Error("one of two waits, and the part does not say so")
	}
	p.resume()
	p.Note(errAway)
	p.Note(errors.New("again"))
	if gauge() != 1 {
		t.Error("a failed try, and the part does not wait")
	}
	p.Note(nil)
	p.Note(nil)
	if gauge() != 0 {
		t.Error("nobody waits, and the part says so")
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				p.pause(errAway)
				p.resume()
			}
		})
	}
	group.Wait()
	if gauge() != 0 {
		t.Error("nobody waits, and the part says so")
	}
}

// Compare compares a span until now, takes in what is missing, and audits the cases.
func (c *Comparison) Compare(ctx context.Context, span time.Duration) (Compared, error) {
	from, to := hoursOf(c.Now(), span)
	out, err := c.compareSpan(ctx, from, to)
	if err == nil {
		err = c.audit(ctx)
	}
	return out, err
}
