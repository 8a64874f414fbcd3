package lookups

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func newYear(t *testing.T, seed, rows uint64) *bench.Year {
	t.Helper()
	// A day of the engine's own clock: retention goes by that.
	var now int64
	at, _ := testkit.Database(t)
	conn := openClickHouse(t, sink.Config{ClickHouse: platform.ClickHouse{Addr: at, Database: "default", User: "default"}})
	if err := conn.QueryRow(t.Context(), "SELECT toInt64(toUnixTimestamp(now())) * 1000000").Scan(&now); err != nil {
		t.Fatal(err)
	}
	city, err := bench.NewCity(bench.CityConfig{Seed: seed, Cameras: 60, Temporary: -1, Vehicles: 2_000, At: schemas.Micros(now)})
	if err != nil {
		t.Fatal(err)
	}
	y, err := city.Year(bench.YearConfig{Seed: seed, End: schemas.Micros(now), Rows: rows, Days: 40})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func openClickHouse(t *testing.T, c sink.Config) driver.Conn {
	t.Helper()
	conn, err := openConn(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test is over
	return conn
}

// stopping cancels when the load says it is that far.
type stopping struct {
	at     string
	cancel context.CancelFunc
}

func (s stopping) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(s.at)) {
		s.cancel()
	}
	return len(b), nil
}

func TestALoadThatWasStoppedGoesOnAndNothingIsTwice(t *testing.T) {
	const rows = 20_000
	y := newYear(t, 5, rows)
	addr, db := testkit.Database(t)
	cfg := LoadConfig{Sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db, User: "default"}}, Year: y}
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Progress = stopping{"(25 %)", cancel}
	if _, err := Load(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the load to be cancelled", err)
	}
	var said bytes.Buffer
	cfg.Progress = &said
	res, err := Load(t.Context(), cfg)
	if err != nil || res.Rows != rows || res.Loaded == 0 || res.Loaded > rows*3/4 {
		t.Fatalf("got %+v, err %v, want the rest of %d rows", res, err, rows)
	}
	if !strings.Contains(said.String(), "(100 %)") {
		t.Errorf("progress does not end: %q", said.String())
	}
	conn := openClickHouse(t, cfg.Sink)
	for name, sql := range map[string]string{
		"reads":             "SELECT count() FROM reads",
		"distinct reads":    "SELECT uniqExact(read_id) FROM reads",
		"distinct offsets":  "SELECT uniqExact(kafka_offset) FROM reads",
		"stored by ledger":  "SELECT sum(stored) FROM batches",
		"ledger's last end": "SELECT toUInt64(max(end_offset)) FROM batches",
	} {
		if got := queryCount(t, conn, sql); got != rows {
			t.Errorf("%s: got %d, want %d", name, got, rows)
		}
	}
	hits := uint64(0)
	for day := range y.Config().Days {
		y.Day(day, func(s *bench.Stored) { hits += uint64(len(s.Hits)) })
	}
	if got := queryCount(t, conn, "SELECT count() FROM hits"); got != hits || hits == 0 {
		t.Errorf("got %d hits, the year has %d", got, hits)
	}
	if got, want := queryCount(t, conn, "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'reads'"),
		queryCount(t, conn, "SELECT uniqExact(toYYYYMM(captured_at)) FROM reads"); got != want {
		t.Errorf("got %d parts of reads, want one for each of %d months", got, want)
	}
	if res, err = Load(t.Context(), cfg); err != nil || res.Loaded != 0 || res.Rows != rows {
		t.Errorf("loaded again: got %+v, err %v, want nothing to do", res, err)
	}
	cfg.Year = newYear(t, 6, rows)
	if _, err = Load(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "another year") {
		t.Errorf("another year into the same tables: got %v, want a refusal", err)
	}
}

func TestRowsAreWhatTheYearSays(t *testing.T) {
	y := newYear(t, 8, 3_000)
	addr, db := testkit.Database(t)
	cfg := LoadConfig{Sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db, User: "default"}}, Year: y, Unmerged: true}
	if _, err := Load(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	conn := openClickHouse(t, cfg.Sink)
	offset := 0
	for day := range y.Config().Days {
		y.Day(day, func(s *bench.Stored) {
			if offset++; offset%100 != 0 {
				return
			}
			var plate, class, camera, zone, raw string
			var at int64
			row := conn.QueryRow(t.Context(), "SELECT plate, class, camera_id, zone, raw_plate, toUnixTimestamp64Micro(captured_at) FROM reads WHERE read_id = ? AND passage_id = ?",
				s.ID.String(), s.Passage.String())
			if err := row.Scan(&plate, &class, &camera, &zone, &raw, &at); err != nil {
				t.Fatalf("read %s: %v", s.ID, err)
			}
			got := fmt.Sprintln(plate, class, camera, zone, raw, at)
			if want := fmt.Sprintln(s.Plate, s.Class, s.Camera, s.From.ZoneAt(s.CapturedAt), s.RawPlate, int64(s.CapturedAt)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestNoSpaceIsSaidBeforeAnythingIsLoaded(t *testing.T) {
	addr, db := testkit.Database(t)
	cfg := LoadConfig{Sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db, User: "default"}}, Year: newYear(t, 5, 1_000), Reserve: 1 << 60}
	_, err := Load(t.Context(), cfg)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "are free") {
		t.Fatalf("got %v, want ErrNoSpace", err)
	}
	if n := queryCount(t, openClickHouse(t, cfg.Sink), "SELECT count() FROM reads"); n != 0 {
		t.Errorf("got %d rows, want none", n)
	}
}

func queryCount(t *testing.T, conn driver.Conn, sql string) (n uint64) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}
