package gateway

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

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

// withDigest gives a rig Digest secrets of camera d, as the runbook has them made.
func withDigest(t *testing.T, user, realm, secret string, change func(*Config)) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "camera-digest.csv")
	a1 := user + ":" + realm + ":" + secret
	row := fmt.Sprintf("camera,username,realm,md5,sha256\nd,%s,%s,%x,%x\n", user, realm, md5.Sum([]byte(a1)), sha256.Sum256([]byte(a1)))
	if err := os.WriteFile(path, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets, err := OpenDigestSecrets(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	rg := newRig(t, func(c *Config) {
		c.Digest = secrets
		if change != nil {
			change(c)
		}
	})
	rg.cams["d"] = &schemas.Camera{ID: "d", TokenSum: sha(secret)}
	return rg
}

func TestDigestWorksWithEveryFormatAndAlgorithm(t *testing.T) {
	rg := withDigest(t, "admin", "anpr", short, nil)
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		client := &digest.Transport{Username: "admin", Password: short, Transport: rg.client.Transport, FindChallenge: func(h http.Header) (*digest.Challenge, error) {
			for _, v := range h.Values("WWW-Authenticate") {
				if c, err := digest.ParseChallenge(v); err == nil && c.Algorithm == algorithm {
					return c, nil
				}
			}
			return nil, digest.ErrNoChallenge
		}}
		for format, body := range eachFormat {
			for range 3 { // the nonce is used again
				res, err := client.RoundTrip(rg.post("d/"+format, body, func(*http.Request) {}))
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("%s %s: got %d", algorithm, format, res.StatusCode)
				}
			}
		}
	}
	for _, r := range rg.logged() {
		if r.Quarantine != nil {
			t.Fatalf("the first half of a challenge became a dead letter: %v", r.Quarantine)
		}
	}
	if strings.Contains(rg.log.String(), "did not authenticate") {
		t.Error("the first half of a challenge was logged as a failure")
	}
	res := rg.do(rg.post("d/hikvision", hik, basic("admin", short)))
	if res.code != 200 {
		t.Errorf("Basic of a camera with Digest: got %d", res.code)
	}
}

// answer makes a Digest header for the last challenge.
func digestAnswer(t *testing.T, rg *rig, password string, change func(*digest.Challenge, *digest.Options)) (value string) {
	t.Helper()
	res := rg.do(rg.post("d/hikvision", hik, func(*http.Request) {}))
	c, err := digest.FindChallenge(res.header)
	if res.code != 401 || err != nil {
		t.Fatalf("got %d, %v", res.code, err)
	}
	o := digest.Options{Method: http.MethodPost, URI: "/v1/cameras/d/hikvision", Count: 1, Username: "admin", Password: password}
	change(c, &o)
	cred, err := digest.Digest(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return cred.String()
}

func TestADigestAnswerCountsOnceAndForItsTimeAndCamera(t *testing.T) {
	same := func(*digest.Challenge, *digest.Options) {}
	for _, c := range []struct {
		name   string
		change func(*digest.Challenge, *digest.Options)
		want   int
		stale  bool
	}{
		{"right", same, 200, false},
		{"without qop", func(c *digest.Challenge, _ *digest.Options) { c.QOP = nil }, 200, false},
		{"target in full", func(_ *digest.Challenge, o *digest.Options) { o.URI = "https://gate.example" + o.URI }, 200, false},
		{"another target", func(_ *digest.Challenge, o *digest.Options) { o.URI = "/v1/cameras/e/hikvision" }, 401, false},
		{"another method", func(_ *digest.Challenge, o *digest.Options) { o.Method = "GET" }, 401, false},
		{"another user", func(_ *digest.Challenge, o *digest.Options) { o.Username = "root" }, 401, false},
		{"another realm", func(c *digest.Challenge, _ *digest.Options) { c.Realm = "other" }, 401, false},
		{"body in the digest", func(c *digest.Challenge, _ *digest.Options) { c.QOP = []string{"auth-int"} }, 401, false},
		{"another algorithm", func(c *digest.Challenge, _ *digest.Options) { c.Algorithm = "SHA-512" }, 401, false},
		{"a nonce of nobody", func(c *digest.Challenge, _ *digest.Options) { c.Nonce = strings.Repeat("ab", 32) }, 401, true},
		{"a nonce that was changed", func(c *digest.Challenge, _ *digest.Options) { c.Nonce = "ff" + c.Nonce[2:] }, 401, true},
		{"empty nonce", func(c *digest.Challenge, _ *digest.Options) { c.Nonce = "" }, 401, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rg := withDigest(t, "admin", "anpr", short, nil)
			value := digestAnswer(t, rg, short, c.change)
			res := rg.do(rg.post("d/hikvision", hik, auth(value)))
			stale := strings.Contains(strings.Join(res.header.Values("WWW-Authenticate"), "\n"), "stale=true")
			if res.code != c.want || stale != c.stale {
				t.Errorf("got %d, stale %t, want %d, %t: %+v", res.code, stale, c.want, c.stale, res.problem)
			}
			if c.want != 200 {
				return
			}
			if res := rg.do(rg.post("d/hikvision", hik, auth(value))); res.code != 401 {
				t.Errorf("sent a second time: got %d, want 401", res.code)
			}
		})
	}
	rg := withDigest(t, "admin", "anpr", short, nil)
	if res := rg.do(rg.post("d/hikvision", hik, auth(digestAnswer(t, rg, long, same)))); res.code != 401 {
		t.Errorf("a wrong password: got %d", res.code)
	}
	value := digestAnswer(t, rg, short, same)
	rg.now.Add(int64(schemas.Span(nonceLife) + schemas.Second))
	if res := rg.do(rg.post("d/hikvision", hik, auth(value))); res.code != 401 || !strings.Contains(strings.Join(res.header.Values("WWW-Authenticate"), "\n"), "stale=true") {
		t.Errorf("an old nonce: got %d %v", res.code, res.header.Values("WWW-Authenticate"))
	}
	s, _ := secretOf("admin", "anpr", short), 0
	if _, _, ok := s.issued("e", s.nonce("d", time.Unix(0, 0))); ok {
		t.Error("a nonce of one camera counts for another")
	}
}

