package signin

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOneSignsInAndIsKnownAtOnce(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	if got := b.is(); got != "" {
		t.Fatalf("nobody has signed in, and the API takes the browser for %q", got)
	}
	got := b.do("GET", b.callback("/auth/sign-in?next=%2F%3Flang%3Dfr", sample("officer1")), nil, "Sec-Fetch-Site", "cross-site")
	// A page that moves on, not a redirect: browsers drop Strict cookies on a chain begun by another site.
	if got.status != http.StatusOK || !strings.Contains(got.body, `http-equiv="refresh" content="0;url=/?lang=fr"`) {
		t.Fatalf("callback: status %d, body %s", got.status, got.body)
	}
	var cookie string
	for _, c := range got.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "__Host-anpr=") {
			cookie = c
		}
	}
	for _, must := range []string{"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, must) {
			t.Errorf("cookie %q lacks %s", cookie, must)
		}
	}
	if strings.Contains(cookie, "Domain") || strings.Contains(cookie, "Max-Age") || strings.Contains(cookie, "Expires") {
		t.Errorf("cookie %q is bound to no host, or outlives the browser", cookie)
	}
	if who := b.is(); who != "officer1 true" {
		t.Errorf("the API takes the browser for %q", who)
	}
	if told := s.told(); !slices.Equal(told, []string{"sign_in officer1"}) {
		t.Errorf("logged: %q", told)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-anpr="), ";")
	if len(token) != 43 {
		t.Errorf("the token has %d characters, want those of 32 bytes", len(token))
	}
	var stored []byte
	if err := s.service.cfg.Store.pool.QueryRow(t.Context(), `SELECT token_sha256 FROM sign_ins`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte(token)); !slices.Equal(stored, want[:]) {
		t.Error("stored is not the SHA-256 of the token")
	}
}

func TestASignInEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*site, *browser)
		want string
	}{
		"after a quarter of an hour without use": {func(s *site, _ *browser) { s.clock.pass(IdleTime) }, ""},
		"not before":                             {func(s *site, _ *browser) { s.clock.pass(IdleTime - time.Second) }, "officer1 false"},
		"after eight hours, used or not": {func(s *site, b *browser) {
			for began := s.clock.now(); s.clock.now().Sub(began) < WholeTime; s.clock.pass(10 * time.Minute) {
				if b.is() == "" {
					s.t.Fatalf("ended %v after its beginning", s.clock.now().Sub(began))
				}
			}
		}, ""},
		"at sign-out": {func(_ *site, b *browser) { b.do("POST", "/auth/sign-out", nil) }, ""},
		"at sign-out in another browser": {func(s *site, _ *browser) {
			other := s.browser()
			other.signIn("officer1")
			other.do("POST", "/auth/sign-out", nil)
		}, ""},
		"not at the sign-out of somebody else": {func(s *site, _ *browser) {
			other := s.browser()
			other.signIn("agent1")
			other.do("POST", "/auth/sign-out", nil)
		}, "officer1 true"},
		"when the user is removed": {func(s *site, _ *browser) { s.reload("users:\n  - {name: agent1, role: gvc_agent}\n") }, ""},
		"when the user's role changes": {func(s *site, _ *browser) {
			s.reload(strings.Replace(twoUsers, "zone_officer", "prosecutor", 1))
		}, ""},
		"when the user's zones change": {func(s *site, _ *browser) { s.reload(strings.Replace(twoUsers, "5339", "5340", 1)) }, ""},
		"when the user's time is over": {func(s *site, _ *browser) {
			s.reload(strings.Replace(twoUsers, `["5339"]}`, `["5339"], valid_to: "2026-11-27"}`, 1))
		}, ""},
		"not when another user changes": {func(s *site, _ *browser) {
			s.reload(strings.Replace(twoUsers, "gvc_agent", "gvc_supervisor", 1))
		}, "officer1 true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil, nil)
			b := s.browser()
			b.signIn("officer1")
			c.do(s, b)
			if got := b.is(); got != c.want {
				t.Errorf("the API takes the browser for %q, want %q", got, c.want)
			}
			if c.want == "" { // an ended sign-in stays ended, even if the clock or the entry goes back
				s.reload(twoUsers)
				if !strings.Contains(name, "after") && b.is() != "" {
					t.Error("the sign-in came back")
				}
			}
		})
	}
}

func (s *site) reload(users string) {
	s.t.Helper()
	if err := s.users.Reload(strings.NewReader(users)); err != nil {
		s.t.Fatal(err)
	}
}

