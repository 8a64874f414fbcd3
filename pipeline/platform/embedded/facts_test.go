package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// Facts under the pipeline's exactness, asked of the shipped engine (DESIGN.md section 3).

// migrate creates the tables of the schema in a database.
func migrate(t testing.TB, conn *ch.Client) {
	t.Helper()
	files, err := fs.Glob(schemas.Migrations, "clickhouse/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations %q, %v", files, err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(schemas.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for statement := range strings.SplitSeq(up, ";\n") {
			if strings.Contains(statement, "CREATE") {
				exec1(t, conn, statement)
			}
		}
	}
}

// factsEngine starts an engine with the schema's tables in the database facts.
func factsEngine(t testing.TB) *ch.Client {
	t.Helper()
	return factsConn(t, startEngine(t, testConfig(t.TempDir())))
}

func factsConn(t testing.TB, c *ClickHouseEngine) *ch.Client {
	t.Helper()
	exec1(t, dial(t, ch.Options{Address: c.NativeAddr()}), "CREATE DATABASE facts")
	conn := dial(t, ch.Options{Address: c.NativeAddr(), Database: "facts", Compression: ch.CompressionLZ4})
	migrate(t, conn)
	return conn
}

var (
	october  = time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)
	november = time.Date(2026, 11, 1, 1, 0, 0, 0, time.UTC)
)

// readsBlock is a block of the table reads with every column but the default column.
type readsBlock struct {
	uuid             [2]proto.ColUUID
	low              [8]*proto.ColLowCardinality[string]
	municipality     proto.ColUInt32
	captured         proto.ColDateTime64
	received         proto.ColDateTime64
	text             [5]proto.ColStr
	countryPM, pm    proto.ColUInt16
	lane             proto.ColUInt8
	speed, partition proto.ColInt32
	offset           proto.ColInt64
	cand             *proto.ColArr[string]
	candPM           *proto.ColArr[uint16]
	late             [3]proto.ColBool
	input            proto.Input
}

func newReadsBlock() *readsBlock {
	b := &readsBlock{cand: new(proto.ColStr).Array(), candPM: new(proto.ColUInt16).Array()}
	b.captured.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	b.received.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	for i := range b.low {
		b.low[i] = new(proto.ColStr).LowCardinality()
	}
	add := func(name string, c proto.ColInput) { b.input = append(b.input, proto.InputColumn{Name: name, Data: c}) }
	for i, name := range []string{"read_id", "passage_id"} {
		add(name, &b.uuid[i])
	}
	for i, name := range []string{"camera_id", "site", "zone", "country", "direction", "kind", "make", "colour"} {
		add(name, b.low[i])
	}
	for i, name := range []string{"plate", "class", "raw_plate", "event_id", "image_sha256"} {
		add(name, &b.text[i])
	}
	for i, name := range []string{"late", "late_upload", "clock_suspect"} {
		add(name, &b.late[i])
	}
	for name, c := range map[string]proto.ColInput{
		"municipality": &b.municipality, "captured_at": &b.captured, "received_at": &b.received, "country_confidence": &b.countryPM,
		"confidence": &b.pm, "lane": &b.lane, "speed_dkmh": &b.speed, "candidates": b.cand, "candidates_pm": b.candPM,
		"kafka_partition": &b.partition, "kafka_offset": &b.offset,
	} {
		add(name, c)
	}
	return b
}

// fill appends rows with the given time; first numbers the rows, so that two blocks never share an id.
func (b *readsBlock) fill(rows, first int, at time.Time) {
	for i := first; i < first+rows; i++ {
		id := schemas.NewReadID(&schemas.Read{Camera: "cam", EventID: fmt.Sprint(i)})
		b.uuid[0].Append([16]byte(id.ID))
		b.uuid[1].Append([16]byte(schemas.PassageIDOf(id).ID))
		for j, v := range []string{fmt.Sprint("cam", i%500), fmt.Sprint("site", i%400), "5339", "BE", "approaching", "car", fmt.Sprint("make", i%40), "grey"} {
			b.low[j].Append(v)
		}
		plate := fmt.Sprintf("1%c%c%c%03d", 'A'+i%26, 'A'+i/26%26, 'A'+i/676%26, i%1000)
		for j, v := range []string{plate, plate, plate, fmt.Sprint(i), strings.Repeat("x", 32)} {
			b.text[j].Append(v)
		}
		for j := range b.late {
			b.late[j].Append(false)
		}
		b.municipality.Append(21004)
		b.captured.Append(at.Add(time.Duration(i) * time.Millisecond))
		b.received.Append(at.Add(time.Duration(i)*time.Millisecond + time.Second))
		b.countryPM.Append(990)
		b.pm.Append(950)
		b.lane.Append(1)
		b.speed.Append(505)
		b.cand.Append(nil)
		b.candPM.Append(nil)
		b.partition.Append(3)
		b.offset.Append(int64(i))
	}
}