func secretOf(user, realm, secret string) digestSecret {
	a1 := []byte(user + ":" + realm + ":" + secret)
	return digestSecret{user: user, realm: realm, md5: fmt.Sprintf("%x", md5.Sum(a1)), sha256: fmt.Sprintf("%x", sha256.Sum256(a1))}
}

// TestADeviceThatBeginsWithAnEmptyNonceGetsIn does what Dahua and Intelbras do: first an answer to no challenge, then to ours;
// and what firmware does that stays with the empty realm and nonce, where the operator allows it.
func TestADeviceThatBeginsWithAnEmptyNonceGetsIn(t *testing.T) {
	empty := func(c *digest.Challenge, _ *digest.Options) { c.Realm, c.Nonce, c.QOP = "", "", nil }
	rg := withDigest(t, "admin", "anpr", short, nil)
	for range 3 * failBurst {
		if res := rg.do(rg.post("d/hikvision", hik, auth(digestAnswer(t, rg, short, empty)))); res.code != 401 {
			t.Fatalf("the empty one: got %d, want the challenge", res.code)
		}
	}
	if res := rg.do(rg.post("d/hikvision", hik, auth(digestAnswer(t, rg, short, func(*digest.Challenge, *digest.Options) {})))); res.code != 200 {
		t.Errorf("the answer: got %d", res.code)
	}
	if all := rg.logged(); len(all) != 1 {
		t.Errorf("%d records, want the read alone", len(all))
	}
	stays := withDigest(t, "admin", "", short, nil)
	for _, password := range []string{short, long} {
		want := map[string]int{short: 200, long: 401}[password]
		if res := stays.do(stays.post("d/hikvision", hik, auth(digestAnswer(t, stays, password, empty)))); res.code != want {
			t.Errorf("firmware that stays so, password %s: got %d, want %d", password, res.code, want)
		}
	}
}

func TestGatewaysBehindOneProxyTakeEachOthersNonces(t *testing.T) {
	a, b := withDigest(t, "admin", "anpr", short, nil), withDigest(t, "admin", "anpr", short, nil)
	value := digestAnswer(t, a, short, func(*digest.Challenge, *digest.Options) {})
	if res := b.do(b.post("d/hikvision", hik, auth(value))); res.code != 200 {
		t.Errorf("got %d %+v", res.code, res.problem)
	}
}

func TestCountsOfANonceMayArriveOutOfOrderOnce(t *testing.T) {
	var n nonces
	at := time.Unix(1000, 0)
	id := func(i byte) (out [nonceBytes]byte) { out[0] = i; return out }
	for i, c := range []struct {
		count int
		want  bool
	}{{3, true}, {3, false}, {1, true}, {1, false}, {2, true}, {70, true}, {70, false}, {3, false}, {7, true}, {6, false}, {200, true}, {199, true}, {136, false}} {
		if got := n.take("d", id(1), at, c.count); got != c.want {
			t.Errorf("step %d, count %d: got %t, want %t", i, c.count, got, c.want)
		}
	}
	for i := range byte(3 * maxNonces) {
		n.take("d", id(10+i), at.Add(time.Duration(i+1)*time.Second), 1)
	}
	if got := len(n.cams["d"].list); got != maxNonces {
		t.Errorf("%d nonces are remembered, want %d", got, maxNonces)
	}
	for i := range byte(3 * maxNonces) {
		if n.take("d", id(10+i), at.Add(time.Duration(i+1)*time.Second), 1) {
			t.Errorf("nonce %d was used twice", i)
		}
	}
	if n.take("d", id(1), at, 300) {
		t.Error("a forgotten nonce was used again")
	}
}

