package gateway

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/schemas"
)

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
				if res.StatusCode != http.StatusOK {
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
	if _, _, ok := s.verifyNonce("e", s.makeNonce("d", time.Unix(0, 0))); ok {
		t.Error("a nonce of one camera counts for another")
	}
}

func secretOf(user, realm, secret string) digestSecret {
	a1 := []byte(user + ":" + realm + ":" + secret)
	return digestSecret{user: user, realm: realm, md5: fmt.Sprintf("%x", md5.Sum(a1)), sha256: fmt.Sprintf("%x", sha256.Sum256(a1))}
}

// TestADeviceThatBeginsWithAnEmptyNonceGetsIn follows Dahua and Intelbras devices: first an answer to no challenge,
// then to ours. It also follows firmware which keeps the empty realm and nonce, where the operator allows it.
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
	var n nonceMemory
	at := time.Unix(1000, 0)
	id := func(i byte) (out [nonceBytes]byte) { out[0] = i; return out }
	for i, c := range []struct {
		count int
		want  bool
	}{{3, true}, {3, false}, {1, true}, {1, false}, {2, true}, {70, true}, {70, false}, {3, false}, {7, true}, {6, false}, {200, true}, {199, true}, {136, false}} {
		if got := n.useCount("d", id(1), at, c.count); got != c.want {
			t.Errorf("step %d, count %d: got %t, want %t", i, c.count, got, c.want)
		}
	}
	for i := range byte(3 * maxNonces) {
		n.useCount("d", id(10+i), at.Add(time.Duration(i+1)*time.Second), 1)
	}
	if got := len(n.cams["d"].list); got != maxNonces {
		t.Errorf("%d nonces are remembered, want %d", got, maxNonces)
	}
	for i := range byte(3 * maxNonces) {
		if n.useCount("d", id(10+i), at.Add(time.Duration(i+1)*time.Second), 1) {
			t.Errorf("nonce %d was used twice", i)
		}
	}
	if n.useCount("d", id(1), at, 300) {
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
		now = now.Add(digestRecheck)
		if _, ok := d.findSecret("a", now); ok != want {
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

func FuzzDigestHeader(f *testing.F) {
	s := secretOf("admin", "anpr", short)
	nonce := s.makeNonce("d", time.Unix(1000, 0))
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
