package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// scheme names the way a sender authenticates. The set is closed: schemes are metric labels.
type scheme string

// The schemes. The abilities of a device decide which scheme is open to it.
const (
	schemeNone    scheme = "none"
	schemeBearer  scheme = "bearer"
	schemeToken   scheme = "token" // Authorization: Token x
	schemeBasic   scheme = "basic"
	schemeDigest  scheme = "digest"
	schemeHeader  scheme = "header"  // a header named by the registry, see schemas.Access
	schemeSubject scheme = "subject" // a client certificate, verified by a trusted proxy
	schemeAddress scheme = "address" // an address listed for the camera
	schemeOther   scheme = "other"
)

func allSchemes() []scheme {
	return []scheme{
		schemeNone, schemeBearer, schemeToken, schemeBasic, schemeDigest, schemeHeader, schemeSubject,
		schemeAddress, schemeOther,
	}
}

// realm is the protection space named by Basic and Digest.
const realm = "anpr"

// refusal is why a sender is not a camera.
type refusal struct {
	rej    *schemas.RejectError
	scheme scheme
	round  bool // half of an ordinary challenge and response: no failure, nothing to keep
	stale  bool // a correct Digest answer to an expired nonce
}

// authenticateSender finds the camera and checks the sender; one proof is enough. Only headers are read. Comparisons
// take the same time wherever secrets differ.
func (g *Gateway) authenticateSender(u *upload) *refusal {
	var rej *schemas.RejectError
	if u.peer, rej = g.identifyPeer(u.r); rej != nil {
		return &refusal{rej: rej, scheme: schemeSubject}
	}
	if n := len(u.r.Header.Values("Authorization")); n > 1 {
		return &refusal{rej: schemas.Rejectf(schemas.ReasonMalformed, "Authorization",
			"is there %d times; send it once", n), scheme: schemeOther}
	}
	cam, ok := g.cfg.Registry().Camera(u.cameraID)
	if !ok {
		return &refusal{rej: schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id",
			"not in the camera registry; register the camera or correct the address"), scheme: schemeNone}
	}
	u.addressed = cam
	by, bad := g.checkProof(u, cam)
	if bad != nil && admittedBy(cam, u.peer) == "" {
		return bad
	}
	if bad != nil {
		by = admittedBy(cam, u.peer)
	}
	g.strangers.recordSuccess(failingSender{u.peer.failureKey(), u.camera})
	g.cfg.Metrics.Authenticated.WithLabelValues(string(by)).Inc()
	u.cam = cam
	return nil
}

// admittedBy returns the scheme by which the connection alone proves the camera, or "".
func admittedBy(cam *schemas.Camera, p peer) scheme {
	a := cam.Accepts()
	if a.Subject != "" && a.Subject == p.subject {
		return schemeSubject
	}
	for _, r := range a.Addresses {
		if p.addr.IsValid() && r.Contains(p.addr) {
			return schemeAddress
		}
	}
	return ""
}

// checkProof checks the proof in the sender's headers.
func (g *Gateway) checkProof(u *upload, cam *schemas.Camera) (scheme, *refusal) {
	a := cam.Accepts()
	if name := a.AuthHeader; name != "" {
		values := append(slices.Clone(u.r.Header.Values(name)), dashedHeaderValues(u.r.Header, name)...)
		if len(values) > 1 {
			return "", &refusal{rej: schemas.Rejectf(schemas.ReasonMalformed, name,
				"is there %d times; send it once", len(values)), scheme: schemeHeader}
		}
		if len(values) == 1 {
			if isToken(cam, values[0]) {
				return schemeHeader, nil
			}
			return "", refuseProof(schemeHeader, name, "wrong token")
		}
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(u.r.Header.Get("Authorization")), " ")
	by := scheme(strings.ToLower(word))
	switch string(by) {
	case "":
		_, digest := g.cfg.Digest.findSecret(cam.ID, g.cfg.Now())
		bad := refuseProof(schemeNone, "Authorization",
			"missing; send Authorization: Bearer with the camera's token, or what the device can send instead")
		bad.round = digest
		return "", bad
	case string(schemeBearer), string(schemeToken):
		if isToken(cam, rest) {
			return by, nil
		}
		return "", refuseProof(by, "Authorization", "wrong token")
	case string(schemeBasic):
		// The token is the password. A token longer than a device's password field spans user name and password.
		name, password, ok := u.r.BasicAuth()
		if ok && (isToken(cam, password) || isToken(cam, name+password)) {
			return by, nil
		}
		return "", refuseProof(by, "Authorization",
			"wrong token; it is the password, or user name and password put together")
	case string(schemeDigest):
		bad := g.checkDigest(u.r, cam.ID)
		return by, bad
	}
	return "", refuseProof(schemeOther, "Authorization", "an unknown scheme; send Bearer, Basic, Digest or Token")
}

// dashedHeaderValues returns the values of a header under its name with - for _. Devices write either form, and
// proxies change one into the other.
func dashedHeaderValues(h http.Header, name string) []string {
	if dashed := strings.ReplaceAll(name, "_", "-"); dashed != name {
		return h.Values(dashed)
	}
	return nil
}

func refuseProof(by scheme, field, detail string) *refusal {
	return &refusal{rej: schemas.Rejectf(schemas.ReasonUnauthorised, field, "%s", detail), scheme: by}
}

// isToken compares a text with the camera's token.
func isToken(cam *schemas.Camera, text string) bool {
	text = strings.TrimSpace(text)
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(sum[:], cam.TokenSum[:]) == 1 && text != ""
}

// addChallenges tells an unauthenticated sender the accepted schemes. Digest is offered only where the gateway can
// check it: a client takes Digest first and would otherwise never get in. Each offer has a line to itself, because
// devices parse no lists.
func (g *Gateway) addChallenges(u *upload, f *refusal) {
	if f.rej.Reason != schemas.ReasonUnauthorised || u.addressed == nil {
		return
	}
	h := u.w.Header()
	now := g.cfg.Now()
	if s, ok := g.cfg.Digest.findSecret(u.addressed.ID, now); ok {
		for _, offer := range s.makeChallenges(u.addressed.ID, now, f.stale) {
			h.Add("WWW-Authenticate", offer)
		}
	}
	h.Add("WWW-Authenticate", `Basic realm="`+realm+`"`)
	h.Add("WWW-Authenticate", `Bearer realm="`+realm+`"`)
}