func TestTheFileOfDigestSecretsIsRefusedByNameAndReloaded(t *testing.T) {
	const head, five, six = "camera,username,realm,md5,sha256\n", "d41d8cd98f00b204e9800998ecf8427e", ""
	for name, c := range map[string]struct{ text, want string }{
		"columns":     {"camera;username\n", "line 1: the columns must be"},
		"empty":       {"", "line 1: the columns must be"},
		"short sum":   {head + "a,b,c,12,\n", "line 2: md5 has 32"},
		"no sum":      {head + "a,b,c,,\n", "line 2: md5 has 32"},
		"not hex":     {head + "a,b,c," + strings.Repeat("x", 32) + ",\n", "line 2: md5 has 32"},
		"twice":       {head + "a,b,c," + five + ",\na,b,c," + five + ",\n", `line 3: the camera "a" is there twice`},
		"no user":     {head + "a,,c," + five + ",\n", "line 2: camera and username"},
		"quote":       {head + "a,\"b\"\"\",c," + five + ",\n", "line 2: camera and username"},
		"few columns": {head + "a,b\n", "not CSV of 5 columns"},
	} {
		if _, err := parseDigestFile(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "camera-digest.csv")
	d, err := OpenDigestSecrets(path, zerolog.Nop())
	if err != nil {
		t.Fatal("a file that is not there: ", err)
	}
	now := time.Unix(1000, 0)
	look := func(want bool) {
		t.Helper()
		now = now.Add(digestLook)
		if _, ok := d.find("a", now); ok != want {
			t.Errorf("secret of a: got %t, want %t", ok, want)
		}
	}
	look(false)
	if err := os.WriteFile(path, []byte(head+"a,b,c,"+five+","+six+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	look(true)
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	look(true)
	if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	look(false)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDigestSecrets(path, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by everybody: got %v", err)
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

// TestALengthBesideChunksIsAnsweredAndClosed sends what a proxy and the gateway could read differently: nothing that follows on the
// connection is taken for another request.
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
	if res.StatusCode != 200 && res.StatusCode != 400 || !res.Close {
		t.Errorf("got %d, closing %t", res.StatusCode, res.Close)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("a second answer: %.100q", rest)
	}
}

func FuzzDigestHeader(f *testing.F) {
	s := secretOf("admin", "anpr", short)
	nonce := s.nonce("d", time.Unix(1000, 0))
	for _, h := range []string{
		`Digest username="admin", realm="anpr", nonce="` + nonce + `", uri="/v1/cameras/d/hikvision", qop=auth, nc=00000001, cnonce="x", response="00"`,
		`Digest username="admin", realm="", nonce="", uri="/", response=""`, "Digest", "Digest =", `Digest nc=ffffffffffffffff`, `Digest username="\`, "digest a=b,,c",
	} {
		f.Add(h)
	}
	path := filepath.Join(f.TempDir(), "camera-digest.csv")
	if err := os.WriteFile(path, fmt.Appendf(nil, "camera,username,realm,md5,sha256\nd,admin,anpr,%s,%s\n", s.md5, s.sha256), 0o600); err != nil {
		f.Fatal(err)
	}
	secrets, err := OpenDigestSecrets(path, zerolog.Nop())
	if err != nil {
		f.Fatal(err)
	}
	g := &Gateway{cfg: Config{Digest: secrets, Now: func() time.Time { return time.Unix(1001, 0) }}}
	f.Fuzz(func(t *testing.T, h string) {
		r := &http.Request{Method: http.MethodPost, RequestURI: "/v1/cameras/d/hikvision", Header: http.Header{"Authorization": {h}}}
		r.URL = &url.URL{Path: r.RequestURI}
		if g.checkDigest(r, "d") == nil {
			t.Fatalf("%q was taken without the secret", h)
		}
	})
}

func FuzzDigestFile(f *testing.F) {
	f.Add([]byte("camera,username,realm,md5,sha256\nd,admin,anpr,d41d8cd98f00b204e9800998ecf8427e,\n"))
	f.Add([]byte("camera,username,realm,md5,sha256\n\"d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cams, err := parseDigestFile(bytes.NewReader(b))
		for id, s := range cams {
			if err != nil || id == "" || s.user == "" || s.md5 == "" && s.sha256 == "" {
				t.Fatalf("%q: %+v, %v", id, s, err)
			}
		}
	})
}

func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"10.1.2.3", "[2001:db8::1]:80, 10.0.0.1", "::ffff:10.1.2.3", "unknown, _x", ",,"} {
		f.Add(s)
	}
	g := &Gateway{cfg: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.1/32")}}}
	f.Fuzz(func(t *testing.T, s string) {
		p, rej := g.peerOf(&http.Request{RemoteAddr: "127.0.0.1:9", Header: http.Header{"X-Forwarded-For": {s}}})
		if rej != nil || p.addr.IsValid() && g.trusts(p.addr) || !p.key().IsValid() {
			t.Fatalf("%q: %+v, %v", s, p, rej)
		}
		p, _ = g.peerOf(&http.Request{RemoteAddr: "192.0.2.9:9", Header: http.Header{"X-Forwarded-For": {s}}})
		if p.addr != netip.MustParseAddr("192.0.2.9") {
			t.Fatalf("%q: a stranger is %s", s, p.addr)
		}
	})
}
