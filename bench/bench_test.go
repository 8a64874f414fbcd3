package bench

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// measureCPU reports the processor time per operation, which a busy machine does not distort.
func measureCPU(b *testing.B) (done func()) {
	now := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	began := now()
	return func() { b.ReportMetric(float64(now()-began)/float64(b.N), "cpu-ns/op") }
}

func benchCity(b *testing.B) *City {
	c, err := NewCity(CityConfig{Seed: 1, At: testDay.Start()})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkNext(b *testing.B) {
	c := benchCity(b)
	forms := map[string]func(*Event, []byte) []byte{"protobuf": (*Event).AppendRecord, "json": (*Event).AppendRecordJSON}
	for _, rate := range []int{115, 10_000, 300_000} {
		for _, form := range []string{"protobuf", "json"} {
			b.Run(fmt.Sprintf("%s/rate=%d", form, rate), func(b *testing.B) {
				tr := testTraffic(b, c, TrafficConfig{Seed: 1, Rate: rate})
				var ev Event
				var buf []byte
				for range 300_000 { // until every car has passed a site
					tr.Next(&ev)
				}
				bytes := 0
				b.ReportAllocs()
				b.ResetTimer()
				done := measureCPU(b)
				for b.Loop() {
					tr.Next(&ev)
					buf = forms[form](&ev, buf[:0])
					bytes += len(buf)
				}
				done()
				b.ReportMetric(float64(bytes)/float64(b.N), "B/record")
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tr := testTraffic(b, benchCity(b), TrafficConfig{Seed: 1, Rate: 10_000})
	var ev Event
	var buf []byte
	tr.Next(&ev)
	b.ReportAllocs()
	defer measureCPU(b)()
	for b.Loop() {
		buf = ev.AppendRecord(buf[:0])
	}
}

func BenchmarkNewCity(b *testing.B) {
	b.ReportAllocs()
	defer measureCPU(b)()
	for b.Loop() {
		benchCity(b)
	}
}

// BenchmarkRunToFile is the whole path at full speed: generate, encode, hand over, write to memory.
func BenchmarkRunToFile(b *testing.B) {
	c := benchCity(b)
	b.ReportAllocs()
	defer measureCPU(b)()
	b.ResetTimer()
	res, err := Run(b.Context(), RunConfig{City: c, Traffic: TrafficConfig{Seed: 1, Rate: 10_000}, Target: NewFileTarget(new(sizer), false), Count: uint64(b.N), FullSpeed: true})
	if err != nil || res.Sent != uint64(b.N) {
		b.Fatalf("got %+v, %v", res, err)
	}
}

// sizer counts what is written to it.
type sizer struct{ n int }

func (s *sizer) Write(p []byte) (int, error) {
	s.n += len(p)
	return len(p), nil
}
