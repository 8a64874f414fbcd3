package gateway

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestGzipIsUnpackedWithinTheBound(t *testing.T) {
	rg := newRig(t, func(c *Config) { c.MaxBody = 64 << 10 })
	f := func(encoding string, body []byte, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rg.url+"/v1/cameras/cam-1/hikvision", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Encoding", encoding)
		if res := rg.do(req); res.code != want {
			t.Errorf("%s: got %d %+v, want %d", encoding, res.code, res.problem, want)
		}
	}
	f("gzip", gzipped(t, []byte(hik)), 200)
	f("gzip", []byte(hik), 400)
	f("gzip", gzipped(t, make([]byte, 1<<20)), 413)
	f("br", []byte(hik), 415)
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLimitsTurnAwayAndKeepNothing(t *testing.T) {
	rg := newRig(t, func(c *Config) { c.MaxBody, c.CameraRate, c.CameraBurst = 2000, 1, 2 })
	for i, want := range []int{200, 200, 429} {
		res := rg.send("cam-1/hikvision", "application/xml", []byte(hik))
		if res.code != want || want == 429 && res.header.Get("Retry-After") == "" {
			t.Errorf("upload %d: got %d, want %d with Retry-After", i, res.code, want)
		}
	}
	rg.now.Add(int64(3 * schemas.Second))
	if res := rg.send("cam-1/hikvision", "application/xml", bytes.Repeat([]byte("x"), 2001)); res.code != 413 || res.problem.Reason != "too_large" {
		t.Errorf("too large: got %d %+v", res.code, res.problem)
	}
	if got := len(rg.logged()); got != 2 {
		t.Errorf("got %d records on the log, want 2", got)
	}
	narrow := newRig(t, func(c *Config) { c.MaxInFlight, c.MaxMemory = 1, int64(len(hik)) })
	for range 3 {
		if res := narrow.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
			t.Errorf("one at a time: got %d", res.code)
		}
	}
	full := newRig(t, func(c *Config) { c.MaxMemory = 10 })
	if res := full.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 503 || res.header.Get("Retry-After") == "" {
		t.Errorf("full: got %d %v, want 503 with Retry-After", res.code, res.header)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rg.url+"/v1/cameras/cam-1/hikvision", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if res := rg.do(req); res.code != 405 || res.header.Get("Allow") != "POST" {
		t.Errorf("GET: got %d %v", res.code, res.header)
	}
}

func TestStrangersCannotFillTheLog(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) {
		c.StrangerBurst, c.StrangerRate, c.KeepPayload, c.Metrics = 3, 0.001, 100, NewMetrics(reg)
	})
	big := append([]byte(hik), make([]byte, 300<<10)...)
	for range 10 {
		if res := rg.send("nobody/hikvision", "application/xml", big); res.code != 404 || res.problem.Reason != "unknown_camera" {
			t.Fatalf("got %d %+v", res.code, res.problem)
		}
	}
	all := rg.logged()
	if len(all) != 3 {
		t.Fatalf("got %d records of strangers, want 3", len(all))
	}
	if q := all[0].Quarantine; len(q.Payload) != 100 || q.PayloadSize != uint64(len(big)) {
		t.Errorf("kept %d of %d bytes, want 100 of %d", len(q.Payload), q.PayloadSize, len(big))
	}
	if got := counted(t, reg, "anpr_gateway_unkept_total"); got != 7 {
		t.Errorf("got %v counted as not kept, want 7", got)
	}
	if got := counted(t, reg, "anpr_gateway_refused_total"); got != 10 {
		t.Errorf("got %v counted as refused, want 10", got)
	}
}

// counted sums a counter over its labels.
func counted(t testing.TB, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// BenchmarkUpload measures one canonical upload from the client to the broker's acknowledgement and back, with as many
// senders as -cpu says. The linger is part of it.
func BenchmarkUpload(b *testing.B) {
	rg := newRig(b, func(c *Config) { c.CameraBurst = 1 << 40 })
	b.RunParallel(func(pb *testing.PB) {
		body := []byte(`{"captured_at_us":1779351006000000,"raw_plate":"1-ABC-123","confidence_pm":925}`)
		for pb.Next() {
			if res := rg.send("cam-1/reads", "application/json", body); res.code != 200 {
				b.Errorf("got %d %+v", res.code, res.problem)
			}
		}
	})
}