func TestASignInIsKnownToEveryOfficeAndEndsInAll(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	b.signIn("officer1")
	other := newSite(t, s.service.cfg.Store, nil)
	there := other.browser()
	for _, c := range b.jar.Cookies(b.secure()) {
		there.jar.SetCookies(there.secure(), []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
	}
	if got := there.is(); got != "officer1 true" {
		t.Fatalf("the other office takes the browser for %q", got)
	}
	there.do("POST", "/auth/sign-out", nil)
	if got := b.is(); got != "" {
		t.Errorf("signed out in the other office, and still %q here", got)
	}
}

func TestAForgedOrOldAnswerOfTheProviderSignsNobodyIn(t *testing.T) {
	t.Parallel()
	with := func(address, name, value string) string {
		u, _ := url.Parse(address)
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for cause, forge := range map[string]func(s *site, b *browser, good string) string{
		causeState: func(_ *site, _ *browser, good string) string { return with(good, "state", "forged") },
		causeCode:  func(_ *site, _ *browser, good string) string { return with(good, "code", "forged") },
		causeIssuer: func(_ *site, _ *browser, good string) string {
			return with(good, "iss", "https://evil.example")
		},
		causeProvider: func(_ *site, _ *browser, good string) string {
			return with(with(good, "error", "access_denied"), "code", "")
		},
		causeFlow: func(s *site, b *browser, good string) string { // sent by another browser
			*b = *s.browser()
			return good
		},
		causeLate: func(s *site, _ *browser, good string) string { s.clock.pass(flowTime); return good },
		"code ": func(s *site, _ *browser, good string) string { // expired
			s.clock.pass(codeTime)
			return good
		},
		"code  ": func(s *site, b *browser, good string) string { // used before, with a valid flow cookie
			flow := b.jar.Cookies(b.secure())
			if got := b.do("GET", good, nil); got.status != http.StatusOK {
				s.t.Fatalf("first use: status %d", got.status)
			}
			*b = *s.browser()
			for _, c := range flow {
				b.jar.SetCookies(b.secure(), []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
			}
			return good
		},
		causeNonce: func(_ *site, b *browser, good string) string {
			b.changeFlow(func(t *transaction) { t.Nonce = "forged" })
			return good
		},
		"code   ": func(_ *site, b *browser, good string) string { // intercepted: another verifier
			b.changeFlow(func(t *transaction) { t.Verifier = strings.Repeat("x", 43) })
			return good
		},
		causeNoUser: func(s *site, _ *browser, good string) string {
			s.reload("users:\n  - {name: agent1, role: gvc_agent}\n")
			return good
		},
	} {
		t.Run(cause, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil, nil)
			b := s.browser()
			address := forge(s, b, b.callback("/auth/sign-in?next=/", sample("officer1")))
			before := len(s.told())
			got := b.do("GET", address, nil, "Sec-Fetch-Site", "cross-site")
			want := http.StatusUnauthorized
			if cause == causeNoUser {
				want = http.StatusForbidden
			}
			if got.status != want || b.is() != "" {
				t.Errorf("status %d, the API takes the browser for %q", got.status, b.is())
			}
			told := s.told()
			if len(told) != before+1 || told[before] != "sign_in_failed  "+strings.TrimSpace(cause) {
				t.Errorf("logged: %q", told)
			}
		})
	}
}

// changeFlow edits the transaction in the browser's cookie.
func (b *browser) changeFlow(change func(*transaction)) {
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	for _, c := range b.jar.Cookies(b.secure()) {
		r.AddCookie(c)
	}
	t, ok := readFlow(r)
	if !ok {
		b.s.t.Fatal("no sign-in is under way")
	}
	change(&t)
	w := headerWriter{http.Header{}}
	if err := setFlow(w, t); err != nil {
		b.s.t.Fatal(err)
	}
	b.jar.SetCookies(b.secure(), (&http.Response{Header: w.h}).Cookies())
}

type headerWriter struct{ h http.Header }

func (w headerWriter) Header() http.Header         { return w.h }
func (w headerWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w headerWriter) WriteHeader(int)             {}

func TestAReplayedCallbackSignsNobodyIn(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	address := b.callback("/auth/sign-in", sample("officer1"))
	if got := b.do("GET", address, nil); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	if got := b.do("GET", address, nil); got.status != http.StatusUnauthorized {
		t.Errorf("the same answer again: status %d", got.status)
	}
}

func TestASignInLeadsToAScreenAlone(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, next := range []string{"//evil.example", "https://evil.example", "https:", "/\\evil.example", "/nowhere", "", "javascript:alert(1)"} {
		b := s.browser()
		got := b.do("GET", b.callback("/auth/sign-in?next="+url.QueryEscape(next), sample("officer1")), nil)
		if got.status != http.StatusOK || !strings.Contains(got.body, `content="0;url=/"`) {
			t.Errorf("next %q: status %d, body %s", next, got.status, got.body)
		}
	}
}

func TestNobodySignsInWhenItCannotBeLogged(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	address := b.callback("/auth/sign-in", sample("officer1"))
	s.breakLog(true)
	if got := b.do("GET", address, nil); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", got.status)
	}
	s.breakLog(false)
	if got := b.is(); got != "" {
		t.Errorf("signed in as %q without an entry", got)
	}
}

