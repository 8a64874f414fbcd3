package ingest

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

func readSnapshots(t *testing.T, s *Stages) map[string]StageSnapshot {
	t.Helper()
	var buf bytes.Buffer
	if err := s.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var list []StageSnapshot
	if err := json.Unmarshal(buf.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]StageSnapshot{}
	for _, x := range list {
		out[x.Stage] = x
	}
	return out
}

func TestStagesAreExactPerRecordAndSurviveTheWire(t *testing.T) {
	s := NewStages()
	s.Observe(StageLinger, 40*time.Millisecond, 990)
	s.Observe(StageLinger, 900*time.Millisecond, 10)
	s.Observe(StageLinger, time.Hour, 0) // nothing spent it
	s.observeSince(StageStored, 5_000_000, []schemas.Micros{4_900_000, 4_800_000, 5_000_100})
	got := readSnapshots(t, s)
	if len(got) != int(stages) {
		t.Errorf("%d stages are written, want all %d", len(got), stages)
	}
	l := got["linger"]
	if l.Count != 1000 || math.Abs(float64(l.P50)-40_000) > 40 || math.Abs(float64(l.P999)-900_000) > 900 {
		t.Errorf("linger: got %+v, want 1000 records, p50 40 ms, p99.9 900 ms", l)
	}
	h, err := hdrhistogram.Decode([]byte(l.HDR))
	if err != nil || h.TotalCount() != 1000 || h.ValueAtQuantile(50) != l.P50 {
		t.Errorf("the histogram on the wire: %v, %d records", err, h.TotalCount())
	}
	if st := got["stored"]; st.Count != 3 || math.Abs(float64(st.Max)-200_000) > 200 {
		t.Errorf("stored: got %+v, want 3 records, at most 200 ms, and a time from the future as 1 us", st)
	}
	if s.Observe(StageQueue, 3*time.Hour, 1); readSnapshots(t, s)["queue"].Max < 59_000_000 {
		t.Error("three hours must count as a minute, not be dropped")
	}
}

func TestStageMetricHoldsEveryRecord(t *testing.T) {
	s := NewStages()
	reg := prometheus.NewRegistry()
	reg.MustRegister(s)
	s.Observe(StageInsert, 700*time.Microsecond, 3)
	s.Observe(StageInsert, 50*time.Second, 2)
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() != "insert" {
			continue
		}
		h := m.GetHistogram()
		if h.GetSampleCount() != 5 || math.Abs(h.GetSampleSum()-100.0021) > 0.001 {
			t.Errorf("count %d, sum %f, want 5 and 100.0021", h.GetSampleCount(), h.GetSampleSum())
		}
		for _, b := range h.GetBucket() {
			want := uint64(0)
			if b.GetUpperBound() > 0.0007 {
				want = 3
			}
			if b.GetCumulativeCount() != want {
				t.Errorf("up to %g s: got %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
			}
		}
		return
	}
	t.Error("no series for insert")
}

func TestStagesAllocateNothing(t *testing.T) {
	s := NewStages()
	b := newBatch(nil, nil)
	for range 500 {
		b.stamps.received = append(b.stamps.received, 1)
	}
	now := time.Now()
	round := func() {
		b.stamps.fetched, b.stamps.chunks = 0, b.stamps.chunks[:0]
		b.stamps.noteChunk(s, now, now, 500)
		b.stamps.noteTaken(s, now)
		b.stamps.noteWritten(s, now, now, now, 500)
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%g allocations for a batch of 500 records, want 0", n)
	}
}

func BenchmarkStages(b *testing.B) {
	s := NewStages()
	x := stamps{received: make([]schemas.Micros, 500)}
	now := time.Now()
	for i := range x.received {
		x.received[i] = schemas.MicrosOf(now) - schemas.Micros(i*37)
	}
	b.ReportAllocs()
	for b.Loop() { // one record: a batch of 500 in two fetches, divided
		x.fetched, x.chunks = 0, x.chunks[:0]
		x.noteChunk(s, now, now, 500)
		x.noteTaken(s, now)
		x.noteWritten(s, now, now, now, 500)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/read")
}
