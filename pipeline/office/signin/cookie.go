package signin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// Names of the cookies. The prefix __Host- binds them to this host, to TLS (which browsers take loopback for) and to
// every path.
const (
	cookieSignIn = "__Host-anpr"
	cookieFlow   = "__Host-anpr-flow"
	cookieInvite = "__Host-anpr-invite"
	cookieLeave  = "__Host-anpr-leave"
)

// flowTime is how long a person may take at the provider.
const flowTime = 10 * time.Minute

// transaction is what an office knows of a sign-in under way. It travels in a cookie, so that the callback may reach
// another office; only the browser that began can end it.
type transaction struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Next     string    `json:"to"`
	Lang     string    `json:"l"`
	StepUp   string    `json:"u,omitempty"` // id of the sign-in that is stepped up
	Until    time.Time `json:"e"`
}

func encodeText(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// setFlow hands the transaction to the browser. The cookie is Lax: the provider's redirect comes from another site.
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

// clearFlow takes the transaction from the browser: it serves once.
func clearFlow(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieFlow, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// readFlow reads the transaction of a callback.
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

// setSignIn hands the sign-in to the browser until the browser is closed; how long it is good for is the office's
// matter.
func setSignIn(w http.ResponseWriter, token string) {
	http.SetCookie(w, &http.Cookie{Name: cookieSignIn, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func clearSignIn(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieSignIn, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// signInToken returns the token of the sign-in that a request carries; "" without one. Two are refused by
// [Service.Gate].
func signInToken(r *http.Request) string {
	c, err := r.Cookie(cookieSignIn)
	if err != nil {
		return ""
	}
	return c.Value
}
