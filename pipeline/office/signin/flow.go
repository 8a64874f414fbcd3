package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Causes of a failed sign-in, for the log. The person sees the same page for most causes.
const (
	causeFlow     = "no_flow"     // no transaction, or another browser's
	causeState    = "state"       // forged, or from another transaction
	causeLate     = "too_late"    // the transaction is older than ten minutes
	causeProvider = "refused"     // the provider refused
	causeIssuer   = "issuer"      // the answer names another issuer
	causeCode     = "code"        // expired, used before or forged
	causeToken    = "id_token"    //nolint:gosec // a cause, no credential
	causeNonce    = "nonce"       // the token belongs to another sign-in
	causeStale    = "not_fresh"   // a step-up without a fresh authentication
	causeOther    = "other_user"  // a step-up by another person
	causeNoUser   = "no_role"     // no entry in users.yaml, or no entry valid now
	causePassword = "password"    //nolint:gosec // a cause, no credential
	causeLocked   = "locked"      // too many wrong passwords
	causeInvite   = "invite"      // the link is unknown, used or too old
	causeNoStore  = "unavailable" // the database took no write
)

// refused is the error for a failed sign-in with a cause to log.
type refused struct{ cause, user string }

// Error names the cause.
func (r *refused) Error() string { return "sign-in refused: " + r.cause }

// beginSignIn redirects a browser to the provider.
func (s *Service) beginSignIn(w http.ResponseWriter, r *http.Request) { s.beginFlow(w, r, "") }

// beginStepUp redirects a signed-in person to the provider for a fresh authentication.
func (s *Service) beginStepUp(w http.ResponseWriter, r *http.Request) {
	who, err := s.Authenticate(r.Context(), r)
	switch {
	case errors.Is(err, ErrUnavailable):
		s.showFault(w, langOf(r), http.StatusServiceUnavailable, "storeDown")
	case err != nil:
		// A link on another site does not send the Strict cookie. A new sign-in is as fresh as a step-up.
		s.beginFlow(w, r, "")
	default:
		s.beginFlow(w, r, who.SignIn)
	}
}

func (s *Service) beginFlow(w http.ResponseWriter, r *http.Request, stepUp string) {
	lang := langOf(r)
	if r.Host != s.origin.Host {
		// The flow must begin at the public address, where the flow ends: a cookie from another host would be missing.
		http.Redirect(w, r, s.origin.String()+r.URL.RequestURI(), http.StatusFound)
		return
	}
	f, err := s.reachProvider(r.Context())
	if err != nil {
		s.cfg.Logger.Error().Err(err).Msg("the provider of sign-ins is not reached")
		s.showFault(w, lang, http.StatusServiceUnavailable, "providerDown")
		return
	}
	t := transaction{
		State: randomText(32), Nonce: randomText(32), Verifier: oauth2.GenerateVerifier(), Next: s.safeNext(r.URL.Query().Get("next")), Lang: lang,
		StepUp: stepUp, Until: s.cfg.Now().Add(flowTime),
	}
	if err := setFlow(w, t); err != nil {
		s.showFault(w, lang, http.StatusInternalServerError, "failed")
		return
	}
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(t.Verifier), oidc.Nonce(t.Nonce), oauth2.SetAuthURLParam("ui_locales", lang),
		oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(StepUpTime.Seconds()))),
	}
	if stepUp != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	http.Redirect(w, r, f.oauth.AuthCodeURL(t.State, options...), http.StatusFound)
}

// safeNext returns next if next is the address of a screen, else "/".
func (s *Service) safeNext(next string) string {
	if s.cfg.IsPath(next) {
		return next
	}
	return "/"
}

// finishSignIn handles the provider's redirect. The answer is a page that moves on without a redirect: after a
// redirect from another site, the browser would not send the new Strict cookie.
func (s *Service) finishSignIn(w http.ResponseWriter, r *http.Request) {
	t, found := readFlow(r)
	lang := t.Lang
	if _, ok := wordsOf[lang]; !ok {
		lang = langOf(r)
	}
	if isOf(t, r.URL.Query()) {
		clearFlow(w) // an answer with a foreign state must not end a sign-in under way
	}
	err := s.completeSignIn(r.Context(), w, r, t, found)
	var no *refused
	switch {
	case err == nil:
		s.showNext(w, lang, s.safeNext(t.Next))
	case errors.As(err, &no):
		status, text := http.StatusUnauthorized, "failed"
		if no.cause == causeNoUser {
			status, text = http.StatusForbidden, "noRole"
		}
		if logged := s.recordFailure(r, no.user, no.cause); logged != nil {
			status, text = http.StatusServiceUnavailable, "storeDown"
		}
		s.showFault(w, lang, status, text)
	default:
		s.cfg.Logger.Error().Err(err).Msg("nobody signs in: the sign-in cannot be written")
		s.showFault(w, lang, http.StatusServiceUnavailable, "storeDown")
	}
}

// completeSignIn checks the callback, then begins a sign-in or steps one up. A refusal is an error of type *refused.
func (s *Service) completeSignIn(ctx context.Context, w http.ResponseWriter, r *http.Request, t transaction, found bool) error {
	token, raw, err := s.redeemCode(ctx, r.URL.Query(), t, found)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	authenticated, err := authTime(token, now, t.StepUp != "")
	if err != nil {
		return err
	}
	user, ok := s.findUser(token.Issuer, token.Subject)
	if !ok || !mayBeHere(user, now) {
		return &refused{cause: causeNoUser}
	}
	cookie := randomText(32)
	b := &begun{
		token: sha256.Sum256([]byte(cookie)), user: user.Name, issuer: token.Issuer, subject: token.Subject, address: addressOf(r),
		fingerprint: fingerprint(user), authenticatedAt: authenticated,
	}
	if s.own == nil { // the office's own provider has no session to end
		b.hint = raw
	}
	if t.StepUp != "" {
		err = s.cfg.Store.stepUp(ctx, t.StepUp, b, now)
		if errors.Is(err, ErrEnded) {
			return &refused{cause: causeOther, user: user.Name}
		}
		if err == nil {
			_, err = s.cfg.Record(ctx, IdentityEvent{Kind: EventStepUp, User: user.Name, SignIn: t.StepUp, Address: b.address})
		}
	} else {
		err = s.beginFor(ctx, r, b, now)
	}
	if err != nil {
		return err
	}
	setSignIn(w, cookie)
	return nil
}

