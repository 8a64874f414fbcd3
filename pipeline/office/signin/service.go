package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// How long a sign-in lasts, and how fresh an authentication must be for what weighs more.
const (
	IdleTime   = 15 * time.Minute
	WholeTime  = 8 * time.Hour
	StepUpTime = access.StepUpTime
)

// EventKind names what happened to a sign-in. The set is closed.
type EventKind string

// The kinds of events.
const (
	EventSignIn  EventKind = "sign_in"
	EventFailure EventKind = "sign_in_failed"
	EventStepUp  EventKind = "step_up"
	EventSignOut EventKind = "sign_out"
	EventLock    EventKind = "account_locked" // after five wrong passwords
	EventInvite  EventKind = "invite_made"
	EventSet     EventKind = "password_set"
)

// Event is one entry of the look-up log about who somebody is.
type Event struct {
	Kind    EventKind
	User    string    // "" when nobody is known
	SignIn  string    // id of the sign-in
	Address string    // of the browser
	Account string    // that was tried, locked, invited or given a password; who did it is not known. "" = no user's
	Cause   string    // of a failure, one of a closed set
	Silent  int       // failures of the address since the last entry that have none of their own
	Until   time.Time // of a lock and of an invitation
}

// Detail is what an entry says of an event beyond who and where.
func (e Event) Detail() map[string]any {
	d := map[string]any{}
	if e.Cause != "" {
		d["cause"], d["not_logged_before"] = e.Cause, e.Silent
	}
	if e.Account != "" {
		d["account"] = e.Account
	}
	if !e.Until.IsZero() {
		d["until"] = e.Until.UTC().Format(time.RFC3339)
	}
	return d
}

// Config is what a Service needs.
type Config struct {
	// PublicURL is the address at which browsers reach the office, such as https://anpr.example; it has no path.
	PublicURL string
	// Hosts are further names that requests may be sent to, host or host:port.
	Hosts []string
	// Issuer is the provider; "" = the one of the office's own, whose accounts are the users themselves.
	Issuer       string
	ClientID     string // at an issuer elsewhere
	ClientSecret string // "" = a public client; PKCE holds in any case
	// ProviderHTTP asks an issuer elsewhere; nil = http.DefaultClient with a bound.
	ProviderHTTP *http.Client

	Users *access.Users
	Store *Store
	// Record writes an event to the look-up log and returns the number of the entry. Nobody signs in when it fails.
	Record func(context.Context, Event) (uint64, error)
	// IsPath reports whether an address is a screen, which alone may follow a sign-in.
	IsPath func(address string) bool
	// MadeUp says that the data are made up: the pages say so, and the office's own provider on loopback lists its
	// users to pick one.
	MadeUp   bool
	Loopback bool
	Contact  string // whom a person without a role asks

	Now    func() time.Time // nil = time.Now
	Logger zerolog.Logger
}

// Service signs people in. Safe for concurrent use.
type Service struct {
	cfg      Config
	origin   *url.URL
	issuer   string
	own      *provider // nil with an issuer elsewhere
	client   *http.Client
	failures *failures

	mu   sync.Mutex // guards what follows
	flow *flow      // nil until the provider was reached
}

// flow is the client of the provider, once its description was read.
type flow struct {
	oauth      oauth2.Config
	verifier   *oidc.IDTokenVerifier
	endSession *url.URL // where a browser ends its session at the provider; nil = the provider has no such address
}

