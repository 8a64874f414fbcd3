package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"
)

// Digest (RFC 7616) serves devices without another scheme. A nonce needs no memory: time and random bytes carry a MAC
// under a key derived from the camera's secret. Every gateway with the same file accepts it. A nonce lives for
// nonceLife, and a gateway accepts each count once.
const (
	nonceLife     = 2 * time.Minute
	nonceAhead    = time.Minute // tolerance for a gateway whose clock is ahead
	nonceBytes    = 16          // time and random
	nonceMACBytes = 16
	maxNonces     = 8  // remembered for a camera; an older nonce is stale
	countWindow   = 64 // counts may arrive this far out of order
)

// digestSecret is the basis of a camera's Digest answers: H(user:realm:token).
type digestSecret struct {
	user, realm string
	md5, sha256 string // lower-case hexadecimal; "" = the device cannot
}

func (s digestSecret) nonceKey() []byte {
	sum := sha256.Sum256([]byte("anpr digest nonce\n" + s.md5 + "\n" + s.sha256))
	return sum[:]
}

// secretFor returns the secret for an algorithm as named by a device.
func (s digestSecret) secretFor(algorithm string) string {
	switch strings.ToUpper(algorithm) {
	case "", "MD5":
		return s.md5
	case "SHA-256":
		return s.sha256
	}
	return ""
}

// makeChallenges returns the challenges for a camera. MD5 comes first: devices that read only one challenge know
// nothing else, and TLS carries both.
func (s digestSecret) makeChallenges(camera string, now time.Time, stale bool) (out []string) {
	c := digest.Challenge{Realm: s.realm, Nonce: s.makeNonce(camera, now), Stale: stale, QOP: []string{"auth"}}
	if s.md5 != "" {
		c.Algorithm = "MD5"
		out = append(out, c.String())
	}
	if s.sha256 != "" {
		c.Algorithm = "SHA-256"
		out = append(out, c.String())
	}
	return out
}

func (s digestSecret) makeNonce(camera string, now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))
	b = append(b, make([]byte, 8)...)
	_, _ = rand.Read(b[8:nonceBytes]) // never fails
	return hex.EncodeToString(append(b, s.signNonce(camera, b)...))
}

func (s digestSecret) signNonce(camera string, b []byte) []byte {
	m := hmac.New(sha256.New, s.nonceKey())
	m.Write(b)
	m.Write([]byte(camera))
	return m.Sum(nil)[:nonceMACBytes]
}

// verifyNonce returns identity and time of a nonce, if a gateway with this secret made it for the camera.
func (s digestSecret) verifyNonce(camera, nonce string) (id [nonceBytes]byte, at time.Time, ok bool) {
	b, err := hex.DecodeString(nonce)
	if err != nil || len(b) != nonceBytes+nonceMACBytes ||
		!hmac.Equal(b[nonceBytes:], s.signNonce(camera, b[:nonceBytes])) {
		return id, at, false
	}
	copy(id[:], b)
	return id, time.UnixMilli(int64(binary.BigEndian.Uint64(b))), true
}

// checkDigest checks the answer to a challenge; nil means success.
//
// Dahua and Intelbras begin with an empty nonce, mostly with an empty realm too, and wait for a challenge. Firmware
// that never answers one is accepted when the secret was made with an empty realm. Its answer is then no better than
// Basic.
func (g *Gateway) checkDigest(r *http.Request, camera string) *refusal {
	now := g.cfg.Now()
	s, ok := g.cfg.Digest.findSecret(camera, now)
	if !ok {
		return refuseProof(schemeDigest, "Authorization",
			"this camera has no Digest secret; send Basic or Bearer, or add the camera to the file of Digest secrets")
	}
	c, err := digest.ParseCredentials(r.Header.Get("Authorization"))
	if err != nil {
		return refuseProof(schemeDigest, "Authorization", "not readable as Digest; send what RFC 7616 says")
	}
	if c.Nonce == "" && s.realm != "" {
		bad := refuseProof(schemeDigest, "Authorization", "Digest without a nonce; answer the challenge")
		bad.round = true
		return bad
	}
	if !s.matchesAnswer(r, c) {
		return refuseProof(schemeDigest, "Authorization", "wrong Digest; check user name, realm and token")
	}
	if c.Nonce == "" {
		return nil
	}
	id, at, ok := s.verifyNonce(camera, c.Nonce)
	age := now.Sub(at)
	if ok && age <= nonceLife && age >= -nonceAhead && g.nonces.useCount(camera, id, at, nonceCount(c)) {
		return nil
	}
	bad := refuseProof(schemeDigest, "Authorization", "the nonce is too old or was used; answer the new challenge")
	bad.round, bad.stale = true, true
	return bad
}

