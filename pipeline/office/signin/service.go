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

// Lifetime of a sign-in, and the greatest age of an authentication for weighty actions.
const (
	IdleTime   = 15 * time.Minute
	WholeTime  = 8 * time.Hour
	StepUpTime = access.StepUpTime
)

// EventKind names an event about a sign-in or an account. The set is closed.
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

// IdentityEvent is an entry in the look-up log about a sign-in or an account.
type IdentityEvent struct {
	Kind    EventKind
	User    string    // "" = unknown
	SignIn  string    // id of the sign-in
	Address string    // the browser's
	Account string    // account that was tried, locked, invited or given a password by an unknown person; "" = no user's
	Cause   string    // for a failure, from a closed set
	Silent  int       // failures from the address since the last entry, without an entry
	Until   time.Time // end of a lock or an invitation
}

// Detail returns the fields of a log entry beyond person, kind and address.
func (e IdentityEvent) Detail() map[string]any {
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

// Config configures a Service.
type Config struct {
	// PublicURL is the office's address for browsers, such as https://anpr.example, without a path.
	PublicURL string
	// Hosts are further accepted host names, with or without a port.
	Hosts []string
	// Issuer is a provider elsewhere; "" = the office's own provider, with the users as accounts.
	Issuer       string
	ClientID     string // at an issuer elsewhere
	ClientSecret string // "" = a public client; PKCE is used in any case
	// ProviderHTTP reaches an issuer elsewhere; nil = a client with a timeout.
	ProviderHTTP *http.Client

	Users *access.Users
	Store *AccountStore
	// Record writes an event to the look-up log and returns the entry's number. If Record fails, nobody signs in.
	Record func(context.Context, IdentityEvent) (uint64, error)
	// IsPath reports whether an address is a screen. Only a screen may follow a sign-in.
	IsPath func(address string) bool
	// MadeUp says that the data are made up. The pages show a notice, and on loopback the office's own provider lists the
	// users to pick from.
	MadeUp   bool
	Loopback bool
	Contact  string // contact for a person without a role

	Now    func() time.Time // nil = time.Now
	Logger zerolog.Logger
}

// Service signs people in. Safe for concurrent use.
type Service struct {
	cfg      Config
	origin   *url.URL
	issuer   string
	own      *provider // nil = an issuer elsewhere
	client   *http.Client
	failures *failures

	mu   sync.Mutex // guards flow
	flow *flow      // nil until the provider has answered once
}

// flow is the client for the provider, made from the provider's description.
type flow struct {
	oauth      oauth2.Config
	verifier   *oidc.IDTokenVerifier
	endSession *url.URL // the provider's address for ending a session; nil = no such address
}

// New makes the service without asking the provider. Every sign-in asks until the provider has answered, so the
// provider may be down at the start.
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

// findUser returns the user for an issuer and a subject. For the office's own provider, the subject is the user name,
// and users with a subject in users.yaml are excluded: they sign in elsewhere.
func (s *Service) findUser(issuer, subject string) (*access.User, bool) {
	for _, u := range s.cfg.Users.All() {
		if s.own != nil && u.Name == subject && u.Subject == "" || s.own == nil && u.Subject == issuer+"|"+subject {
			return &u, true
		}
	}
	return nil, false
}

func userNamed(users *access.Users, name string) (*access.User, bool) {
	for _, u := range users.All() {
		if u.Name == name {
			return &u, true
		}
	}
	return nil, false
}

// reachProvider returns the client for the provider. The provider's description is read once.
func (s *Service) reachProvider(ctx context.Context) (*flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flow != nil {
		return s.flow, nil
	}
	// The libraries on both sides date tokens by the real clock; tokens live for minutes. The client outlives the request
	// and reads the provider's keys again later, so the context must not end with the request.
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

// description holds the fields in the provider's description that the library does not read.
type description struct {
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	EndSession string   `json:"end_session_endpoint"` // OpenID Connect RP-Initiated Logout 1.0
}

// authStyle returns how the office authenticates to the provider. Trial and error is not possible: a provider takes a
// code that arrives twice for stolen.
func (s *Service) authStyle(said *description) oauth2.AuthStyle {
	if s.cfg.ClientSecret != "" && (len(said.Methods) == 0 || slices.Contains(said.Methods, "client_secret_basic")) {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// Handler serves /auth/ and, with the office's own provider, /oidc/.
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

// randomText returns n random bytes as text, fit for a URL and a cookie.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, or ends the process (Go 1.24)
	return encodeText(b)
}
