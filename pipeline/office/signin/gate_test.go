package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWhatNoHonestClientSendsIsRefused(t *testing.T) {
	s := newSite(t, nil, func(c *Config) { c.Hosts = []string{"anpr.brussels.example"} })
	in := s.browser()
	in.signIn("officer1")
	host := strings.TrimPrefix(s.server.URL, "http://")
	port := host[strings.LastIndexByte(host, ':'):]
	for name, c := range map[string]struct {
		signedIn     bool
		method, path string
		header       []string
		want         int
	}{
		"a page of the office":                           {true, "GET", "/v1/me", nil, 200},
		"a page of the office, with its origin":          {true, "POST", "/v1/me", []string{"Origin", s.server.URL}, 200},
		"a sign-in from another site":                    {true, "GET", "/v1/me", []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 403},
		"a sign-in from another port of the host":        {true, "GET", "/v1/me", []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "same-site"}, 403},
		"a sign-in by a link or an address typed":        {true, "GET", "/v1/me", []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "none"}, 403},
		"a sign-in by a client that says nothing":        {true, "GET", "/v1/me", []string{"Sec-Fetch-Site", ""}, 403},
		"another site's origin":                          {true, "POST", "/v1/me", []string{"Origin", "https://evil.example"}, 403},
		"an origin without a name, of another site":      {true, "POST", "/v1/me", []string{"Origin", "null", "Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 403},
		"an origin without a name, of nobody knows whom": {false, "POST", pathLogin, []string{"Origin", "null", "Sec-Fetch-Site", ""}, 403},
		"a form of a page that sends no referrer":        {false, "POST", pathLogin, []string{"Origin", "null", "Content-Type", "application/x-www-form-urlencoded"}, 400},
		"an origin of another scheme":                    {true, "POST", "/v1/me", []string{"Origin", "https://" + host}, 403},
		"an origin, without a sign-in":                   {false, "GET", "/v1/me", []string{"Origin", "https://evil.example"}, 403},
		"a script without a sign-in":                     {false, "GET", "/v1/me", []string{"Sec-Fetch-Site", ""}, 401},
		"a script with a token":                          {false, "GET", "/v1/me", []string{"Sec-Fetch-Site", "", "Authorization", "Bearer x"}, 401},
		"a sign-in and a token":                          {true, "GET", "/v1/me", []string{"Authorization", "Bearer x"}, 400},
		"a bad sign-in and a token":                      {false, "GET", "/v1/me", []string{"Cookie", "__Host-anpr=bad", "Authorization", "Bearer x"}, 400},
		"two tokens":                                     {false, "GET", "/v1/me", []string{"Authorization", "Bearer x", "Authorization", "Bearer y"}, 400},
		"two sign-ins":                                   {true, "GET", "/v1/me", []string{"Cookie", "__Host-anpr=other"}, 400},
		"another name":                                   {true, "GET", "/v1/me", []string{"Host", "evil.example"}, 421},
		"another name that ends alike":                   {true, "GET", "/v1/me", []string{"Host", "evil" + host}, 421},
		"another name, at a page":                        {false, "GET", "/auth/site", []string{"Host", "evil.example"}, 421},
		"loopback by its other name":                     {true, "GET", "/v1/me", []string{"Host", "localhost" + port}, 200},
		"loopback in the other family":                   {true, "GET", "/v1/me", []string{"Host", "[::1]" + port}, 200},
		"a name on the list":                             {true, "GET", "/v1/me", []string{"Host", "anpr.brussels.example"}, 200},
		"a name on the list, with a port":                {true, "GET", "/v1/me", []string{"Host", "ANPR.brussels.example:443"}, 200},
		"a page, navigated to from elsewhere":            {true, "GET", "/auth/site", []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 200},
		"a sign-out from another site":                   {true, "POST", "/auth/sign-out", []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 403},
		"a sign-out by a client that says nothing":       {false, "POST", "/auth/sign-out", []string{"Sec-Fetch-Site", ""}, 403},
		"a sign-out by a link":                           {true, "GET", "/auth/sign-out", nil, 405},
		"an address that is not there":                   {true, "GET", "/auth/nothing", nil, 404},
		"a password from another site":                   {false, "POST", pathLogin, []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 403},
		"a password for an invitation from another site": {false, "POST", pathInvite, []string{"Sec-Fetch-Site", "", "Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			if c.signedIn {
				b.jar = in.jar
			}
			got := b.do(c.method, c.path, nil, c.header...)
			if got.status != c.want {
				t.Fatalf("status %d, want %d: %s", got.status, c.want, got.body)
			}
			if c.want == 400 && c.path != pathLogin || c.want == 403 || c.want == 404 || c.want == 405 || c.want == 421 {
				id := got.header.Get("X-Request-Id")
				if id == "" || !strings.Contains(got.body, `"request_id":"`+id+`"`) {
					t.Errorf("the problem does not name the request %q: %s", id, got.body)
				}
				if !strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json") || !strings.Contains(got.body, `"code":"`) || strings.Contains(got.body, "evil") {
					t.Errorf("%s %s", got.header.Get("Content-Type"), got.body)
				}
			}
		})
	}
	if got := in.is(); got != "officer1 true" {
		t.Errorf("after all of it the sign-in is %q", got)
	}
}

func TestASignInBeginsAtThePublicAddress(t *testing.T) {
	s := newSite(t, nil, nil)
	host := strings.TrimPrefix(s.server.URL, "http://")
	got := s.browser().do("GET", "/auth/sign-in?next=%2F", nil, "Host", "localhost"+host[strings.LastIndexByte(host, ':'):])
	if got.status != http.StatusFound || got.header.Get("Location") != s.server.URL+"/auth/sign-in?next=%2F" {
		t.Errorf("status %d, location %q", got.status, got.header.Get("Location"))
	}
}

func TestFailuresOfAnAddressAreLoggedOnceAMinuteAndCounted(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	for range 30 {
		if got := b.do("GET", "/auth/callback?state=x&code=y", nil); got.status != http.StatusUnauthorized {
			t.Fatalf("status %d", got.status)
		}
	}
	if told := s.told(); len(told) != 1 {
		t.Fatalf("%d entries, want one", len(told))
	}
	s.clock.pass(61e9)
	b.do("GET", "/auth/callback?state=x&code=y", nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) != 2 || s.events[1].Silent != 29 || s.events[1].Address != "127.0.0.1" {
		t.Errorf("%+v", s.events)
	}
}

// With an issuer elsewhere, the office reads the issuer's description over HTTP and finds people by issuer and
// subject.
func TestPeopleOfAnotherIssuerAreFoundByIssuerAndSubject(t *testing.T) {
	for subject, want := range map[string]int{"officer1": 200, "agent1": 403} {
		t.Run(subject, func(t *testing.T) {
			s, issuing := newSiteElsewhere(t, nil)
			// A user named agent1 exists, but the entry names no subject of the issuer.
			s.reload("users:\n  - {name: inspecteur-x, role: zone_officer, zones: [\"5339\"], subject: \"" + s.server.URL + "/oidc|officer1\"}\n  - {name: agent1, role: gvc_agent}\n")
			b := s.browser()
			at := b.do("GET", "/auth/sign-in", nil)
			to, err := url.Parse(at.header.Get("Location"))
			if err != nil || at.status != http.StatusFound || to.Query().Get("code_challenge_method") != "S256" || to.Query().Get("nonce") == "" {
				t.Fatalf("status %d, location %s", at.status, at.header.Get("Location"))
			}
			address := b.atIssuer(issuing, to.RequestURI(), subject)
			if got := b.do("GET", address, nil); got.status != want {
				t.Fatalf("status %d, want %d: %s", got.status, want, got.body)
			}
			if want == 200 && b.is() != "inspecteur-x true" {
				t.Errorf("the API takes the browser for %q", b.is())
			}
		})
	}
}

// newSiteElsewhere makes an office with a provider elsewhere, whose description may be changed.
func newSiteElsewhere(t *testing.T, describe func(map[string]any)) (s, issuing *site) {
	t.Helper()
	issuing = newSite(t, nil, nil)
	s = newSite(t, issuing.service.cfg.Store, func(c *Config) {
		c.Issuer, c.ClientID = c.PublicURL+"/oidc", "anpr-office"
		own, err := New(Config{PublicURL: c.PublicURL, Users: issuing.users, Store: c.Store, Record: issuing.record, IsPath: c.IsPath, MadeUp: true, Loopback: true, Now: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		issuing.service = own
		c.ProviderHTTP = &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if describe == nil || !strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
				own.own.handler.ServeHTTP(w, r)
				return
			}
			got, said := &written{header: http.Header{}, status: http.StatusOK}, map[string]any{}
			own.own.handler.ServeHTTP(got, r)
			if err := json.Unmarshal(got.body.Bytes(), &said); err != nil {
				t.Error(err)
			}
			describe(said)
			writeJSON(w, said)
		})}}
	})
	return s, issuing
}

// atIssuer signs in at another service's provider, served in this process, and returns the address with the code.
func (b *browser) atIssuer(issuing *site, path, subject string) string {
	// In this test issuer and office share an address, so the issuer gets the office's cookies.
	withCookies := inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range b.jar.Cookies(b.secure()) {
			r.AddCookie(c)
		}
		issuing.service.own.handler.ServeHTTP(w, r)
	})}
	ask := &http.Client{Transport: withCookies, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	base := issuing.service.origin.String()
	at, err := ask.Get(base + path)
	if err != nil {
		b.s.t.Fatal(err)
	}
	_ = at.Body.Close()
	id, _ := url.Parse(at.Header.Get("Location"))
	at, err = ask.PostForm(base+pathLogin, url.Values{"id": {id.Query().Get("id")}, "sample": {subject}})
	if err != nil {
		b.s.t.Fatal(err)
	}
	_ = at.Body.Close()
	if at, err = ask.Get(base + at.Header.Get("Location")); err != nil {
		b.s.t.Fatal(err)
	}
	_ = at.Body.Close()
	return at.Header.Get("Location")
}
