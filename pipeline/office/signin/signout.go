package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// pathSignedOut is the return address after a provider elsewhere has ended the session.
const pathSignedOut = "/auth/signed-out"

// atProvider tells the page about the session that remains at a provider elsewhere.
type atProvider struct {
	Name string `json:"name"`           // host of the provider
	Next string `json:"next,omitempty"` // address to end the session; "" = the session stays
}

// signOut ends every sign-in of the person, in all browsers and offices. With a provider elsewhere, the answer also
// names the address to end the session there, or says that the session stays.
func (s *Service) signOut(w http.ResponseWriter, r *http.Request) {
	who, err := s.Authenticate(r.Context(), r)
	if errors.Is(err, ErrNoCookie) {
		writeJSON(w, map[string]any{})
		return
	}
	ended := errors.Is(err, ErrEnded)
	hint := ""
	if err == nil || ended {
		hint, err = s.cfg.Store.findHint(r.Context(), sha256.Sum256([]byte(signInToken(r))))
	}
	out := map[string]any{}
	if err == nil && !ended {
		out["log_seq"], err = s.endSignIns(r, who)
	}
	if err != nil {
		id := writeProblem(w, http.StatusServiceUnavailable, "store_unavailable", "the sign-out could not be written; try again")
		s.cfg.Logger.Error().Err(err).Str("request_id", id).Msg("sign-out not written")
		return
	}
	clearSignIn(w)
	if s.own == nil {
		out["provider"] = s.leaveProvider(w, r, hint)
	}
	writeJSON(w, out)
}

// endSignIns ends a person's sign-ins and returns the number of the log entry.
func (s *Service) endSignIns(r *http.Request, who Person) (seq uint64, err error) {
	if err := s.cfg.Store.endUser(r.Context(), who.User.Name, endSignOut, s.cfg.Now()); err != nil {
		return 0, err
	}
	return s.cfg.Record(r.Context(), IdentityEvent{Kind: EventSignOut, User: who.User.Name, SignIn: who.SignIn, Address: addressOf(r)})
}

// leaveProvider returns the address at which the browser ends the session at the provider. The browser keeps a random
// state in a cookie, so a foreign link cannot make the office claim that a person is signed out.
func (s *Service) leaveProvider(w http.ResponseWriter, r *http.Request, hint string) atProvider {
	out := atProvider{Name: s.issuer}
	if u, err := url.Parse(s.issuer); err == nil {
		out.Name = u.Host
	}
	end := s.findEndSession(r.Context())
	if end == nil {
		return out
	}
	lang, state := langOf(r), randomText(32)
	http.SetCookie(w, &http.Cookie{
		Name: cookieLeave, Value: lang + "." + state, Path: "/", MaxAge: int(flowTime.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	next, q := *end, end.Query()
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	q.Set("client_id", s.cfg.ClientID)
	q.Set("post_logout_redirect_uri", s.origin.String()+pathSignedOut)
	q.Set("state", state)
	q.Set("ui_locales", lang)
	next.RawQuery = q.Encode()
	out.Next = next.String()
	return out
}

// findEndSession returns the provider's address for ending sessions; nil without such an address or without an answer.
func (s *Service) findEndSession(ctx context.Context) *url.URL {
	f, err := s.reachProvider(ctx)
	if err != nil {
		s.cfg.Logger.Warn().Err(err).Msg("signed out here; the provider of sign-ins is not reached, and its session stays")
		return nil
	}
	return f.endSession
}

// readEndSession parses the address for ending sessions from the provider's description. Plain http would expose the
// token, so such an address counts only on loopback; nil = no usable address.
func (s *Service) readEndSession(named string) *url.URL {
	if named == "" {
		return nil
	}
	u, err := url.Parse(named)
	if err != nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || !isLoopbackName(u.Hostname()))) {
		s.cfg.Logger.Warn().Msg("end_session_endpoint of the provider is no https address: a sign-out does not end the session there")
		return nil
	}
	u.Fragment = ""
	return u
}

// showSignedOut confirms that both sign-ins have ended. Only a browser that returns with the right state sees the
// page; others go to the first page.
func (s *Service) showSignedOut(w http.ResponseWriter, r *http.Request) {
	lang, state := langOf(r), ""
	if c, err := r.Cookie(cookieLeave); err == nil {
		named, rest, _ := strings.Cut(c.Value, ".")
		if _, ok := wordsOf[named]; ok {
			lang, state = named, rest
		}
	}
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(r.URL.Query().Get("state"))) != 1 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieLeave, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	s.showPage(w, http.StatusOK, "signedout.html", s.newView(lang))
}
