package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// clock moves only by calls of pass.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is an office with sign-in, as browsers see the office.
type site struct {
	t       *testing.T
	service *Service
	server  *httptest.Server
	clock   *clock
	users   *access.Users

	mu     sync.Mutex
	events []IdentityEvent
	broken bool // the look-up log takes nothing
}

const twoUsers = `users:
  - {name: officer1, role: zone_officer, zones: ["5339"]}
  - {name: agent1, role: gvc_agent}
`

// newSite makes an office on a database; a nil store makes a new store.
func newSite(t *testing.T, store *AccountStore, change func(*Config)) *site {
	t.Helper()
	users, err := access.ReadUsers(strings.NewReader(twoUsers))
	if err != nil {
		t.Fatal(err)
	}
	if store == nil {
		pool, err := testkit.StartPostgres(t).Open(t.Context(), "sign-in-test", 4)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		store = NewAccountStore(pool)
	}
	s := &site{t: t, users: users, clock: &clock{at: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}}
	front := http.NewServeMux()
	s.server = httptest.NewServer(front)
	t.Cleanup(s.server.Close)
	cfg := Config{
		PublicURL: s.server.URL, Users: users, Store: store, Record: s.record, Now: s.clock.now, MadeUp: true, Loopback: true,
		IsPath: func(a string) bool { return a == "/" || a == "/?lang=fr" }, Logger: zerolog.New(zerolog.NewTestWriter(t)),
	}
	if change != nil {
		change(&cfg)
	}
	if s.service, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.service.Authenticate(r.Context(), r)
		switch {
		case errors.Is(err, ErrUnavailable):
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = fmt.Fprintf(w, "%s %v", who.User.Name, who.Fresh(s.clock.now()))
		}
	})
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/", s.service.Handler())
	front.Handle("/", s.service.Gate(mux))
	return s
}

func (s *site) record(_ context.Context, e IdentityEvent) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return 0, errors.New("the log takes nothing")
	}
	s.events = append(s.events, e)
	return uint64(len(s.events)), nil
}

func (s *site) breakLog(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// told returns the kinds and causes of all events so far.
func (s *site) told() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		said := strings.TrimSuffix(fmt.Sprintf("%s %s %s", e.Kind, e.User, e.Cause), " ")
		if e.Account != "" {
			said += " at " + e.Account
		}
		out = append(out, said)
	}
	return out
}

// browser keeps cookies like a real browser, but does not follow redirects.
type browser struct {
	s      *site
	client *http.Client
	jar    *cookiejar.Jar
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	// The jar takes Secure cookies for https alone, browsers for loopback too: asked is https, sent is http.
	return &browser{s: s, jar: jar, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type reply struct {
	status int
	body   string
	header http.Header
}

func (b *browser) secure() *url.URL {
	u, err := url.Parse(b.s.server.URL)
	if err != nil {
		b.s.t.Fatal(err)
	}
	u.Scheme = "https"
	return u
}

// do sends a request like a page in the office.
func (b *browser) do(method, address string, form url.Values, header ...string) reply {
	b.s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.s.server.URL + address
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.s.t.Context(), method, address, body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Add(header[i], header[i+1])
		}
	}
	for _, c := range b.jar.Cookies(b.secure()) {
		r.AddCookie(c)
	}
	if h := r.Header.Get("Host"); h != "" {
		r.Host = h
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	b.jar.SetCookies(b.secure(), res.Cookies())
	return reply{res.StatusCode, string(got), res.Header}
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// begin opens the provider's page and returns the id of the request.
func (b *browser) begin(path string) string {
	b.s.t.Helper()
	at := b.do("GET", path, nil)
	for range 5 {
		if m := requestID.FindStringSubmatch(at.body); m != nil {
			return m[1]
		}
		if at.header.Get("Location") == "" {
			break
		}
		at = b.do("GET", at.header.Get("Location"), nil)
	}
	b.s.t.Fatalf("no page to sign in on: status %d, body %s", at.status, at.body)
	return ""
}

// callback signs in at the provider and returns the address with the code.
func (b *browser) callback(path string, form url.Values) string {
	b.s.t.Helper()
	form.Set("id", b.begin(path))
	at := b.do("POST", pathLogin, form)
	for range 3 {
		if strings.Contains(at.header.Get("Location"), "/auth/callback") {
			return at.header.Get("Location")
		}
		if at.header.Get("Location") == "" {
			break
		}
		at = b.do("GET", at.header.Get("Location"), nil)
	}
	b.s.t.Fatalf("the provider gave no code: status %d, body %s", at.status, at.body)
	return ""
}

func sample(name string) url.Values { return url.Values{"sample": {name}} }

// signIn signs in a user of the made-up city.
func (b *browser) signIn(name string) {
	b.s.t.Helper()
	if got := b.do("GET", b.callback("/auth/sign-in?next=/", sample(name)), nil, "Sec-Fetch-Site", "cross-site"); got.status != http.StatusOK {
		b.s.t.Fatalf("sign-in of %s: status %d, %s", name, got.status, got.body)
	}
}

// is returns the user that the API recognises; "" = nobody.
func (b *browser) is() string {
	b.s.t.Helper()
	got := b.do("GET", "/v1/me", nil)
	if got.status == http.StatusUnauthorized {
		return ""
	}
	if got.status != http.StatusOK {
		b.s.t.Fatalf("status %d: %s", got.status, got.body)
	}
	return got.body
}
