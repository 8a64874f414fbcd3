package ingest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// poisonRecords are records from no producer of ours: hostile and malformed ones.
func poisonRecords() map[string][]byte {
	good, err := proto.Marshal(camRead("front", "1KLM453", simStart, simStart+1))
	if err != nil {
		panic(err)
	}
	add := func(b ...byte) []byte { return append(slices.Clone(good), b...) }
	field := func(n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(slices.Clone(good), n, protowire.BytesType), s)
	}
	json := func(member string) []byte {
		return fmt.Appendf(nil, `{"cameraId":"front","capturedAtUs":"%d","receivedAtUs":"%d","rawPlate":"1KLM453",%s}`, simStart, simStart+1, member)
	}
	return map[string][]byte{
		"empty":                      {},
		"noise":                      []byte("\x9f\x8e\x7d\x6c\x5b\x4a"),
		"truncated":                  good[:len(good)-3],
		"varint of 11 bytes":         add(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		"wrong wire type":            add(0x25, 1, 2, 3, 4), // captured_at_us... as fixed32
		"length beyond the end":      add(0x2a, 0xff, 0xff, 0xff, 0x7f),
		"invalid UTF-8":              field(2, "fr\xffnt"),
		"camera id 1 byte over":      field(2, strings.Repeat("c", schemas.MaxCameraID+1)),
		"plate 1 byte over":          field(5, strings.Repeat("9", schemas.MaxRawPlate+1)),
		"key of 64 kB as event id":   field(13, strings.Repeat("k", 64<<10)),
		"10,000 candidates":          append(slices.Clone(good), bytes.Repeat([]byte{0x7a, 0x00}, 10_000)...),
		"read id of 17 bytes":        field(1, strings.Repeat("i", 17)),
		"unknown quarantine reason":  append(slices.Clone(good), 0xf2, 0x01, 0x03, 0x0a, 0x01, 'x'),
		"JSON NaN":                   json(`"speedDkmh":NaN`),
		"JSON infinity":              json(`"speedDkmh":1e400`),
		"JSON negative speed":        json(`"speedDkmh":-1`),
		"JSON 1,000 nested":          json(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)),
		"JSON 1,000 nested, open":    json(`"x":` + strings.Repeat(`{"a":`, 1000)),
		"JSON float for a time":      json(`"capturedAtUs":` + fmt.Sprint(math.Pi)),
		"JSON half":                  []byte(`{"cameraId":"front"`),
		"8 MiB":                      field(5, strings.Repeat("9", 8<<20)),
		"plate of spaces":            field(5, "   "),
		"plate of control bytes":     field(5, "\x00\x01\x02"),
		"received at the year 1":     append(slices.Clone(good), 0x20, 0x01),
		"transaction marker (empty)": {0, 0, 0, 0, 0, 0},
	}
}

// TestPoisonIsRejectedByteForByteAndNothingElse puts each among 10,000 good reads, once alone and once all together.
func TestPoisonIsRejectedByteForByteAndNothingElse(t *testing.T) {
	bad := poisonRecords()
	var good [][]byte
	for i := range schemas.Micros(10_000) {
		at := simStart + i*20*schemas.Millisecond
		good = append(good, encodeReads([]*anprv1.PlateRead{camRead("rear", fmt.Sprintf("1OK%c%03d", 'A'+i%26, i/26%1000), at, at+schemas.Second)})...)
	}
	log := slices.Clone(good)
	want, accepted := map[string]int{}, 0
	for name, v := range bad {
		if block, b := oneShard(t, [][]byte{v}); b.Totals.Rejected == 0 {
			if name != "JSON 1,000 nested" || b.Totals.Stored != 1 { // unknown members are skipped, if the depth is bearable
				t.Errorf("%s: %+v %v, want it rejected", name, b.Totals, block.rows["reads"])
			}
			accepted++
			continue
		}
		want[fmt.Sprintf("%x", v)]++
		log = slices.Insert(log, len(log)/2, v)
	}
	block, b := oneShard(t, log)
	if int(b.Totals.Stored) != len(good) || int(b.Totals.Rejected) != len(bad)-accepted {
		t.Errorf("%+v: want %d stored and %d rejected", b.Totals, len(good), len(bad)-accepted)
	}
	for _, row := range block.rows["rejects"] {
		f := strings.Split(row, " ")
		want[f[len(f)-3]]--
	}
	for v, n := range want {
		if n != 0 {
			t.Errorf("%d of the payload %.60s...: the dead letter must have the original bytes", n, v)
		}
	}
}

// discard is a block that keeps nothing.
type discard struct{ rows int }

