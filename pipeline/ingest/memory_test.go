package ingest_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// memoryChild makes the test binary the measured process: it holds a worker's memory, and nothing from the city.
const memoryChild = "ANPR_MEMORY_CHILD"

// memoryPartitions is the default number of partitions, all owned by one worker.
const memoryPartitions = 4

// TestWorkerMemory is target T10: the resident memory of a worker with its reference data, state, batches and fetched
// records.
//
//	ANPR_BENCH_VEHICLES=8000000 go test ./pipeline/ingest -run TestWorkerMemory -v     8 M vehicles, 1 M list entries, 10,000 cameras
//
// It runs the worker twice: the first start parses the files and keeps the index files, the second maps these.
func TestWorkerMemory(t *testing.T) {
	if dir := os.Getenv(memoryChild); dir != "" {
		holdWorker(t, dir)
		return
	}
	size := sizeOfEngine(t)
	dir := memoryWorld(t, size)
	bound := uint64(memoryFactor * 200 << 20)
	if size.vehicles >= 1_000_000 {
		bound = 1 << 30
	}
	for _, start := range []string{"first start", "second start"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorkerMemory$", "-test.v")
		cmd.Env = append(os.Environ(), memoryChild+"="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", start, err, out)
		}
		for _, line := range regexp.MustCompile(`(?m)^.*memory: .*$`).FindAllString(string(out), -1) {
			_, line, _ = strings.Cut(line, "memory: ")
			t.Logf("%s: %s", start, line)
		}
		used := regexp.MustCompile(`index used (\d)`).FindStringSubmatch(string(out))
		if want := map[string]string{"first start": "0", "second start": "2"}[start]; used == nil || used[1] != want {
			t.Errorf("%s: index files used %v, want %s", start, used, want)
		}
		resident := regexp.MustCompile(`VmRSS (\d+) kB`).FindAllStringSubmatch(string(out), -1)
		if len(resident) == 0 {
			t.Fatalf("this system does not tell the resident memory of a process")
		}
		kb, err := strconv.ParseUint(resident[len(resident)-1][1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if kb<<10 > bound {
			t.Errorf("%s: %d MiB resident, want at most %d", start, kb>>10, bound>>20)
		}
	}
}

// memoryWorld writes reference data and a log for the child.
func memoryWorld(t *testing.T, size engineSize) string {
	t.Helper()
	day, err := schemas.ParseDay("2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	city, err := bench.NewCity(bench.CityConfig{Seed: 1, Cameras: size.cameras, Temporary: size.cameras / 10, Vehicles: size.vehicles, ListEntries: size.entries, At: day.Start()})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := city.WriteReference(filepath.Join(dir, "reference")); err != nil {
		t.Fatal(err)
	}
	traffic, err := city.Traffic(bench.TrafficConfig{Seed: 2, Rate: size.rate})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	var ev bench.Event
	var b []byte
	for range min(size.records, 1<<20) {
		traffic.Next(&ev)
		b = ev.AppendRecord(b[:0])
		head := binary.LittleEndian.AppendUint32(nil, uint32(ev.Partition(memoryPartitions)))
		_, _ = w.Write(binary.LittleEndian.AppendUint32(head, uint32(len(b)))) // the error stays in w until Flush
		_, _ = w.Write(b)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// indexFilesUsed returns how many tables were taken from index files instead of parsed.
func indexFilesUsed(t *testing.T, registry *prometheus.Registry) (used float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == "anpr_refdata_index_files_total" && l.GetName() == "result" && l.GetValue() == "used" {
					used += m.GetCounter().GetValue()
				}
			}
		}
	}
	return used
}

// holdWorker is the child process: it loads, works through the log, and reports its memory at each step.
func holdWorker(t *testing.T, dir string) {
	t.Helper()
	debug.SetGCPercent(25) // as the program does
	begin, registry := time.Now(), prometheus.NewRegistry()
	store, err := reference.NewStore(filepath.Join(dir, "reference"), reference.Options{
		IndexDir: filepath.Join(dir, "index"), Metrics: reference.NewMetrics(registry, time.Now),
	})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	st := store.Current().Stats()
	t.Logf("memory: %d vehicles, %d list entries, %d cameras loaded in %.2f s, index used %v", st.Vehicles, st.ListEntries, st.Cameras,
		took.Seconds(), indexFilesUsed(t, registry))
	t.Logf("memory: reference data: %s", residentMemory())
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	// The bounds of the stream state are the defaults, as in the program.
	w := &engineWorld{versions: &shard.Versions{Reference: store.Current(), Engine: rules.NewEngine(cat, store.Current().Cameras())}}
	workers := make([]*memoryWorker, memoryPartitions)
	for p := range workers {
		workers[p] = &memoryWorker{}
		for i := range workers[p].blocks {
			workers[p].blocks[i] = sink.NewBlock(nil)
		}
		workers[p].engine = newEngine(w, p, memoryPartitions, workers[p].blocks[0])
	}
	n := feedWorkers(t, filepath.Join(dir, "log"), workers)
	t.Logf("memory: worker after %d records: %s", n, residentMemory())
	runtime.KeepAlive(workers)
	runtime.KeepAlive(store)
}

// memoryWorker is a partition as held by its worker: three batches in turn, two buffers for fetched records.
type memoryWorker struct {
	engine  *engine
	blocks  [ingest.BatchBuffers]*sink.ColumnBlock
	next    int
	fetched [2]shard.Records
	now     int
	offset  int64
}

func feedWorkers(t *testing.T, name string, workers []*memoryWorker) (n int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	var head [8]byte
	var b []byte
	for ; ; n++ {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		b = append(b[:0], make([]byte, binary.LittleEndian.Uint32(head[4:]))...)
		if _, err := io.ReadFull(in, b); err != nil {
			t.Fatal(err)
		}
		m := workers[binary.LittleEndian.Uint32(head[:])]
		m.fetched[m.now].Append(m.offset, b)
		if m.offset++; m.fetched[m.now].Len() == chunk {
			m.processFetched()
		}
	}
	for _, m := range workers {
		m.processFetched()
	}
	return n
}

// processFetched takes the fetched records into the batch. A batch is encoded into the socket's buffer, without a copy
// by ch-go; so it is not encoded here, only changed for the next.
func (m *memoryWorker) processFetched() {
	recs, e := &m.fetched[m.now], m.engine
	for from := 0; from < recs.Len(); from += shard.ChunkSize {
		e.batch.Process(e.shard, e.versions, recs, from, min(from+shard.ChunkSize, recs.Len()))
		if e.batch.Block.Rows() >= ingest.DefaultBatchRows {
			m.next = (m.next + 1) % len(m.blocks)
			e.batch.Block = m.blocks[m.next]
			e.batch.Reset()
		}
	}
	m.now = (m.now + 1) % len(m.fetched)
	m.fetched[m.now].Reset()
}

// residentMemory returns the kernel's count for this process, after a collection.
func residentMemory() string {
	runtime.GC()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	var out []string
	for _, name := range []string{"VmRSS", "RssAnon", "RssFile", "VmHWM"} {
		if m := regexp.MustCompile(name + `:\s+(\d+ kB)`).FindSubmatch(b); m != nil {
			out = append(out, fmt.Sprintf("%s %s", name, m[1]))
		}
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return strings.Join(out, ", ") + fmt.Sprintf(", Go heap %d kB", ms.HeapAlloc>>10)
}