// matchesAnswer reports whether the credentials answer this request under the secret.
func (s digestSecret) matchesAnswer(r *http.Request, c *digest.Credentials) bool {
	ha1 := s.secretFor(c.Algorithm)
	if ha1 == "" || c.Username != s.user || c.Realm != s.realm || !sameTarget(r, c.URI) || c.Userhash {
		return false
	}
	challenge := digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm}
	switch c.QOP {
	case "auth":
		if c.Nc <= 0 || c.Cnonce == "" {
			return false
		}
		challenge.QOP = []string{"auth"}
	case "": // RFC 2069
	default:
		return false
	}
	want, err := digest.Digest(&challenge, digest.Options{
		Method: r.Method, URI: c.URI, Count: c.Nc,
		Username: c.Username, A1: ha1, Cnonce: c.Cnonce,
	})
	return err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(strings.ToLower(c.Response))) == 1
}

// nonceCount returns the count in the answer; a nonce without counts serves once.
func nonceCount(c *digest.Credentials) int {
	if c.QOP == "" {
		return 1
	}
	return c.Nc
}

// sameTarget reports whether the answer names the address requested, as a path or in full.
func sameTarget(r *http.Request, uri string) bool {
	if uri == r.RequestURI {
		return true
	}
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && u.RequestURI() == r.URL.RequestURI()
}

// nonceMemory remembers the used counts of nonces. Only holders of a camera's secret add to it. Safe for concurrent
// use.
type nonceMemory struct {
	begun time.Time // nonces issued earlier are stale: their used counts are forgotten

	mu   sync.Mutex // guards the fields below
	cams map[string]*cameraNonces
}

// cameraNonces are the newest nonces for a camera; a nonce issued up to floor is stale.
type cameraNonces struct {
	floor time.Time
	list  []usedNonce
}

type usedNonce struct {
	id   [nonceBytes]byte
	at   time.Time
	top  int    // highest count
	bits uint64 // bit i: top-i was used
}

// useCount uses a count of a nonce, and reports false for a used or outdated count.
func (n *nonceMemory) useCount(camera string, id [nonceBytes]byte, at time.Time, count int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cams == nil {
		n.cams = map[string]*cameraNonces{}
	}
	c := n.cams[camera]
	if c == nil {
		c = &cameraNonces{floor: n.begun.Add(-time.Millisecond)} // resolution of the time in a nonce
		n.cams[camera] = c
	}
	for i := range c.list {
		if c.list[i].id == id {
			return c.list[i].useCount(count)
		}
	}
	if !at.After(c.floor) {
		return false
	}
	if len(c.list) == maxNonces {
		oldest := 0
		for i := range c.list {
			if c.list[i].at.Before(c.list[oldest].at) {
				oldest = i
			}
		}
		if at.Before(c.list[oldest].at) {
			return false
		}
		c.floor = c.list[oldest].at
		c.list = append(c.list[:oldest], c.list[oldest+1:]...)
	}
	c.list = append(c.list, usedNonce{id: id, at: at, top: count, bits: 1})
	return true
}

func (u *usedNonce) useCount(count int) bool {
	switch behind := u.top - count; {
	case behind < 0:
		if -behind >= countWindow {
			u.bits = 0
		} else {
			u.bits <<= -behind
		}
		u.top, u.bits = count, u.bits|1
		return true
	case behind >= countWindow || u.bits&(1<<behind) != 0:
		return false
	default:
		u.bits |= 1 << behind
		return true
	}
}