func TestWithoutItsDatabaseAnOfficeSignsNobodyInAndSaysSo(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	b.signIn("officer1")
	other := s.browser()
	address := other.callback("/auth/sign-in", sample("agent1"))
	s.service.cfg.Store.pool.Close()
	if got := b.do("GET", "/v1/me", nil); got.status != http.StatusServiceUnavailable {
		t.Errorf("a request with a sign-in: status %d", got.status)
	}
	if got := other.do("GET", address, nil); got.status != http.StatusServiceUnavailable {
		t.Errorf("a callback: status %d", got.status)
	}
}

func TestAStepUpMakesAnOldSignInFresh(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	b.signIn("officer1")
	s.clock.pass(StepUpTime + time.Second)
	if got := b.is(); got != "officer1 false" {
		t.Fatalf("%q", got)
	}
	old := b.jar.Cookies(b.secure())
	if got := b.do("GET", b.callback("/auth/step-up?next=/", sample("officer1")), nil); got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if got := b.is(); got != "officer1 true" {
		t.Errorf("%q after the step-up", got)
	}
	if told := s.told(); !slices.Equal(told, []string{"sign_in officer1", "step_up officer1"}) {
		t.Errorf("logged: %q", told)
	}
	before := s.browser() // the cookie from before serves no more
	before.jar.SetCookies(before.secure(), []*http.Cookie{{Name: old[0].Name, Value: old[0].Value, Path: "/", Secure: true}})
	if got := before.is(); got != "" {
		t.Errorf("the old cookie is %q", got)
	}
}

func TestAStepUpBySomebodyElseIsRefused(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	b.signIn("officer1")
	if got := b.do("GET", b.callback("/auth/step-up", sample("agent1")), nil); got.status != http.StatusUnauthorized {
		t.Errorf("status %d", got.status)
	}
	if got := b.is(); got != "officer1 true" {
		t.Errorf("the sign-in is now %q", got)
	}
}

func TestAProviderThatIsDownIsSaidAndAskedAgain(t *testing.T) {
	down := true
	var s *site
	s = newSite(t, nil, func(c *Config) {
		c.Issuer, c.ClientID = c.PublicURL+"/oidc", "anpr-office"
		c.ProviderHTTP = &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = w.Write([]byte(`{"issuer":"` + s.server.URL + `/oidc","authorization_endpoint":"` + s.server.URL + `/elsewhere","token_endpoint":"x","jwks_uri":"x"}`))
		})}}
	})
	b := s.browser()
	if got := b.do("GET", "/auth/sign-in?lang=fr", nil); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, wordsOf["fr"].Texts["providerDown"]) {
		t.Errorf("status %d, body %s", got.status, got.body)
	}
	down = false
	if got := b.do("GET", "/auth/sign-in", nil); got.status != http.StatusFound || !strings.Contains(got.header.Get("Location"), "/elsewhere?") {
		t.Errorf("status %d, location %s", got.status, got.header.Get("Location"))
	}
}

func TestWhoIsSignedInIsToldToTheirOwnPageAlone(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	if got := b.do("GET", "/auth/me", nil); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "not_signed_in") {
		t.Errorf("before: status %d: %s", got.status, got.body)
	}
	b.signIn("officer1")
	got := b.do("GET", "/auth/me", nil)
	ends := s.clock.now().Add(WholeTime).Format(time.RFC3339)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"name":"officer1"`) || !strings.Contains(got.body, `"zones":["5339"]`) || !strings.Contains(got.body, ends) || !strings.Contains(got.body, `"log_seq":1,`) {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got := b.do("GET", "/auth/me", nil, "Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"); got.status != http.StatusForbidden {
		t.Errorf("another site: status %d", got.status)
	}
	s.clock.pass(IdleTime)
	if got := b.do("GET", "/auth/me", nil); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "sign_in_expired") {
		t.Errorf("after: status %d: %s", got.status, got.body)
	}
}
