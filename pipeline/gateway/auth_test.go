package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
)

// short is a token that every device can hold; long needs user name and password together.
const (
	short = "9f86d081884c7d65"
	long  = "0123456789abcdef0123456789abcdefFEDCBA9876543210"
)

// eachFormat is a message of every format.
var eachFormat = map[string]string{
	"reads":           `{"raw_plate":"1ABC123","captured_at_us":1779351006000000}`,
	"hikvision":       hik,
	"openalpr":        `{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":"1ABC123"}`,
	"platerecognizer": `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-05-21T08:10:06Z","results":[{"plate":"1abc123","score":0.9}]}}`,
	"axis":            `{"plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000"}`,
	"survision":       `{"anpr":{"@date":"1779351006000","decision":{"@plate":"1ABC123"}}}`,
	"dahua":           `{"Picture":{"Plate":{"PlateNumber":"1ABC123"},"SnapInfo":{"AccurateTime":"2026-05-21 10:10:06.000"}}}`,
}

// post makes a request to a camera's address; set may change it.
func (rg *rig) post(path, body string, set func(*http.Request)) *http.Request {
	rg.t.Helper()
	req, err := http.NewRequestWithContext(rg.t.Context(), http.MethodPost, rg.url+"/v1/cameras/"+path, strings.NewReader(body))
	if err != nil {
		rg.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(body, "<") {
		req.Header.Set("Content-Type", "application/xml")
	}
	set(req)
	return req
}

func auth(value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", value) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = []string{value} } // as the device writes it
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func TestEverySchemeOfADeviceWorksWithEveryFormat(t *testing.T) {
	fresh := func(t *testing.T) *rig {
		rg := newRig(t, func(c *Config) {
			c.Proxies, c.SubjectHeader = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "X-Client-Subject"
		})
		rg.cams["s"] = &schemas.Camera{ID: "s", TokenSum: sha(short), Access: &schemas.Access{AuthHeader: "X_auth_key", Subject: "CN=s", Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/28")}}}
		rg.cams["l"] = &schemas.Camera{ID: "l", TokenSum: sha(long)}
		return rg
	}
	for _, c := range []struct {
		name, camera string
		set          func(*http.Request)
		want         int
	}{
		{"bearer", "s", auth("Bearer " + short), 200},
		{"bearer in small letters", "s", auth("bearer " + short), 200},
		{"token", "s", auth("Token " + short), 200},
		{"basic password", "s", basic("admin", short), 200},
		{"basic split", "l", basic(long[:32], long[32:]), 200},
		{"basic whole", "l", basic("x", long), 200},
		{"own header", "s", header("x_auth_key", short), 200},
		{"own header with dashes", "s", header("X-Auth-Key", short), 200},
		{"certificate", "s", header("X-Client-Subject", "CN=s"), 200},
		{"address", "s", header("X-Forwarded-For", "10.1.2.3"), 200},
		{"address with a port", "s", header("X-Forwarded-For", "10.1.2.3:4000"), 200},
		{"address after one that the sender wrote", "s", header("X-Forwarded-For", "9.9.9.9, 10.1.2.3"), 200},

		{"nothing", "s", func(*http.Request) {}, 401},
		{"wrong bearer", "s", auth("Bearer " + long), 401},
		{"wrong token", "s", auth("Token x"), 401},
		{"wrong basic", "s", basic("admin", long), 401},
		{"basic split at another camera", "s", basic(long[:32], long[32:]), 401},
		{"wrong own header", "s", header("x_auth_key", long), 401},
		{"own header of another camera", "l", header("x_auth_key", long), 401},
		{"wrong certificate", "s", header("X-Client-Subject", "CN=l"), 401},
		{"certificate at another camera", "l", header("X-Client-Subject", "CN=s"), 401},
		{"address that the sender wrote", "s", header("X-Forwarded-For", "10.1.2.3, 9.9.9.9"), 401},
		{"address of no camera", "s", header("X-Forwarded-For", "10.1.2.16"), 401},
		{"negotiate", "s", auth("Negotiate " + short), 401},
		{"digest without a secret", "s", auth(`Digest username="x"`), 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			rg := fresh(t)
			for format, body := range eachFormat {
				res := rg.do(rg.post(c.camera+"/"+format, body, c.set))
				if res.code != c.want {
					t.Errorf("%s: got %d %+v, want %d", format, res.code, res.problem, c.want)
				}
				if offers := strings.Join(res.header.Values("WWW-Authenticate"), "\n"); c.want == 401 && (!strings.Contains(offers, `Basic realm="anpr"`) || !strings.Contains(offers, "Bearer")) {
					t.Errorf("%s: offered %q, want Basic and Bearer", format, offers)
				}
			}
			if log := rg.log.String(); strings.Contains(log, short) || strings.Contains(log, long) || strings.Contains(log, long[32:]) {
				t.Error("a token is in the log")
			}
		})
	}
}

func TestWhatOnlyAProxyMaySayIsRefusedFromOthers(t *testing.T) {
	trusted := func(cidr string) func(*Config) {
		return func(c *Config) {
			c.Proxies, c.SubjectHeader = []netip.Prefix{netip.MustParsePrefix(cidr)}, "X-Client-Subject"
		}
	}
	rg := newRig(t, trusted("192.0.2.0/24"))
	rg.cams["s"] = &schemas.Camera{ID: "s", TokenSum: sha(short), Access: &schemas.Access{Subject: "CN=s", Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}}}
	res := rg.do(rg.post("s/hikvision", hik, header("X-Client-Subject", "CN=s")))
	if res.code != 401 || res.problem.Field != "X-Client-Subject" {
		t.Errorf("the subject of a sender: got %d %+v", res.code, res.problem)
	}
	res = rg.do(rg.post("s/hikvision", hik, func(r *http.Request) { header("X-Client-Subject", "CN=s")(r); auth("Bearer " + short)(r) }))
	if res.code != 401 {
		t.Errorf("the subject of a sender beside a right token: got %d", res.code)
	}
	if res := rg.do(rg.post("s/hikvision", hik, header("X-Forwarded-For", "10.1.2.3"))); res.code != 401 {
		t.Errorf("the address that a sender wrote: got %d", res.code)
	}
	own := newRig(t, nil)
	own.cams["s"] = &schemas.Camera{ID: "s", Access: &schemas.Access{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}}
	if res := own.do(own.post("s/hikvision", hik, func(*http.Request) {})); res.code != 200 {
		t.Errorf("from its own address, without a proxy: got %d", res.code)
	}
	behindProxy := newRig(t, trusted("127.0.0.1/32"))
	behindProxy.cams = own.cams
	if res := behindProxy.do(behindProxy.post("s/hikvision", hik, func(*http.Request) {})); res.code != 401 {
		t.Errorf("a proxy's own address counted as the camera's: got %d", res.code)
	}
	two := behindProxy.post("s/hikvision", hik, func(r *http.Request) { r.Header["X-Client-Subject"] = []string{"CN=s", "CN=t"} })
	if res := behindProxy.do(two); res.code != 400 {
		t.Errorf("two subjects: got %d", res.code)
	}
}

func TestFailuresAreLimitedCountedAndLoggedWithoutLockingTheCameraOut(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) { c.Metrics = NewMetrics(reg) })
	limited := 0
	for i := range 200 {
		res := rg.send("cam-1/hikvision", "application/xml", []byte(hik), "Bearer guess-"+strconv.Itoa(i))
		switch {
		case res.code == 429 && res.header.Get("Retry-After") != "":
			limited++
		case res.code != 401:
			t.Fatalf("guess %d: got %d", i, res.code)
		}
	}
	if limited != 200-failBurst {
		t.Errorf("%d of 200 guesses were limited, want %d", limited, 200-failBurst)
	}
	if got := counted(t, reg, "anpr_gateway_authentications_failed_total"); got != 200 {
		t.Errorf("counted %v failures, want 200", got)
	}
	log := rg.log.String()
	if strings.Count(log, "did not authenticate") != 1 || !strings.Contains(log, "127.0.0.1") || strings.Contains(log, "guess-") {
		t.Errorf("logged %s, want one line with the address and without a guess", log)
	}
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
		t.Errorf("the camera itself, from the same address: got %d", res.code)
	}
}

