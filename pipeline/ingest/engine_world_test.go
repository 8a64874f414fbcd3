package ingest_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// The size of the engine benchmark. The full one is that of a country: ANPR_BENCH_VEHICLES=8000000 brings 1 M list
// entries, 10,000 cameras, 7,000 reads/s of log time (the national peak) and 2 M records with it.
type engineSize struct {
	vehicles, entries, cameras, rate, records int
}

func sizeOfEngine(tb testing.TB) engineSize {
	tb.Helper()
	s := engineSize{vehicles: 60_000, entries: 7_500, cameras: 450, rate: 500, records: 1 << 15}
	text := os.Getenv("ANPR_BENCH_VEHICLES")
	if text == "" {
		return s
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatal("ANPR_BENCH_VEHICLES: ", err)
	}
	s.vehicles, s.entries = n, n/8
	if n >= 1_000_000 {
		s.cameras, s.rate, s.records = 10_000, 7_000, 1<<21
	}
	return s
}

// engineWorld is the reference data and the traffic the engine benchmark runs on.
type engineWorld struct {
	size     engineSize
	dedup    dedup.Config
	versions *shard.Versions
	logs     map[int][]*engineLog // by number of partitions
	city     *bench.City
}

// makeEngineWorld makes city and reference data through the files, as production does.
func makeEngineWorld(tb testing.TB) *engineWorld {
	tb.Helper()
	size := sizeOfEngine(tb)
	day, err := schemas.ParseDay("2026-11-24")
	if err != nil {
		tb.Fatal(err)
	}
	city, err := bench.NewCity(bench.CityConfig{Seed: 1, Cameras: size.cameras, Temporary: size.cameras / 10, Vehicles: size.vehicles, ListEntries: size.entries, At: day.Start()})
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	if err := city.WriteReference(dir); err != nil {
		tb.Fatal(err)
	}
	ref, err := reference.Load(dir)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		tb.Fatal(err)
	}
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		tb.Fatal(err)
	}
	return &engineWorld{
		size: size, city: city, logs: map[int][]*engineLog{}, versions: &shard.Versions{Reference: ref, Engine: rules.NewEngine(cat, ref.Cameras())},
		// Ten minutes of the rate, as the defaults have it for a region's partition.
		dedup: dedup.Config{RepeatIDs: max(1<<18, size.rate*600), MaxPassages: max(1<<18, size.rate*60)},
	}
}

// partitionLogs returns the log of the traffic, cut as the gateway would.
func (w *engineWorld) partitionLogs(tb testing.TB, n int) []*engineLog {
	tb.Helper()
	if l := w.logs[n]; l != nil {
		return l
	}
	traffic, err := w.city.Traffic(bench.TrafficConfig{Seed: 2, Rate: w.size.rate})
	if err != nil {
		tb.Fatal(err)
	}
	logs := make([]*engineLog, n)
	for i := range logs {
		logs[i] = &engineLog{}
	}
	var ev bench.Event
	var buf []byte
	first := schemas.Micros(0)
	for range w.size.records {
		traffic.Next(&ev)
		if first == 0 {
			first = ev.Received
		}
		buf = ev.AppendRecord(buf[:0])
		logs[ev.Partition(n)].appendRecord(buf)
	}
	for _, l := range logs {
		l.span = ev.Received - first + schemas.Second
	}
	w.logs[n] = logs
	return logs
}

// chunk is how many records a fetch brings.
const chunk = 4096

// engineLog holds a partition's records and can send them for ever: each lap moves all times on and changes all ids,
// in the bytes, outside the measured time.
type engineLog struct {
	chunks      []*shard.Records
	spots       []spots
	n           int // records
	span        schemas.Micros
	chunk, next int // of the next record
	sent        int // in this lap
}

// spots is where in a record the things stand that change from lap to lap; 0 = not there.
type spots struct{ id, captured, received uint8 }

func (l *engineLog) appendRecord(record []byte) {
	if l.n%chunk == 0 {
		l.chunks = append(l.chunks, &shard.Records{})
	}
	l.chunks[len(l.chunks)-1].Append(int64(l.n), record)
	l.spots = append(l.spots, spotsOf(record))
	l.n++
}

// longTime is the length of the varint of a time of our century.
const longTime = 8

func spotsOf(b []byte) (s spots) {
	for at := 0; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		if n < 0 {
			return spots{}
		}
		m := protowire.ConsumeFieldValue(num, typ, b[at+n:])
		if m < 0 {
			return spots{}
		}
		switch {
		case num == 1:
			s.id = uint8(at + n + 1)
		case num == 3 && m == longTime:
			s.captured = uint8(at + n)
		case num == 4 && m == longTime:
			s.received = uint8(at + n)
		}
		at += n + m
	}
	return s
}

// nextRecord returns where the next record is.
func (l *engineLog) nextRecord() (*shard.Records, int) { return l.chunks[l.chunk], l.next }

// skipRecords goes on n records, within the chunk.
func (l *engineLog) skipRecords(n int) {
	l.sent += n
	if l.next += n; l.next == l.chunks[l.chunk].Len() {
		l.chunk, l.next = l.chunk+1, 0
	}
}

// recordsLeft returns how many records the lap still has.
func (l *engineLog) recordsLeft() int { return l.n - l.sent }

// lapWhenDone begins anew, later, when all is sent.
func (l *engineLog) lapWhenDone() {
	if l.recordsLeft() == 0 {
		l.startLap()
	}
}

func (l *engineLog) startLap() {
	i := 0
	for _, c := range l.chunks {
		for k := range c.Len() {
			_, b := c.At(k)
			s := l.spots[i]
			i++
			if s.id != 0 {
				x := binary.LittleEndian.Uint64(b[s.id:])
				binary.LittleEndian.PutUint64(b[s.id:], x*0x9e3779b97f4a7c15+1)
			}
			for _, at := range [2]uint8{s.captured, s.received} {
				if at != 0 {
					t, _ := protowire.ConsumeVarint(b[at:])
					if got := protowire.AppendVarint(b[at:at:len(b)], t+uint64(l.span)); len(got) != longTime {
						panic(fmt.Sprintf("BUG: a time takes %d bytes", len(got)))
					}
				}
			}
		}
	}
	l.chunk, l.next, l.sent = 0, 0, 0
}