func (b *readsBlock) insert(t testing.TB, conn *ch.Client, token string) {
	t.Helper()
	err := conn.Do(t.Context(), ch.Query{
		Body: b.input.Into("reads"), Input: b.input,
		Settings: []ch.Setting{
			{Key: "insert_deduplicate", Value: "1", Important: true},
			{Key: "insert_deduplication_token", Value: token, Important: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func countReads(t testing.TB, conn *ch.Client, month time.Time) uint64 {
	t.Helper()
	return one(t, conn, fmt.Sprintf("SELECT count() FROM reads WHERE toYYYYMM(captured_at) = %d", month.Year()*100+int(month.Month())))
}

func TestFactTokenIsHonouredOnReplacingMergeTree(t *testing.T) {
	conn := factsEngine(t)
	b := newReadsBlock()
	b.fill(100, 0, november)
	for range 3 {
		b.insert(t, conn, "T")
	}
	if got := countReads(t, conn, november); got != 100 {
		t.Errorf("%d rows after three inserts with one token, want 100", got)
	}
	other := newReadsBlock()
	other.fill(50, 1000, november)
	other.insert(t, conn, "T")
	if got := countReads(t, conn, november); got != 100 {
		t.Errorf("%d rows after other rows with the same token, want 100: the token alone decides", got)
	}
	b.insert(t, conn, "U")
	if got := countReads(t, conn, november); got != 200 {
		t.Errorf("%d rows after the same rows with another token, want 200: the rows do not matter", got)
	}
	if got := one(t, conn, "SELECT count() FROM reads FINAL"); got != 100 {
		t.Errorf("%d rows with FINAL, want 100: the second line of defence", got)
	}
}

func TestFactTokenAcrossTwoTablePartitionsIsHonouredForEach(t *testing.T) {
	conn := factsEngine(t)
	first := newReadsBlock()
	first.fill(10, 0, october)
	first.insert(t, conn, "T")
	both := newReadsBlock()
	both.fill(10, 0, october)
	both.fill(20, 100, november)
	for _, step := range []string{"the whole insert after its first part", "the whole insert again"} {
		both.insert(t, conn, "T")
		oct, nov := countReads(t, conn, october), countReads(t, conn, november)
		if oct != 10 || nov != 20 {
			t.Errorf("%s: %d rows of October and %d of November, want 10 and 20", step, oct, nov)
		}
	}
}

func TestFactInsertsAreNotGatheredByTheEngine(t *testing.T) {
	conn := factsEngine(t)
	if got := one(t, conn, "SELECT toUInt64(getSetting('async_insert'))"); got != 0 {
		t.Errorf("async_insert = %d, want 0: the block must be the one the token names", got)
	}
}

func TestFactOneNativeBlockIsOnePartOfEachMonth(t *testing.T) {
	conn := factsEngine(t)
	exec1(t, conn, "SYSTEM STOP MERGES")
	for i, rows := range []int{50, 100_000} {
		b := newReadsBlock()
		b.fill(rows, i*1_000_000, november)
		b.insert(t, conn, fmt.Sprint("T", i))
		if got := one(t, conn, "SELECT count() FROM system.parts WHERE database = 'facts' AND table = 'reads'"); got != uint64(i+1) {
			t.Errorf("%d parts after %d inserts, the last of %d rows, want one each", got, i+1, rows)
		}
	}
}

// BenchmarkInsertReads measures the insert of a block into reads, over loopback with LZ4. The results are the median
// of the wall time, and the engine's processor time, which other work on the machine disturbs less.
func BenchmarkInsertReads(b *testing.B) {
	for _, fsync := range []bool{false, true} {
		for _, rows := range []int{50, 5_000, 50_000} {
			b.Run(fmt.Sprintf("fsync=%v/%d", fsync, rows), func(b *testing.B) { benchmarkInsert(b, rows, fsync) })
		}
	}
}

func benchmarkInsert(b *testing.B, rows int, fsync bool) {
	cfg := testConfig(b.TempDir())
	cfg.Fsync = fsync
	c := startEngine(b, cfg)
	conn := factsConn(b, c)
	block := newReadsBlock()
	block.fill(rows, 0, november)
	block.insert(b, conn, "warm")
	var took []time.Duration
	before := cpuTime(b, c.PID())
	for b.Loop() {
		t0 := time.Now()
		block.insert(b, conn, fmt.Sprint("T", len(took)))
		took = append(took, time.Since(t0))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "median-ms")
	b.ReportMetric(float64((cpuTime(b, c.PID())-before).Microseconds())/1e3/float64(len(took)), "engine-cpu-ms")
}

// cpuTime returns the processor time of a process, in the kernel's ticks of 10 ms.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	var user, system int64
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
