package sink

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/pressly/goose/v3"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// sealsByScan walks through all offences in the partition and returns the expected answer of Seals, without a
// projection.
const sealsByScan = `SELECT toString(camera_id), argMax(seal_sha256, (kafka_offset, seq)) FROM offences
	WHERE kafka_partition = ? AND kafka_offset < ? GROUP BY camera_id SETTINGS optimize_use_projections = 0`

func scanSeals(t *testing.T, conn driver.Conn, partition int32, below int64) map[string]schemas.Sum {
	t.Helper()
	rows, err := conn.Query(t.Context(), sealsByScan, partition, below)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]schemas.Sum{}
	for rows.Next() {
		var camera, seal string
		if err := rows.Scan(&camera, &seal); err != nil {
			t.Fatal(err)
		}
		out[camera] = schemas.Sum([]byte(seal))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// withSettings adds settings to the queries of a context.
func withSettings(ctx context.Context, s clickhouse.Settings) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(s))
}

// history stores batches of offences in a partition, each after the one before, like a worker.
type history struct {
	t         *testing.T
	r         *rand.Rand
	c         *ClickHouse
	conn      driver.Conn
	partition int32
	last      map[string]schemas.Sum // the chain of each camera
	made      uint64
	end       int64
	ranges    []ingest.Range
	insert    []func() error
	what      string // the disturbances
}

// addBatch stores a batch of offences for some cameras: several at the same record, several months of capture, gaps of
// any length.
func (h *history) addBatch(cameras []string) {
	h.t.Helper()
	b := NewBlock(nil)
	rg := ingest.Range{Topic: schemas.TopicReads, Partition: h.partition, Start: h.end}
	var totals shard.Totals
	for range 1 + h.r.IntN(8) {
		h.end += int64(h.r.IntN(3)) * int64(1+h.r.IntN(200_000))
		for seq := range uint32(1 + h.r.IntN(3)) {
			at := march + schemas.Micros(h.r.IntN(4))*month + schemas.Micros(h.r.IntN(1000))*schemas.Second
			h.made++
			d := testDecision(testRead(int(h.made), at), schemas.OutcomeOffence)
			d.Offence = schemas.NewOffenceID(d.Rule, d.On.Plate, d.On.Country, binary.LittleEndian.AppendUint64([]byte{byte(h.partition)}, h.made))
			d.On.Camera = cameras[h.r.IntN(len(cameras))]
			d.PrevSeal, d.Seal = h.last[d.On.Camera], schemas.Sum{byte(h.partition), byte(h.made), byte(h.made >> 8), 1}
			h.last[d.On.Camera] = d.Seal
			b.AddDecision(d, d.On.Plate.Class(), testCamera(), shard.Position{Topic: rg.Topic, Partition: rg.Partition, Offset: h.end}, seq)
			totals.Offences++
		}
		h.end++
	}
	rg.End = h.end
	totals.Fetched = uint64(rg.End - rg.Start)
	totals.Ticks = totals.Fetched
	again := func() error { return h.c.Insert(h.t.Context(), rg, &totals, b) }
	if err := again(); err != nil {
		h.t.Fatal(err)
	}
	h.ranges, h.insert = append(h.ranges, rg), append(h.insert, again)
}

