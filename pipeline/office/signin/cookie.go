package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// Names of the cookies. Browsers accept the prefix __Host- only with TLS or on loopback, for one host and for every
// path.
const (
	cookieSignIn = "__Host-anpr"
	cookieFlow   = "__Host-anpr-flow"
	cookieInvite = "__Host-anpr-invite"
	cookieLeave  = "__Host-anpr-leave"
)

// flowTime bounds the time for signing in at the provider.
const flowTime = 10 * time.Minute

// transaction describes a sign-in under way. The browser keeps the transaction in a cookie, so any office can serve
// the callback, and only the browser that began can finish.
type transaction struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Next     string    `json:"to"`
	Lang     string    `json:"l"`
	StepUp   string    `json:"u,omitempty"` // id of the sign-in to step up; "" = a new sign-in
	Until    time.Time `json:"e"`
}

func encodeText(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// setFlow sends the transaction as a cookie. The cookie is Lax because the provider redirects from another site.
func setFlow(w http.ResponseWriter, t transaction) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieFlow, Value: encodeText(b), Path: "/", MaxAge: int(flowTime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// clearFlow deletes the cookie with the transaction, which serves once.
func clearFlow(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieFlow, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// readFlow reads the transaction from the cookie. ok is false without a complete transaction.
func readFlow(r *http.Request) (t transaction, ok bool) {
	c, err := r.Cookie(cookieFlow)
	if err != nil {
		return t, false
	}
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(b, &t) != nil {
		return transaction{}, false
	}
	return t, t.State != "" && t.Nonce != "" && t.Verifier != ""
}

// setSignIn sends the cookie for a sign-in. The browser keeps the cookie until the browser closes; the database
// decides how long the sign-in lasts.
func setSignIn(w http.ResponseWriter, token string) {
	http.SetCookie(w, &http.Cookie{Name: cookieSignIn, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func clearSignIn(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieSignIn, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// signInToken returns the token in the sign-in cookie; "" without a cookie. [Service.Gate] refuses requests with two.
func signInToken(r *http.Request) string {
	c, err := r.Cookie(cookieSignIn)
	if err != nil {
		return ""
	}
	return c.Value
}