// New makes the service. It asks no provider: one that is down is found by the first who signs in, and asked again by
// the next.
func New(cfg Config) (*Service, error) {
	origin, err := url.Parse(cfg.PublicURL)
	if err != nil || origin.Host == "" || (origin.Scheme != "http" && origin.Scheme != "https") || strings.Trim(origin.Path, "/") != "" || origin.RawQuery != "" {
		return nil, fmt.Errorf("public URL %q must be like https://anpr.example, without a path", cfg.PublicURL)
	}
	if cfg.Users == nil || cfg.Store == nil || cfg.Record == nil || cfg.IsPath == nil {
		return nil, errors.New("signin: Users, Store, Record and IsPath must be set")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	origin.Path = ""
	s := &Service{cfg: cfg, origin: origin, issuer: cfg.Issuer, client: cfg.ProviderHTTP, failures: newFailures(cfg.Now)}
	if cfg.Issuer == "" {
		s.issuer, s.cfg.ClientID, s.cfg.ClientSecret = origin.String()+"/oidc", "anpr-office", ""
		if s.own, err = newProvider(s); err != nil {
			return nil, fmt.Errorf("provider of the office's own: %w", err)
		}
		s.client = &http.Client{Transport: inProcess{s.own.handler}}
	} else if cfg.ClientID == "" {
		return nil, errors.New("an issuer needs the id of the office as its client")
	}
	if s.client == nil {
		s.client = &http.Client{Timeout: 10 * time.Second}
	}
	return s, nil
}

// findUser returns the user whom the provider means. An account of the office's own is the user of that name; one
// whose entry names a subject signs in elsewhere.
func (s *Service) findUser(issuer, subject string) (*access.User, bool) {
	for _, u := range s.cfg.Users.All() {
		if s.own != nil && u.Name == subject && u.Subject == "" || s.own == nil && u.Subject == issuer+"|"+subject {
			return &u, true
		}
	}
	return nil, false
}

// userNamed returns the user of a name.
func userNamed(users *access.Users, name string) (*access.User, bool) {
	for _, u := range users.All() {
		if u.Name == name {
			return &u, true
		}
	}
	return nil, false
}

// reachProvider returns the client of the provider. The description of the provider is read once.
func (s *Service) reachProvider(ctx context.Context) (*flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flow != nil {
		return s.flow, nil
	}
	// Tokens are dated by the clocks of the libraries on both sides, which are real ones, and live minutes. The
	// context of a request ends with it; the keys of the provider are read again later.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.client), s.issuer)
	if err != nil {
		return nil, err
	}
	var said description
	if err := p.Claims(&said); err != nil {
		return nil, err
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = s.authStyle(&said)
	s.flow = &flow{
		oauth: oauth2.Config{
			ClientID: s.cfg.ClientID, ClientSecret: s.cfg.ClientSecret, Endpoint: endpoint,
			RedirectURL: s.origin.String() + "/auth/callback", Scopes: []string{oidc.ScopeOpenID},
		},
		verifier:   p.Verifier(&oidc.Config{ClientID: s.cfg.ClientID}),
		endSession: s.readEndSession(said.EndSession),
	}
	return s.flow, nil
}

// description is what a provider says of itself beyond what the library reads.
type description struct {
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	EndSession string   `json:"end_session_endpoint"` // OpenID Connect RP-Initiated Logout 1.0
}

// authStyle is how the office names itself to the provider. It is never tried out: a code that is redeemed twice is a
// stolen one to a provider.
func (s *Service) authStyle(said *description) oauth2.AuthStyle {
	if s.cfg.ClientSecret != "" && (len(said.Methods) == 0 || slices.Contains(said.Methods, "client_secret_basic")) {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// Handler serves /auth/, and /oidc/ when the provider is the office's own.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/sign-in", s.beginSignIn)
	mux.HandleFunc("GET /auth/step-up", s.beginStepUp)
	mux.HandleFunc("GET /auth/callback", s.finishSignIn)
	mux.HandleFunc("POST /auth/sign-out", s.signOut)
	mux.HandleFunc("GET "+pathSignedOut, s.showSignedOut)
	mux.HandleFunc("GET /auth/site", s.showSite)
	mux.HandleFunc("GET /auth/me", s.showMe)
	mux.HandleFunc("GET /auth/style.css", showStyle)
	if s.own != nil {
		mux.Handle("/oidc/", s.own.handler)
	}
	return s.showFaultsAsPages(mux)
}

// randomText returns n random bytes as text for a URL or a cookie.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, or ends the process (Go 1.24)
	return encodeText(b)
}