// disturbRows does one of the things that happen to rows: a batch comes again, under its token or as new rows; a month
// of the last batch is lost; everything from an offset on is deleted as after a restore; parts are merged.
func (h *history) disturbRows() {
	h.t.Helper()
	k := h.r.IntN(len(h.ranges))
	rg, last := h.ranges[k], h.ranges[len(h.ranges)-1]
	var err error
	what := h.r.IntN(5)
	switch what {
	case 0:
		err = h.insert[k]()
	case 1:
		err = h.conn.Exec(h.t.Context(), "INSERT INTO offences SELECT * FROM offences WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ?", h.partition, rg.Start, rg.End)
	case 2:
		err = h.conn.Exec(h.t.Context(), "ALTER TABLE offences DELETE WHERE kafka_partition = ? AND kafka_offset >= ? AND toYYYYMM(captured_at) = ? SETTINGS mutations_sync = 2",
			h.partition, last.Start, 202603+h.r.IntN(4))
	case 3:
		err = h.conn.Exec(h.t.Context(), "ALTER TABLE offences DELETE WHERE kafka_partition = ? AND kafka_offset >= ? SETTINGS mutations_sync = 2", h.partition, last.Start+(last.End-last.Start)/2)
	case 4:
		err = h.conn.Exec(h.t.Context(), "OPTIMIZE TABLE offences FINAL")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.what += fmt.Sprintf(" %d:%v", what, rg)
}

func TestSealsAreThoseOfAWalkThroughAllOffences(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	s := NewStoredState(conn)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	cameras := []string{"a", "b", "c", "d", "e", "moved"}
	open := 0
	for n := range 4 {
		var hs []*history
		for p := range int32(2) {
			h := &history{t: t, r: r, c: c, conn: conn, partition: int32(2*n) + p, last: map[string]schemas.Sum{}}
			for k, batches := 0, 2+r.IntN(6); k < batches; k++ {
				some := cameras[:1+r.IntN(5)]
				if moved := k >= batches/2; moved == (p == 1) { // one camera moves from the first partition to the second
					some = append([]string{"moved"}, some...)
				}
				h.addBatch(some)
			}
			hs = append(hs, h)
		}
		for _, h := range hs {
			for range r.IntN(3) {
				h.disturbRows()
			}
			last := h.ranges[len(h.ranges)-1]
			for _, below := range []int64{0, last.Start, last.End, h.ranges[0].End, 1 + r.Int64N(h.end), 1 << 62} {
				want := scanSeals(t, conn, h.partition, below)
				// The server may find the few rows of a test faster without a projection, so both ways are asked for.
				for _, forced := range []int{0, 1} {
					got, err := s.Seals(withSettings(t.Context(), clickhouse.Settings{"force_optimize_projection": forced}), h.partition, below)
					if err != nil {
						t.Fatal(err)
					}
					if !maps.Equal(got, want) {
						t.Fatalf("partition %d below %d forced %d after%s: got %v, want %v", h.partition, below, forced, h.what, got, want)
					}
				}
				_, left, err := s.lastSeals(t.Context(), h.partition, below)
				if err != nil {
					t.Fatal(err)
				}
				open += len(left.from)
			}
		}
	}
	if open == 0 {
		t.Error("no offset lay between two offences of one camera and month: the histories are too tame")
	}
}

// Migrations that a sink of today needs before it can insert.
const (
	measuresVersion     = 21 // gives offences their measures
	alternativesVersion = 22 // renames two columns of reads
)

// applyMigrations applies the migrations up to a version and, after them, some single ones.
func applyMigrations(t *testing.T, cfg platform.ClickHouse, version int64, single ...int64) {
	t.Helper()
	files, err := fs.Sub(schemas.Migrations, "clickhouse")
	if err != nil {
		t.Fatal(err)
	}
	db := cfg.OpenDB()
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectClickHouse, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	for _, v := range single {
		if _, err := p.ApplyVersion(t.Context(), v, true); err != nil {
			t.Fatal(err)
		}
	}
}

// migratedTo returns a sink and a query connection on a database of this test with the tables as they were at a version and, after it,
// some single migrations.
func migratedTo(t *testing.T, version int64, single ...int64) (*ClickHouse, driver.Conn) {
	t.Helper()
	addr, db := testkit.Database(t)
	cfg := Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}
	cfg.EnsureDefaults()
	applyMigrations(t, cfg.ClickHouse, version, single...)
	c, err := NewClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conn, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return c, conn
}

func TestOffencesFromBeforeTheProjectionsGiveTheSameSeals(t *testing.T) {
	c, conn := migratedTo(t, 18, measuresVersion, alternativesVersion)
	h := &history{t: t, r: rand.New(rand.NewPCG(1, 2)), c: c, conn: conn, partition: 4, last: map[string]schemas.Sum{}}
	for range 6 {
		h.addBatch([]string{"a", "b", "c"})
	}
	s := NewStoredState(conn)
	same := func(ctx context.Context, when string) {
		t.Helper()
		for _, below := range []int64{h.ranges[5].Start, h.end, h.ranges[2].Start + 1} {
			want := scanSeals(t, conn, h.partition, below)
			if got, err := s.Seals(ctx, h.partition, below); err != nil || !maps.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s, below %d: got %v, %v, want %v", when, below, got, err, want)
			}
		}
	}
	if err := platform.Migrate(t.Context(), c.cfg.ClickHouse, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	alter := func(what string) {
		t.Helper()
		for _, projection := range []string{"last_seals", "by_offset"} { // waits for the mutations of the migration, too
			if err := conn.Exec(t.Context(), "ALTER TABLE offences "+what+" PROJECTION "+projection+" SETTINGS mutations_sync = 2"); err != nil {
				t.Fatal(err)
			}
		}
	}
	const without = `SELECT countIf(name NOT IN (SELECT parent_name FROM system.projection_parts WHERE database = currentDatabase() AND table = 'offences' AND active))
		FROM system.parts WHERE database = currentDatabase() AND table = 'offences' AND active`
	all := func(when string) {
		t.Helper()
		if n := queryValue[uint64](t, conn, without); n != 0 {
			t.Errorf("%s %d parts have no projection", when, n)
		}
		same(withSettings(t.Context(), clickhouse.Settings{"force_optimize_projection": 1}), when)
	}
	alter("MATERIALIZE")
	all("migrated")
	alter("CLEAR") // as the parts from before are until the migration has come to them
	if n := queryValue[uint64](t, conn, without); n == 0 {
		t.Fatal("every part has a projection: nothing is as before")
	}
	same(t.Context(), "before they are made")
	h.addBatch([]string{"a", "b", "d"})
	same(t.Context(), "with a part that has them")
	alter("MATERIALIZE")
	all("made again")
}