func TestDuplicateHeadersAreRefused(t *testing.T) {
	rg := newRig(t, nil)
	rg.cams["s"] = &schemas.Camera{ID: "s", TokenSum: sha(short), Access: &schemas.Access{AuthHeader: "X_auth_key"}}
	for name, h := range map[string]http.Header{
		"right twice":    {"Authorization": {"Bearer " + token, "Bearer " + token}},
		"right first":    {"Authorization": {"Bearer " + token, "Bearer x"}},
		"right last":     {"Authorization": {"", "Bearer " + token}},
		"two own":        {"X_auth_key": {short, "x"}},
		"own, two forms": {"X_auth_key": {short}, "X-Auth-Key": {"x"}},
	} {
		path := "cam-1/hikvision"
		if h["Authorization"] == nil {
			path = "s/hikvision"
		}
		res := rg.do(rg.post(path, hik, func(r *http.Request) { r.Header = h }))
		if res.code != 400 || res.problem.Reason != "malformed" || !strings.Contains(res.problem.Detail, "send it once") {
			t.Errorf("%s: got %d %+v", name, res.code, res.problem)
		}
	}
}

// TestALengthBesideChunksIsAnsweredAndClosed sends what a proxy and the gateway could read differently: nothing that
// follows on the connection is taken for another request.
func TestALengthBesideChunksIsAnsweredAndClosed(t *testing.T) {
	rg := newRig(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(rg.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	hidden := "POST /v1/cameras/cam-1/hikvision HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 0\r\n\r\n"
	_, err = fmt.Fprintf(conn, "POST /v1/cameras/cam-1/hikvision HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n%s", token, len(hik), hik, hidden)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest || !res.Close {
		t.Errorf("got %d, closing %t", res.StatusCode, res.Close)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("a second answer: %.100q", rest)
	}
}

func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"10.1.2.3", "[2001:db8::1]:80, 10.0.0.1", "::ffff:10.1.2.3", "unknown, _x", ",,"} {
		f.Add(s)
	}
	g := &Gateway{cfg: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.1/32")}}}
	f.Fuzz(func(t *testing.T, s string) {
		p, rej := g.identifyPeer(&http.Request{RemoteAddr: "127.0.0.1:9", Header: http.Header{"X-Forwarded-For": {s}}})
		if rej != nil || p.addr.IsValid() && g.trustsProxy(p.addr) || !p.failureKey().IsValid() {
			t.Fatalf("%q: %+v, %v", s, p, rej)
		}
		p, _ = g.identifyPeer(&http.Request{RemoteAddr: "192.0.2.9:9", Header: http.Header{"X-Forwarded-For": {s}}})
		if p.addr != netip.MustParseAddr("192.0.2.9") {
			t.Fatalf("%q: a stranger is %s", s, p.addr)
		}
	})
}