// beginFor stores a sign-in and logs the event. If the log fails, nobody receives the cookie.
func (s *Service) beginFor(ctx context.Context, r *http.Request, b *begun, now time.Time) error {
	if old := signInToken(r); old != "" {
		if err := s.cfg.Store.endToken(ctx, sha256.Sum256([]byte(old)), endNew, now); err != nil {
			return err
		}
	}
	id, err := s.cfg.Store.insertSignIn(ctx, b, now)
	if err != nil {
		return err
	}
	seq, err := s.cfg.Record(ctx, IdentityEvent{Kind: EventSignIn, User: b.user, SignIn: id, Address: b.address})
	if err != nil {
		return err
	}
	return s.cfg.Store.noteEntry(ctx, id, seq)
}

// isOf reports whether the provider's answer belongs to a transaction.
func isOf(t transaction, q url.Values) bool {
	return t.State != "" && subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(t.State)) == 1
}

// redeemCode exchanges the code in the provider's answer for the id token, parsed and raw. An invalid answer gives an
// error of type *refused.
func (s *Service) redeemCode(ctx context.Context, q url.Values, t transaction, found bool) (token *oidc.IDToken, raw string, err error) {
	switch {
	case !found:
		return nil, "", &refused{cause: causeFlow}
	case !isOf(t, q):
		return nil, "", &refused{cause: causeState}
	case !s.cfg.Now().Before(t.Until):
		return nil, "", &refused{cause: causeLate}
	case q.Get("iss") != "" && q.Get("iss") != s.issuer: // RFC 9207
		return nil, "", &refused{cause: causeIssuer}
	case q.Get("error") != "" || q.Get("code") == "":
		return nil, "", &refused{cause: causeProvider}
	}
	f, err := s.reachProvider(ctx)
	if err != nil {
		return nil, "", err
	}
	ctx = oidc.ClientContext(ctx, s.client)
	got, err := f.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(t.Verifier))
	if err != nil {
		if said := (*oauth2.RetrieveError)(nil); errors.As(err, &said) && said.Response.StatusCode < http.StatusInternalServerError {
			return nil, "", &refused{cause: causeCode}
		}
		return nil, "", err
	}
	raw, _ = got.Extra("id_token").(string)
	token, err = f.verifier.Verify(ctx, raw)
	if err != nil {
		s.cfg.Logger.Warn().Err(err).Msg("token of the provider not taken")
		return nil, "", &refused{cause: causeToken}
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(t.Nonce)) != 1 {
		return nil, "", &refused{cause: causeNonce}
	}
	return token, raw, nil
}

// authTime returns when the provider authenticated the person. A step-up requires auth_time in the token, at most
// StepUpTime ago.
func authTime(token *oidc.IDToken, now time.Time, stepUp bool) (time.Time, error) {
	var claims struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := token.Claims(&claims); err != nil {
		return now, &refused{cause: causeToken}
	}
	at := time.Unix(claims.AuthTime, 0)
	if claims.AuthTime == 0 {
		if stepUp {
			return now, &refused{cause: causeStale}
		}
		// Without auth_time, the authentication may be old: the sign-in counts as not fresh.
		return now.Add(-StepUpTime - time.Second), nil
	}
	if at.After(now) {
		at = now // a provider clock that runs ahead gives no credit
	}
	if stepUp && now.Sub(at) > StepUpTime {
		return now, &refused{cause: causeStale}
	}
	return at, nil
}

// showSite tells the public facts about the office.
func (s *Service) showSite(w http.ResponseWriter, _ *http.Request) {
	out := map[string]any{"sign_in": "oidc", "made_up": s.cfg.MadeUp}
	if s.cfg.Contact != "" {
		out["contact"] = s.cfg.Contact
	}
	writeJSON(w, out)
}

// showMe tells the signed-in person's name, role and zones, and when the sign-in ends. The API tells the rights.
func (s *Service) showMe(w http.ResponseWriter, r *http.Request) {
	who, err := s.Authenticate(r.Context(), r)
	switch {
	case errors.Is(err, ErrNoCookie):
		writeProblem(w, http.StatusUnauthorized, "not_signed_in", "nobody is signed in")
	case errors.Is(err, ErrEnded):
		writeProblem(w, http.StatusUnauthorized, "sign_in_expired", "the sign-in has ended")
	case err != nil:
		id := writeProblem(w, http.StatusServiceUnavailable, "store_unavailable", "sign-ins cannot be read now; try again")
		s.cfg.Logger.Error().Err(err).Str("request_id", id).Msg("sign-ins cannot be read")
	default:
		out := map[string]any{"name": who.User.Name, "role": who.User.Role, "sign_in_ends": who.EndsAt.UTC(), "idle_ends": who.IdleEndsAt.UTC(), "fresh": who.Fresh(s.cfg.Now())}
		if who.Entry > 0 {
			out["log_seq"] = who.Entry
		}
		if len(who.User.Zones) > 0 {
			out["zones"] = who.User.Zones
		}
		writeJSON(w, out)
	}
}
