package ingest_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/schemas"
)

// BenchmarkEngine is target T1: everything between a fetched record and the bytes for ClickHouse, with all rules, on
// one core. Its parts add stage after stage, so that the differences say where the time goes:
//
//	go test ./pipeline/ingest -run xxx -bench Engine                                  small, as CI runs it
//	ANPR_BENCH_VEHICLES=8000000 go test ./pipeline/ingest -run xxx -bench Engine -benchtime 4000000x    a country
//
// ns/op is per record. cpu-ns/op is processor time, which a busy machine distorts less; it includes what the garbage
// collector does on another core.
func BenchmarkEngine(b *testing.B) {
	w := makeEngineWorld(b)
	for _, stage := range []string{"decode", "admit", "window", "passages"} {
		b.Run("upto="+stage, func(b *testing.B) { benchStages(b, w, stage) })
	}
	b.Run("upto=rules", func(b *testing.B) {
		benchShards(b, w, 1, func(w *engineWorld, p, of int) *engine { return newEngine(w, p, of, &discard{}) })
	})
	all := func(w *engineWorld, p, of int) *engine {
		return newEngine(w, p, of, sink.NewBlock(nil))
	}
	b.Run("all", func(b *testing.B) { benchShards(b, w, 1, all) })
	b.Run("all/untouched", func(b *testing.B) {
		benchShards(b, w, 1, func(w *engineWorld, p, of int) *engine {
			return newEngine(w, p, of, sink.NewBlock(nil), withoutPrefetch)
		})
	})
	for shards := 2; shards <= max(2, runtime.NumCPU()); shards *= 2 {
		b.Run(fmt.Sprintf("all/shards=%d", shards), func(b *testing.B) { benchShards(b, w, shards, all) })
	}
}

// warm is the log time after which the engine is in its working state: as many passages are forgotten as come.
const warm = 90

// benchShards runs b.N records through the log's partitions, each with its own shard and goroutine.
func benchShards(b *testing.B, w *engineWorld, partitions int, make1 func(w *engineWorld, p, of int) *engine) {
	engines := make([]*engine, partitions)
	for p := range engines {
		engines[p] = make1(w, p, partitions)
		engines[p].log = w.partitionLogs(b, partitions)[p]
		engines[p].processRecords(w.size.rate * warm / partitions)
		engines[p].total = shard.Totals{}
	}
	each := (b.N + partitions - 1) / partitions
	m := startMeter(b)
	for done := 0; done < each; {
		n := each - done
		for _, e := range engines {
			n = min(n, e.log.recordsLeft())
		}
		var wg sync.WaitGroup
		for _, e := range engines[1:] {
			wg.Go(func() { e.processRecords(n) })
		}
		engines[0].processRecords(n)
		wg.Wait()
		done += n
		m.pauseTimer()
		for _, e := range engines {
			e.log.lapWhenDone()
		}
		m.resumeTimer()
	}
	m.reportTimes()
	var t shard.Totals
	for _, e := range engines {
		e.encodeBatch()
		t.Fetched += e.total.Fetched
		t.Stored += e.total.Stored
		t.Passages += e.total.Passages
		t.Offences += e.total.Offences
		t.Hits += e.total.Hits
	}
	share := func(n uint64) float64 { return float64(n) / float64(max(1, t.Fetched)) }
	b.ReportMetric(share(t.Passages), "passages/read")
	b.ReportMetric(share(t.Hits), "hits/read")
	b.ReportMetric(share(t.Offences), "offences/read")
}

// engine is a shard with its batch, like in a partition worker.
type engine struct {
	versions *shard.Versions
	shard    *shard.Shard
	batch    *ingest.Batch
	log      *engineLog
	wire     []byte
	total    shard.Totals
}

func newEngine(w *engineWorld, partition, partitions int, block ingest.Block, options ...func(*shard.Config)) *engine {
	cfg := shard.Config{Topic: "t", Partition: int32(partition), Partitions: partitions, Dedup: w.dedup}
	for _, o := range options {
		o(&cfg)
	}
	return &engine{versions: w.versions, batch: ingest.NewBatch(block, mute{}), shard: shard.New(cfg, shard.Rewind{})}
}

// withoutPrefetch makes an engine whose shard prefetches nothing.
func withoutPrefetch(c *shard.Config) { c.NoPrefetch = true }

// processRecords processes n records.
func (e *engine) processRecords(n int) {
	for n > 0 {
		e.log.lapWhenDone()
		recs, from := e.log.nextRecord()
		to := min(from+shard.ChunkSize, recs.Len(), from+n)
		e.batch.Process(e.shard, e.versions, recs, from, to)
		e.log.skipRecords(to - from)
		n -= to - from
		if e.batch.Block.Rows() >= ingest.DefaultBatchRows {
			e.encodeBatch()
		}
	}
}