func (d *discard) Reset()                  { d.rows = 0 }
func (d *discard) Rows() int               { return d.rows }
func (d *discard) Append(rows *shard.Rows) { d.rows += rows.Len() }

// TestAHotPlateIsMergedAndBounded: one plate 50,000 times, and a sign that is read in every frame for hours.
func TestAHotPlateIsMergedAndBounded(t *testing.T) {
	const n = 50_000
	for _, c := range []struct {
		name    string
		every   schemas.Micros
		cameras int
		rows    int // of reads at most
	}{
		{"a sign in every frame for 2.8 hours", 200 * schemas.Millisecond, 1, 30 + n/50}, // one row a slot of 10 s
		{"one plate at 48 cameras at once", 20 * schemas.Millisecond, 48, 48 * (10 + n/500 + 8)},
		{"50,000 in ten seconds", 200, 1, n}, // not yet parked: each is stored
	} {
		w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
		cfg := Config{Partitions: 1, Publisher: &simTopics{w}, Dedup: simDedup()}.withDefaults()
		sh, block := shard.New(cfg.shardConfig(0), shard.Rewind{}), &discard{}
		b := newBatch(block, cfg.Publisher)
		most := 0
		for i := range schemas.Micros(n) {
			at := simStart + i*c.every
			m := camRead("front", "1ABC128", at, at+schemas.Second, func(m *anprv1.PlateRead) { m.SpeedDkmh = 0 })
			if c.cameras > 1 {
				m.CameraId = fmt.Sprintf("mobile-%02d", i%48)
			}
			m.CameraEventId = fmt.Sprint(i)
			one := &shard.Records{}
			one.Append(int64(i), encodeReads([]*anprv1.PlateRead{m})[0])
			b.processRecords(sh, simVersions(), one, 0, 1)
			most = max(most, sh.Fill().Open)
		}
		merged := b.Totals.Merged
		if b.Totals.Stored+merged != n || b.Totals.Rejected != 0 || int(b.Totals.Stored) > c.rows {
			t.Errorf("%s: %+v: want stored + merged = %d, at most %d stored", c.name, b.Totals, n, c.rows)
		}
		if most > 2*c.cameras || int(b.Totals.Hits) > c.rows {
			t.Errorf("%s: %d passages open at once, %d hits", c.name, most, b.Totals.Hits)
		}
	}
}

// TestTenTimesThePlannedRateWaitsOnTheLog: the tables accept a fraction of the load, and for ten minutes nothing.
// Nothing is shed, the worker's buffers bound its memory, and it reports its lag.
func TestTenTimesThePlannedRateWaitsOnTheLog(t *testing.T) {
	const rows, fetch = 90, 120
	most, atMost := int64(0), int64(batchBuffers*(rows+shard.ChunkSize)+(fetchBuffers+1)*fetch)
	reg := prometheus.NewRegistry()
	var records, seconds float64
	m := runSim(t, 5, profile{workers: 1, slow: 4, live: true, outage: true, steady: true}, func(m *sim) {
		m.config = func(c *Config) { c.BatchRows, c.Metrics = rows, NewMetrics(reg) }
		m.onFetch = func(p int32, next int64) {
			most = max(most, next-m.log.committed[p].offset)
			for name, v := range greatestGauges(t, reg, "anpr_pipeline_lag_records", "anpr_pipeline_lag_seconds") {
				if name == "anpr_pipeline_lag_records" {
					records = max(records, v)
				} else {
					seconds = max(seconds, v)
				}
			}
		}
	})
	if faults := simReference(m.log).faultsOf(m); faults != nil {
		t.Errorf("%v", faults)
	}
	if most > atMost {
		t.Errorf("the worker held %d records of a partition, its buffers take %d", most, atMost)
	}
	if records < 1 || seconds < 60 {
		t.Errorf("at worst %v records and %v s behind: the metrics do not say so", records, seconds)
	}
	for name, v := range greatestGauges(t, reg, "anpr_pipeline_lag_records", "anpr_pipeline_lag_seconds") {
		if v != 0 {
			t.Errorf("%s is %v when all is processed", name, v)
		}
	}
}

// greatestGauges returns the greatest value over the partitions of each metric.
func greatestGauges(t *testing.T, reg *prometheus.Registry, names ...string) map[string]float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range all {
		for _, x := range f.GetMetric() {
			if slices.Contains(names, f.GetName()) {
				out[f.GetName()] = max(out[f.GetName()], x.GetGauge().GetValue())
			}
		}
	}
	return out
}

