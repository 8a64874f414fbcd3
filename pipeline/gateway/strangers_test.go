package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

// dial opens a connection to the rig and writes text.
func (rg *rig) dial(format string, args ...any) net.Conn {
	rg.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(rg.url, "http://"))
	if err != nil {
		rg.t.Fatal(err)
	}
	rg.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, format, args...); err != nil {
		rg.t.Fatal(err)
	}
	return conn
}

// TestIdleStrangersBlockNoCamera opens connections which announce the largest body and send a single byte: cameras are
// served beside them, also Digest cameras with their second round trip.
func TestIdleStrangersBlockNoCamera(t *testing.T) {
	for name, headers := range map[string]string{
		"no token": "", "wrong token": "Authorization: Bearer x\r\n", "chunks": "Transfer-Encoding: chunked\r\n", "packed": "Content-Encoding: gzip\r\n",
		"waits to be told": "Expect: 100-continue\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			rg := withDigest(t, "admin", "anpr", short, func(c *Config) { c.StrangerTime = time.Minute })
			length := "Content-Length: 16777216\r\n"
			if strings.Contains(headers, "chunked") {
				length = ""
			}
			for i := range 100 {
				camera := []string{"cam-1", "d", "nobody"}[i%3]
				rg.dial("POST /v1/cameras/%s/hikvision HTTP/1.1\r\nHost: x\r\n%s%s\r\n1", camera, headers, length)
			}
			for range 20 {
				if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
					t.Fatalf("a camera beside them: got %d %+v", res.code, res.problem)
				}
			}
			client := &digest.Transport{Username: "admin", Password: short, Transport: rg.client.Transport}
			res, err := client.RoundTrip(rg.post("d/hikvision", hik, func(*http.Request) {}))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("a camera with Digest beside them: got %d", res.StatusCode)
			}
		})
	}
}

func TestASlowCameraStopsItselfAndNotItsNeighbour(t *testing.T) {
	rg := newRig(t, func(c *Config) { c.CameraInFlight, c.MaxMemory = 8, 1<<20 })
	rg.cams["slow"] = &schemas.Camera{ID: "slow", TokenSum: sha(short)}
	for range 100 {
		rg.dial("POST /v1/cameras/slow/hikvision HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 16777216\r\n\r\n1", short)
	}
	for range 20 {
		if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
			t.Fatalf("its neighbour: got %d %+v", res.code, res.problem)
		}
	}
}

func TestABodyThatComesTooSlowlyIsEnded(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) {
		c.BodyGrace, c.StrangerTime, c.Metrics = time.Millisecond, time.Millisecond, NewMetrics(reg)
	})
	conn := rg.dial("POST /v1/cameras/cam-1/hikvision HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 16777216\r\n\r\n1", token)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout || !res.Close || res.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, closing %t", res.StatusCode, res.Close)
	}
	if got := counted(t, reg, "anpr_gateway_limited_total"); got != 1 {
		t.Errorf("counted %v, want 1", got)
	}
	conn = rg.dial("POST /v1/cameras/nobody/hikvision HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n1")
	if b, _ := io.ReadAll(conn); !strings.HasPrefix(string(b), "HTTP/1.1 404 ") {
		t.Errorf("a slow stranger: got %.60q and no end", b)
	}
}

