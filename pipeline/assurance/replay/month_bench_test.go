package replay_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/bench/lookups"
	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// monthPassages makes the passages of loaded reads, because a load makes reads only. The record after the last read
// closes a passage.
const monthPassages = `INSERT INTO passages SELECT passage_id, argMax(plate, key), argMax(class, key), argMax(country, key), any(site), argMax(camera_id, key),
	argMax(zone, key), argMax(municipality, key), min(captured_at), max(captured_at), argMax(read_id, key), max(confidence), minIf(speed_dkmh, speed_dkmh > 0),
	argMax(kind, key), argMax(make, key), argMax(colour, key), argMax(image_sha256, key), toUInt32(count()), 0, toUInt8(uniqExact(plate)), false, any(kafka_partition), max(kafka_offset) + 1, now64(3)
	FROM (SELECT *, (confidence, -kafka_offset) AS key FROM reads) GROUP BY passage_id
	SETTINGS max_bytes_before_external_group_by = 2000000000, max_threads = 2`

// BenchmarkMonth is target T7: a month of stored reads decided again under another catalogue.
//
//	ANPR_BENCH_REPLAY_READS=5000000 go test ./pipeline/assurance/replay -run xxx -bench Month -benchtime 1x     = make bench-replay
//
// The benchmark reports stored reads a second over the whole replay, with the comparison and without the loading.
func BenchmarkMonth(b *testing.B) {
	reads := uint64(200_000)
	if text := os.Getenv("ANPR_BENCH_REPLAY_READS"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			b.Fatal("ANPR_BENCH_REPLAY_READS: ", err)
		}
		reads = n
	}
	w := fillMonth(b, reads)
	engine := rules.NewEngine(catalogue(b, map[string][2]string{"speed.yaml": {"kmh: 6", "kmh: 3"}}), w.registry.Cameras())
	var rep *replay.Comparison
	b.ResetTimer()
	for range b.N {
		var err error
		rep, err = replay.Run(b.Context(), &replay.Config{Dial: w.dial, Engine: engine, Registry: w.registry, From: w.from, To: w.to, Examples: 10})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if want := w.number(b, "SELECT count() FROM passages"); rep.Passages != want || rep.NoReads != 0 || rep.CameraGone != 0 {
		b.Fatalf("replayed %+v of %d passages", rep.InputCounts, want)
	}
	offences := uint64(0)
	for _, r := range rep.Rules {
		offences += r.Replayed
	}
	if offences == 0 {
		b.Fatal("no offence: nothing was decided")
	}
	b.ReportMetric(float64(reads)*float64(b.N)/b.Elapsed().Seconds(), "reads/s")
	b.ReportMetric(float64(rep.Passages)/float64(reads), "passages/read")
	b.ReportMetric(float64(offences)/float64(reads), "offences/read")
}

// fillMonth loads the thirty days before today.
func fillMonth(b *testing.B, reads uint64) *world {
	b.Helper()
	today := schemas.MicrosOf(time.Now()) / (24 * schemas.Hour) * (24 * schemas.Hour)
	city, err := bench.NewCity(bench.CityConfig{Seed: 7, Cameras: 200, Vehicles: int(max(4000, reads/10)), ListEntries: 100, ListedDrive: 50, At: today - 30*24*schemas.Hour})
	if err != nil {
		b.Fatal(err)
	}
	w := &world{dir: b.TempDir(), from: (today - 30*24*schemas.Hour).Day().Start(), to: (today + 12*schemas.Hour).Day().Start()}
	if err := city.WriteReference(w.dir); err != nil {
		b.Fatal(err)
	}
	if w.registry, err = reference.Load(w.dir); err != nil {
		b.Fatal(err)
	}
	addr, db := testkit.Database(b)
	w.cfg = sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}
	year, err := city.Year(bench.YearConfig{Seed: 1, End: today, Days: 30, Rows: reads})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := lookups.Load(b.Context(), lookups.LoadConfig{Sink: w.cfg, Year: year, Logger: zerolog.Nop()}); err != nil {
		b.Fatal(err)
	}
	if w.conn, err = w.cfg.Open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.conn.Close() })
	for _, q := range []string{monthPassages, "OPTIMIZE TABLE passages FINAL"} {
		if err := w.conn.Exec(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	return w
}