// TestABacklogDoesNotDelayLiveHits: 48 temporary cameras send six hours at once while live traffic goes on. A live hit
// waits only for the records before it in its partition: in virtual time, where fetches, inserts and 2 us a record
// count, its latency does not grow.
func TestABacklogDoesNotDelayLiveHits(t *testing.T) {
	latency := func(withBurst bool) []time.Duration {
		sentAt, took := map[string]time.Time{}, []time.Duration(nil)
		runSim(t, 3, profile{workers: 1}, func(m *sim) {
			m.log = newSimLog(simPartitions)
			m.fetchMost = 20_000 // 4 MiB, as the real reader
			m.poll, m.perRecord = 2*time.Millisecond, 2*time.Microsecond
			m.config = func(c *Config) { c.BatchRows, c.Linger, c.LingerFew = 0, 0, 0 } // as deployed
			m.onSend = func(id string) {
				if at, ok := sentAt[id]; ok {
					took = append(took, time.Since(at))
					delete(sentAt, id)
				}
			}
			i, p := 0, int32(schemas.Partition(schemas.MustPlate("1ABC128").Class(), "", simPartitions))
			clock := func() schemas.Micros { return simStart + 6*schemas.Hour + schemas.Micros(i)*20*schemas.Second }
			m.more = func() bool { return i < 300 }
			var live func()
			live = func() {
				i++
				r := camRead("front", "1ABC128", clock(), clock()+1)
				value := encodeReads([]*anprv1.PlateRead{r})[0]
				var decoded schemas.Read
				if rej := decode.Record(&decoded, value); rej != nil {
					panic(rej)
				}
				id := decoded.ID
				h := schemas.NewHitID("stolen", "1", schemas.PassageIDOf(id), schemas.MatchExact)
				sentAt["hit "+h.String()] = time.Now()
				m.log.appendRecord(p, value, 0)
				if withBurst && i == 100 {
					for k := range 2_500 { // the share of a partition (one in 24) in 48 cameras x 5,000 reads a day x 6 h
						at := simStart + schemas.Micros(k)*8*schemas.Second
						b := camRead(fmt.Sprintf("mobile-%02d", k%48), fmt.Sprintf("1BL%c%03d", 'A'+k%26, k/26), at, clock()+2, func(m *anprv1.PlateRead) { m.LateUpload = true })
						m.log.appendRecord(p, encodeReads([]*anprv1.PlateRead{b})[0], 0)
					}
				}
				if i < 300 {
					m.s.executeAfter(m.drawBetween(10*time.Millisecond, 30*time.Millisecond), "a listed car passes", live)
				}
			}
			m.s.executeAfter(time.Second, "a listed car passes", live)
		})
		slices.Sort(took)
		return took
	}
	calm, burst := latency(false), latency(true)
	if len(calm) != 300 || len(burst) != 300 {
		t.Fatalf("%d and %d of 300 hits", len(calm), len(burst))
	}
	p99 := func(d []time.Duration) time.Duration { return d[len(d)*99/100] }
	if p99(burst) >= 2*p99(calm) {
		t.Errorf("p99 of a live hit %v during the backlog, %v without", p99(burst), p99(calm))
	}
	t.Logf("p99 of a live hit in virtual time: %v without backlog, %v with it", p99(calm), p99(burst))
}

// TestABacklogFillsBatches: while the log holds enough for a whole batch, no batch is handed over because its linger
// has passed, however long the records take; at the log's end it is.
func TestABacklogFillsBatches(t *testing.T) {
	const rows, records = 200, 1500
	m := runSim(t, 9, profile{workers: 1}, func(m *sim) {
		m.log, m.fetchMost, m.perRecord = newSimLog(simPartitions), 50, time.Millisecond
		m.config = func(c *Config) {
			c.BatchRows, c.FewRows, c.Linger, c.LingerFew, c.LingerFull = rows, 1, time.Millisecond, 2*time.Millisecond, time.Minute
		}
		for i := range schemas.Micros(records) {
			at := simStart + i*schemas.Second
			r := camRead("front", fmt.Sprintf("1BL%c%03d", 'A'+i%26, i/26), at, at+1)
			m.log.appendRecord(0, encodeReads([]*anprv1.PlateRead{r})[0], 0)
		}
	})
	batches := m.tables.durable[0]
	if len(batches) < 3 {
		t.Fatalf("batches %v", batches)
	}
	for i, b := range batches {
		switch n, left := b.End-b.Start, records-b.Start; {
		case left >= rows && n < rows/3: // a record is up to three rows: read, passage, hit
			t.Errorf("batch %d has %d records while %d were on the log", i, n, left)
		case n > rows+shard.ChunkSize:
			t.Errorf("batch %d has %d records", i, n)
		}
	}
}