// TestADeviceThatSendsItsWholeBodyFirstSeesTheChallenge writes eight megabytes before it reads: the challenge must
// come, not a reset.
func TestADeviceThatSendsItsWholeBodyFirstSeesTheChallenge(t *testing.T) {
	rg := withDigest(t, "admin", "anpr", short, nil)
	const size = 8 << 20
	conn := rg.dial("POST /v1/cameras/d/hikvision HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal("the body was not taken: ", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized || !strings.Contains(strings.Join(res.Header.Values("WWW-Authenticate"), "\n"), "Digest") {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
}

func TestWhatIsKeptOfStrangersIsBounded(t *testing.T) {
	const each, budget = 4 << 10, 10 << 10
	rg := newRig(t, func(c *Config) { c.StrangerDay = budget })
	upload := func() (kept int) {
		before := len(rg.logged())
		if res := rg.send("nobody/hikvision", "application/xml", append([]byte(hik), make([]byte, 100<<10)...)); res.code != 404 {
			t.Fatalf("got %d", res.code)
		}
		all := rg.logged()
		for _, r := range all[before:] {
			if kept = len(r.Quarantine.Payload); r.Quarantine.PayloadSize < 100<<10 {
				t.Errorf("the size of what it sent: got %d", r.Quarantine.PayloadSize)
			}
		}
		return kept
	}
	for i, want := range []int{each, each, budget - 2*each, 0, 0} {
		if got := upload(); got != want {
			t.Errorf("upload %d: kept %d bytes, want %d", i, got, want)
		}
	}
	rg.now.Add(int64(24 * schemas.Hour))
	if got := upload(); got != each {
		t.Errorf("the next day: kept %d bytes, want %d", got, each)
	}
}

func TestAMissingTokenIsKeptOnceAnHour(t *testing.T) {
	rg := newRig(t, nil)
	for range 100 {
		if res := rg.do(rg.post("cam-1/hikvision", hik, func(*http.Request) {})); res.code != 401 || res.header.Get("WWW-Authenticate") == "" {
			t.Fatalf("got %d without the challenge", res.code)
		}
	}
	if got := len(rg.logged()); got != 1 {
		t.Errorf("%d dead letters of a device that waits for the challenge, want 1", got)
	}
	rg.now.Add(int64(2 * schemas.Hour))
	rg.do(rg.post("cam-1/hikvision", hik, func(*http.Request) {}))
	if got := len(rg.logged()); got != 2 {
		t.Errorf("%d dead letters two hours later, want 2", got)
	}
}

// TestADeviceThatAlwaysWaitsForTheChallengeIsNoFailure follows Basic clients which send no credentials at first, with
// every upload.
func TestADeviceThatAlwaysWaitsForTheChallengeIsNoFailure(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) { c.Metrics = NewMetrics(reg) })
	for range 100 {
		if res := rg.do(rg.post("cam-1/hikvision", hik, func(*http.Request) {})); res.code != 401 {
			t.Fatalf("got %d", res.code)
		}
		if res := rg.do(rg.post("cam-1/hikvision", hik, basic("admin", token))); res.code != 200 {
			t.Fatalf("the answer: got %d", res.code)
		}
	}
	for name, want := range map[string]float64{
		"anpr_gateway_refused_total": 1, "anpr_gateway_authentications_failed_total": 1, "anpr_gateway_challenges_total": 99, "anpr_gateway_quarantined_total": 1,
		"anpr_gateway_authenticated_total": 100,
	} {
		if got := counted(t, reg, name); got != want {
			t.Errorf("%s: got %v, want %v: the first one cannot be told from a device without a token", name, got, want)
		}
	}
}

func TestStrangersAreCountedInBoundedMemory(t *testing.T) {
	s := newStrangers(&Config{StrangerRate: 1, StrangerBurst: 1})
	now := time.Unix(1000, 0)
	for i := range 3 * maxFailers {
		s.recordFailure(failingSender{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), "cam-1"}, now)
	}
	if len(s.failers) > maxFailers {
		t.Errorf("%d are remembered, want at most %d", len(s.failers), maxFailers)
	}
	a := netip.MustParseAddr("10.0.0.1")
	for range strangersOfOne {
		if _, ok := s.takePlace(a, 64); !ok {
			t.Fatal("no place for the first few")
		}
	}
	if _, ok := s.takePlace(a, 64); ok {
		t.Error("one address has more places than its own")
	}
	leave, ok := s.takePlace(netip.MustParseAddr("10.0.0.2"), 64)
	if !ok {
		t.Fatal("another address has no place")
	}
	leave()
	if len(s.reading) != 1 || s.all != strangersOfOne {
		t.Errorf("got %v, %d", s.reading, s.all)
	}
}