// TestACameraIsNewAsLongAsOnlyTheBatchUnderWayHasIt: a camera whose first offences are those of the batch under way
// has no seal to go on from.
func TestACameraIsNewAsLongAsOnlyTheBatchUnderWayHasIt(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	storeSealed(t, c, []sealed{
		{camera: "old", partition: 1, offset: 10, at: march, seal: 1, outcome: schemas.OutcomeOffence},
		{camera: "old", partition: 1, offset: 5_000_000_000, at: march + schemas.Hour, seal: 2, outcome: schemas.OutcomeOffence},
		{camera: "new", partition: 1, offset: 5_000_000_000, seq: 1, at: march, seal: 3, outcome: schemas.OutcomeHeld},
	})
	for below, want := range map[int64]map[string]schemas.Sum{
		10:                {},
		11:                {"old": {1}},
		5_000_000_000:     {"old": {1}},
		5_000_000_000 + 1: {"old": {2}, "new": {3}},
	} {
		if got, err := NewStoredState(conn).Seals(t.Context(), 1, below); err != nil || !maps.Equal(got, want) {
			t.Errorf("below %d: got %v, %v, want %v", below, got, err, want)
		}
	}
}

// TestOffencesOfOneRecordKeepTheirOrderAcrossMonths: a record's last offence may be in another month than the batch
// under way.
func TestOffencesOfOneRecordKeepTheirOrderAcrossMonths(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	storeSealed(t, c, []sealed{
		{camera: "a", partition: 1, offset: 50, seq: 0, at: march, seal: 1, outcome: schemas.OutcomeOffence},
		{camera: "a", partition: 1, offset: 50, seq: 1, at: march - month, seal: 2, outcome: schemas.OutcomeOffence},
		{camera: "a", partition: 1, offset: 60, at: march + schemas.Hour, seal: 3, outcome: schemas.OutcomeOffence},
		{camera: "b", partition: 1, offset: 50, seq: 2, at: march - month, seal: 4, outcome: schemas.OutcomeOffence},
		{camera: "b", partition: 1, offset: 50, seq: 3, at: march, seal: 5, outcome: schemas.OutcomeOffence},
		{camera: "b", partition: 1, offset: 61, at: march, seal: 6, outcome: schemas.OutcomeOffence},
	})
	want := map[string]schemas.Sum{"a": {2}, "b": {5}}
	if got, err := NewStoredState(conn).Seals(t.Context(), 1, 60); err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestTheLedgerReachesToItsGreatestEnd(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	s := NewStoredState(conn)
	reached := func(partition int32, want ingest.StoredExtent) {
		t.Helper()
		if got, err := s.Reached(t.Context(), schemas.TopicReads, partition); err != nil || got != want {
			t.Errorf("partition %d: got %v, %v, want %v", partition, got, err, want)
		}
	}
	reached(3, ingest.StoredExtent{})
	put := func(topic string, partition int32, start, end int64) {
		t.Helper()
		rg := ingest.Range{Topic: topic, Partition: partition, Start: start, End: end}
		n := uint64(end - start)
		if err := c.Insert(t.Context(), rg, &shard.Totals{Fetched: n, Ticks: n}, NewBlock(nil)); err != nil {
			t.Fatal(err)
		}
	}
	put(schemas.TopicReads, 4, 0, 900)
	put("another.topic", 3, 0, 800)
	reached(3, ingest.StoredExtent{})
	put(schemas.TopicReads, 3, 0, 7)
	reached(3, ingest.StoredExtent{End: 7, Any: true})
	put(schemas.TopicReads, 3, 90, 100) // after a gap that a person left
	put(schemas.TopicReads, 3, 7, 9)    // a late part of an older state
	put(schemas.TopicReads, 2, 0, 1000)
	reached(3, ingest.StoredExtent{End: 100, Any: true})
	for range 2 {
		if err := conn.Exec(t.Context(), "INSERT INTO batches SELECT * FROM batches WHERE kafka_partition = 3"); err != nil {
			t.Fatal(err)
		}
		reached(3, ingest.StoredExtent{End: 100, Any: true})
	}
	if got, want := queryValue[int64](t, conn, "SELECT max(end_offset) FROM batches WHERE kafka_topic = ? AND kafka_partition = 4", schemas.TopicReads), int64(900); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	reached(4, ingest.StoredExtent{End: 900, Any: true})
	reached(2, ingest.StoredExtent{End: 1000, Any: true})
}

func TestALightweightDeleteThatProjectionsWouldNotSeeIsRefused(t *testing.T) {
	_, conn := newMigratedSink(t, nil)
	for _, table := range []string{"offences", "hits"} {
		if err := conn.Exec(t.Context(), "INSERT INTO "+table+" (captured_at) VALUES (now64(6))"); err != nil {
			t.Fatal(err)
		}
		if err := conn.Exec(t.Context(), "DELETE FROM "+table+" WHERE kafka_offset = 0"); err == nil {
			t.Errorf("%s: a lightweight delete was taken", table)
		}
		if err := conn.Exec(t.Context(), "ALTER TABLE "+table+" DELETE WHERE kafka_offset = 0 SETTINGS mutations_sync = 2"); err != nil || rowsOf(t, conn, table) != 0 {
			t.Errorf("%s: an ordinary delete: %v", table, err)
		}
	}
}