// TestMemoryThatIsTooSmallIsAnnounced: more passages at once than there is room for are decided early, and counted.
func TestMemoryThatIsTooSmallIsAnnounced(t *testing.T) {
	const cars = 100
	for _, room := range []int{cars / 2, 2 * cars} {
		metrics := NewMetrics(prometheus.NewRegistry())
		runSim(t, 11, profile{workers: 1}, func(m *sim) {
			m.log = newSimLog(simPartitions)
			m.config = func(c *Config) { c.Dedup.MaxPassages, c.Metrics = room, metrics }
			for i := range cars {
				r := camRead("front", fmt.Sprintf("1BLA%03d", i), simStart+schemas.Micros(i), simStart+schemas.Second)
				m.log.appendRecord(0, encodeReads([]*anprv1.PlateRead{r})[0], 0)
			}
		})
		if early := testutil.ToFloat64(metrics.forgottenTotal.WithLabelValues("passage")); (early > 0) != (room < cars) {
			t.Errorf("room for %d passages of %d: %v were decided early", room, cars, early)
		}
		if ids := testutil.ToFloat64(metrics.forgottenTotal.WithLabelValues("id")); ids != 0 {
			t.Errorf("%v ids forgotten", ids)
		}
	}
}

// TestTheMetricsSayHowFullAMemoryIs: the metrics report the used share of the room for ids and for passages.
func TestTheMetricsSayHowFullAMemoryIs(t *testing.T) {
	const cars, room = 60, 80
	reg, most := prometheus.NewRegistry(), map[string]float64{}
	runSim(t, 12, profile{workers: 1}, func(m *sim) {
		m.log = newSimLog(simPartitions)
		m.config = func(c *Config) {
			c.Dedup.MaxPassages, c.Dedup.RepeatIDs, c.Metrics = room, room, NewMetrics(reg)
		}
		m.onFetch = func(int32, int64) {
			all, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range all {
				for _, x := range f.GetMetric() {
					if f.GetName() != "anpr_pipeline_memory_used_ratio" {
						continue
					}
					key := ""
					for _, l := range x.GetLabel() { // sorted by name
						key += l.GetValue() + " "
					}
					most[key] = max(most[key], x.GetGauge().GetValue())
				}
			}
		}
		for i := range cars {
			r := camRead("front", fmt.Sprintf("1BLA%03d", i), simStart+schemas.Micros(i), simStart+schemas.Second)
			m.log.appendRecord(0, encodeReads([]*anprv1.PlateRead{r})[0], 0)
		}
	})
	ids := dedup.NewRepeatFilter(schemas.Second, room).Room()
	if got, want := most["0 id "], float64(cars)/float64(ids); got != want {
		t.Errorf("of ids at most %v of the room, want %v", got, want)
	}
	if got, want := most["0 passage "], float64(cars)/room; got != want {
		t.Errorf("of passages at most %v of the room, want %v", got, want)
	}
	if got := most["1 id "]; got != 0 {
		t.Errorf("a partition without a read has %v of its room taken", got)
	}
}

// TestAMemoryIsEmptiedByTheLogsClock: memory filled in a rush is free again when its time has passed on the log.
func TestAMemoryIsEmptiedByTheLogsClock(t *testing.T) {
	w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
	cfg := Config{Partitions: 1, Publisher: &simTopics{w}, Dedup: dedup.Config{RepeatIDs: 1000, MaxPassages: 1000}}.withDefaults()
	sh, b := shard.New(cfg.shardConfig(0), shard.Rewind{}), newBatch(&discard{}, cfg.Publisher)
	offset := int64(0)
	pass := func(at schemas.Micros) {
		one := &shard.Records{}
		one.Append(offset, encodeReads([]*anprv1.PlateRead{camRead("front", fmt.Sprintf("1BL%c%03d", 'A'+offset/1000, offset%1000), at, at+schemas.Second)})[0])
		b.processRecords(sh, simVersions(), one, 0, 1)
		offset++
	}
	for range 400 {
		pass(simStart)
	}
	if f := sh.Fill(); f.IDs != 400 || f.Passages != 400 || f.IDRoom < 1000 || f.PassageRoom != 1000 {
		t.Errorf("after a rush of 400 vehicles: %+v", f)
	}
	for i := range schemas.Micros(15 * 30) {
		pass(simStart + i*2*schemas.Second)
	}
	if f := sh.Fill(); f.IDs > 312 || f.IDs < 300 || f.Passages > 36 || f.Passages < 30 {
		t.Errorf("after 15 minutes with a vehicle every 2 s: %+v, want those of 10 minutes and of one", f)
	}
}
