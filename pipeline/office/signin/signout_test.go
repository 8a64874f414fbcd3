package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// signedOut is the answer to a sign-out.
type signedOut struct {
	LogSeq   uint64      `json:"log_seq"`
	Provider *atProvider `json:"provider"`
}

func (b *browser) signOut(lang string) (out signedOut) {
	b.s.t.Helper()
	got := b.do("POST", "/auth/sign-out", nil, "Accept-Language", lang)
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.status != http.StatusOK {
		b.s.t.Fatalf("status %d: %s: %v", got.status, got.body, err)
	}
	return out
}

// signInElsewhere signs officer1 in at a provider elsewhere, as the user inspecteur-x.
func (b *browser) signInElsewhere(issuing *site) {
	b.s.t.Helper()
	b.s.reload("users:\n  - {name: inspecteur-x, role: zone_officer, zones: [\"5339\"], subject: \"" + b.s.service.issuer + "|officer1\"}\n")
	to, err := url.Parse(b.do("GET", "/auth/sign-in", nil).header.Get("Location"))
	if err != nil {
		b.s.t.Fatal(err)
	}
	if got := b.do("GET", b.atIssuer(issuing, to.RequestURI(), "officer1"), nil); got.status != http.StatusOK || b.is() != "inspecteur-x true" {
		b.s.t.Fatalf("status %d, the API takes the browser for %q", got.status, b.is())
	}
}

func TestASignOutEndsTheSessionAtAProviderElsewhere(t *testing.T) {
	t.Parallel()
	s, issuing := newSiteElsewhere(t, func(said map[string]any) {
		said["end_session_endpoint"] = "https://login.example/end?tenant=brussels#x"
	})
	b := s.browser()
	b.signInElsewhere(issuing)
	var hint string
	if err := s.service.cfg.Store.pool.QueryRow(t.Context(), "SELECT id_token_hint FROM sign_ins WHERE ended_at IS NULL").Scan(&hint); err != nil || strings.Count(hint, ".") != 2 {
		t.Fatalf("hint %q, %v", hint, err)
	}
	out := b.signOut("fr-BE")
	if b.is() != "" || out.LogSeq == 0 || out.Provider == nil || out.Provider.Name != s.service.origin.Host {
		t.Fatalf("%+v, and the API takes the browser for %q", out, b.is())
	}
	at, err := url.Parse(out.Provider.Next)
	if err != nil || at.Scheme+"://"+at.Host+at.Path != "https://login.example/end" || at.Fragment != "" {
		t.Fatalf("leads to %s, %v", out.Provider.Next, err)
	}
	q := at.Query()
	state := q.Get("state")
	for name, want := range map[string]string{
		"tenant": "brussels", "id_token_hint": hint, "client_id": "anpr-office", "post_logout_redirect_uri": s.server.URL + "/auth/signed-out", "ui_locales": "fr",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if err := s.service.cfg.Store.pool.QueryRow(t.Context(), "SELECT max(id_token_hint) FROM sign_ins").Scan(&hint); err != nil || hint != "" {
		t.Errorf("the token of the provider stays after the sign-out: %v", err)
	}
	// The provider sends the browser back from another site, with the state. The state is valid once, in this browser
	// only.
	back := func(b *browser, state string) reply {
		return b.do("GET", pathSignedOut+"?state="+url.QueryEscape(state), nil, "Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site")
	}
	for name, got := range map[string]reply{"another browser": back(s.browser(), state), "a state of somebody else": back(b, "forged"), "no state": back(b, "")} {
		if got.status != http.StatusSeeOther || got.header.Get("Location") != "/" {
			t.Errorf("%s: status %d, to %q", name, got.status, got.header.Get("Location"))
		}
	}
	if got := back(b, state); got.status != http.StatusOK || !strings.Contains(got.body, wordsOf["fr"].Texts["signedOutText"]) {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := back(b, state); got.status != http.StatusSeeOther {
		t.Errorf("a second time: status %d", got.status)
	}
}

func TestASignOutSaysWhatStaysAtTheProvider(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]any{
		"no endpoint": nil, "in clear": "http://login.example/end", "a script": "javascript:alert(1)", "no host": "https:///end", "no address": "https://%zz", "not absolute": "/end",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, issuing := newSiteElsewhere(t, func(said map[string]any) {
				delete(said, "end_session_endpoint")
				if endpoint != nil {
					said["end_session_endpoint"] = endpoint
				}
			})
			b := s.browser()
			b.signInElsewhere(issuing)
			if out := b.signOut("nl"); b.is() != "" || out.Provider == nil || out.Provider.Next != "" || out.Provider.Name == "" {
				t.Errorf("%+v, and the API takes the browser for %q", out, b.is())
			}
		})
	}
}

func TestASignInThatIsOverLeavesTheProviderToo(t *testing.T) {
	t.Parallel()
	s, issuing := newSiteElsewhere(t, nil)
	b := s.browser()
	b.signInElsewhere(issuing)
	s.clock.pass(IdleTime)
	if out := b.signOut("en"); out.LogSeq != 0 || out.Provider == nil || !strings.Contains(out.Provider.Next, "id_token_hint=") {
		t.Errorf("%+v", out)
	}
	if out := b.signOut("en"); out.Provider != nil { // nobody any more
		t.Errorf("%+v", out.Provider)
	}
}

func TestTheOfficesOwnProviderHasNoSessionToEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, nil)
	b := s.browser()
	b.signIn("officer1")
	if out := b.signOut("en"); out.LogSeq == 0 || out.Provider != nil {
		t.Errorf("%+v", out)
	}
	var kept int
	if err := s.service.cfg.Store.pool.QueryRow(t.Context(), "SELECT sum(length(id_token_hint)) FROM sign_ins").Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d characters of tokens, %v", kept, err)
	}
}
