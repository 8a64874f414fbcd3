package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"golang.org/x/oauth2"
)

// A sign-in under way belongs to the browser that began the sign-in. Only that browser has the PKCE verifier, in the
// flow cookie; no address contains the verifier. The request at the provider has the challenge. Every step at the
// provider compares verifier and challenge. A copied link is therefore useless in another browser, and no other
// browser gets a code.

// Paths in the OpenID library for the steps of a sign-in.
const (
	pathAuthorize = pathProvider + "/authorize"
	pathReturn    = pathAuthorize + "/callback"
)

// challengeKey is the context key for the PKCE challenge of a browser.
type challengeKey struct{}

// challengeOf returns the PKCE challenge for the flow cookie in a request; "" = the browser has no flow under way.
func (p *provider) challengeOf(r *http.Request) string {
	t, ok := readFlow(r)
	if !ok || !p.service.cfg.Now().Before(t.Until) {
		return ""
	}
	return oauth2.S256ChallengeFromVerifier(t.Verifier)
}

// isSame compares two challenges in constant time. An empty challenge equals nothing.
func isSame(challenge, ofRequest string) bool {
	return challenge != "" && subtle.ConstantTimeCompare([]byte(challenge), []byte(ofRequest)) == 1
}

// bindSteps passes a step of a sign-in to the library only from the browser that began the sign-in. The storage checks
// again, in case a step has an unexpected address.
func (p *provider) bindSteps(standard http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		challenge := p.challengeOf(r)
		if r.URL.Path == pathAuthorize || r.URL.Path == pathReturn {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			if err := r.ParseForm(); err != nil {
				p.refuseStep(w, r)
				return
			}
			asked := r.Form.Get("code_challenge")
			if r.URL.Path == pathReturn {
				asked = ""
				if a, err := p.findRequest(func(a *authRequest) bool { return a.id == r.Form.Get("id") }); err == nil {
					asked = a.CodeChallenge
				}
			}
			if !isSame(challenge, asked) {
				p.refuseStep(w, r)
				return
			}
		}
		standard.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), challengeKey{}, challenge)))
	})
}

// isBound reports whether the browser behind a context began the flow with the given challenge.
func isBound(ctx context.Context, ofRequest string) bool {
	challenge, _ := ctx.Value(challengeKey{}).(string)
	return isSame(challenge, ofRequest)
}

// stepOf returns a request under way, or errUnknown when another browser began the request.
func (p *provider) stepOf(r *http.Request, id string) (*authRequest, error) {
	a, err := p.findRequest(func(a *authRequest) bool { return a.id == id })
	if err == nil && !isSame(p.challengeOf(r), a.CodeChallenge) {
		return nil, errUnknown
	}
	return a, err
}

// refuseStep answers a step when the flow is over or another browser began the flow. The page does not tell the two
// cases apart. The look-up log gets an entry.
func (p *provider) refuseStep(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusBadRequest, "flowGone"
	if p.service.recordFailure(r, "", causeFlow) != nil {
		status, text = http.StatusServiceUnavailable, "storeDown"
	}
	lang := langOf(r)
	if t, ok := readFlow(r); ok && wordsOf[t.Lang].Texts != nil {
		lang = t.Lang
	}
	p.service.showFault(w, lang, status, text)
}

// setInvite gives the browser a cookie with a hash of the opened invitation.
func setInvite(w http.ResponseWriter, invite string) {
	sum := sha256.Sum256([]byte(invite))
	http.SetCookie(w, &http.Cookie{
		Name: cookieInvite, Value: encodeText(sum[:]), Path: "/", MaxAge: int(InviteTime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func clearInvite(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieInvite, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// hasOpened reports whether the browser behind a request has opened an invitation.
func hasOpened(r *http.Request, invite string) bool {
	c, err := r.Cookie(cookieInvite)
	sum := sha256.Sum256([]byte(invite))
	return err == nil && isSame(c.Value, encodeText(sum[:]))
}
