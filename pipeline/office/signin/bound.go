package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"golang.org/x/oauth2"
)

// A sign-in under way belongs to the browser that began it. That browser has the verifier of PKCE in the cookie of the
// flow, and the verifier is in no address. The request at the provider has the challenge. Every step at the provider
// compares the two, so a link of a flow does not serve in another browser, and a flow gives no code to another one.

// paths of the library at which a browser takes a step of a sign-in.
const (
	pathAuthorize = pathProvider + "/authorize"
	pathReturn    = pathAuthorize + "/callback"
)

// challengeKey is the key of the challenge in the context of a request.
type challengeKey struct{}

// challengeOf returns the PKCE challenge that the browser of a request answers to; "" = no flow is under way there.
func (p *provider) challengeOf(r *http.Request) string {
	t, ok := readFlow(r)
	if !ok || !p.service.cfg.Now().Before(t.Until) {
		return ""
	}
	return oauth2.S256ChallengeFromVerifier(t.Verifier)
}

// isSame reports whether a browser answers to the challenge of a request.
func isSame(challenge, ofRequest string) bool {
	return challenge != "" && subtle.ConstantTimeCompare([]byte(challenge), []byte(ofRequest)) == 1
}

// bindSteps lets a step of a sign-in reach the library from the browser that began the sign-in alone. The storage asks
// again, whatever the address of the step looks like.
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

// isBound reports whether the browser behind a context began the flow of a challenge.
func isBound(ctx context.Context, ofRequest string) bool {
	challenge, _ := ctx.Value(challengeKey{}).(string)
	return isSame(challenge, ofRequest)
}

// stepOf returns the request that a browser is at, when that browser began it.
func (p *provider) stepOf(r *http.Request, id string) (*authRequest, error) {
	a, err := p.findRequest(func(a *authRequest) bool { return a.id == id })
	if err == nil && !isSame(p.challengeOf(r), a.CodeChallenge) {
		return nil, errUnknown
	}
	return a, err
}

// refuseStep answers a step of a flow that is over or that another browser began: one plain page, and an entry. Which
// of the two it is, the page does not tell.
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

// setInvite notes in a browser which invitation it has opened. The cookie shows nothing but a hash.
func setInvite(w http.ResponseWriter, invite string) {
	sum := sha256.Sum256([]byte(invite))
	http.SetCookie(w, &http.Cookie{
		Name: cookieInvite, Value: encodeText(sum[:]), Path: "/", MaxAge: int(InviteTime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func clearInvite(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieInvite, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// hasOpened reports whether the browser of a request has opened an invitation.
func hasOpened(r *http.Request, invite string) bool {
	c, err := r.Cookie(cookieInvite)
	sum := sha256.Sum256([]byte(invite))
	return err == nil && isSame(c.Value, encodeText(sum[:]))
}