// encodeBatch encodes the batch for the server, as an insert does, and empties it.
func (e *engine) encodeBatch() {
	t := &e.batch.Totals
	if !e.batch.Balanced() {
		panic(fmt.Sprintf("BUG: the batch does not balance: %+v", *t))
	}
	e.total.Fetched += t.Fetched
	e.total.Stored += t.Stored
	e.total.Passages += t.Passages
	e.total.Hits += t.Hits
	e.total.Offences += t.Offences
	if b, ok := e.batch.Block.(*sink.ColumnBlock); ok {
		e.wire = b.AppendNative(e.wire[:0])
	}
	e.batch.Reset()
}

// mute is a publisher without a broker.
type mute struct{}

func (mute) Publish(*ingest.Pending, *shard.Rows) {}

// discard is a block without columns: it isolates the shard's cost.
type discard struct{ rows int }

func (d *discard) Reset()                  { d.rows = 0 }
func (d *discard) Rows() int               { return d.rows }
func (d *discard) Append(rows *shard.Rows) { d.rows += rows.Len() }

// stages is the shard cut short: the public stages one after the other, in the same order and groups.
type stages struct {
	w        *engineWorld
	upto     string
	reads    [shard.ChunkSize]schemas.Read
	from     [shard.ChunkSize]dedup.Origin
	ids      []schemas.ReadID
	classes  []schemas.Class
	sites    []uint64
	window   *dedup.RepeatFilter
	passages *dedup.Passages
	clock    schemas.Micros
	offset   int64
	touched  uint64
}

func benchStages(b *testing.B, w *engineWorld, upto string) {
	log := w.partitionLogs(b, 1)[0]
	s := &stages{w: w, upto: upto, window: dedup.NewRepeatFilter(w.dedup.WithDefaults().RepeatSpan, w.dedup.RepeatIDs), passages: dedup.NewPassages(w.dedup, func([]dedup.Closed) {})}
	take := func(n int) {
		for n > 0 {
			recs, from := log.nextRecord()
			to := min(from+shard.ChunkSize, recs.Len(), from+n)
			s.runStages(recs, from, to)
			log.skipRecords(to - from)
			n -= to - from
		}
	}
	for range w.size.rate * warm / shard.ChunkSize {
		log.lapWhenDone()
		take(min(shard.ChunkSize, log.recordsLeft()))
	}
	m := startMeter(b)
	for done := 0; done < b.N; {
		n := min(b.N-done, log.recordsLeft())
		take(n)
		done += n
		m.pauseTimer()
		log.lapWhenDone()
		m.resumeTimer()
	}
	m.reportTimes()
}

func (s *stages) runStages(recs *shard.Records, from, to int) {
	n := 0
	for i := from; i < to; i++ {
		_, v := recs.At(i)
		r := &s.reads[n]
		if decode.Record(r, v) != nil || s.upto == "decode" || r.Tick > 0 || r.Quarantine != nil {
			continue
		}
		if normalise.Read(r) != nil || decode.CheckClock(r, decode.DefaultAhead, decode.DefaultBehind) != nil {
			continue
		}
		cam, ok := s.w.versions.Reference.Camera(r.Camera)
		if ok && cam.ValidAt(r.CapturedAt) && schemas.Partition(r.Class, r.Camera, 1) == 0 {
			s.from[n] = dedup.Origin{Site: cam.SiteHash, Camera: cam.Number}
			n++
		}
	}
	if s.upto == "decode" || s.upto == "admit" {
		return
	}
	s.ids, s.classes, s.sites = s.ids[:0], s.classes[:0], s.sites[:0]
	for i := range n {
		s.ids = append(s.ids, s.reads[i].ID)
		s.classes = append(s.classes, s.reads[i].Class)
		s.sites = append(s.sites, s.from[i].Site)
	}
	s.touched += s.window.Prefetch(s.ids)
	if s.upto == "passages" {
		s.touched += s.passages.Prefetch(s.classes, s.sites)
	}
	for i := range n {
		r := &s.reads[i]
		s.clock = max(s.clock, r.ReceivedAt)
		s.offset++
		if s.upto == "passages" {
			s.passages.Advance(s.clock)
		}
		if !s.window.Seen(r.ID, s.clock) && s.upto == "passages" {
			s.passages.Add(r, s.from[i], s.offset)
		}
	}
}

// meter measures processor time beside the time on the wall, without the pauses.
type meter struct {
	b         *testing.B
	cpu, mark int64
}

func startMeter(b *testing.B) *meter {
	b.ReportAllocs()
	b.ResetTimer()
	return &meter{b: b, mark: cpuNanos(b)}
}

func cpuNanos(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func (m *meter) pauseTimer() {
	m.b.StopTimer()
	m.cpu += cpuNanos(m.b) - m.mark
}

func (m *meter) resumeTimer() {
	m.mark = cpuNanos(m.b)
	m.b.StartTimer()
}

func (m *meter) reportTimes() {
	m.pauseTimer()
	m.b.ReportMetric(float64(m.cpu)/float64(m.b.N), "cpu-ns/op")
	m.b.ReportMetric(float64(m.b.N)/max(m.b.Elapsed().Seconds(), 1e-9)/1e6, "Mreads/s")
}
