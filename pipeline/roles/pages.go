package roles

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/signin"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/office/web"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
)

// SignInConfig describes how people sign in to the pages of an office with a browser.
type SignInConfig struct {
	PublicURL        string   // address for browsers; "" = the address of the listener, for this machine alone
	Hosts            []string // further host names of the office
	Issuer           string   // OpenID provider; "" = the office's own provider, with the users as accounts
	ClientID         string   // name of the office at the issuer
	ClientSecretFile string
	BehindProxy      bool   // a local proxy speaks TLS
	Certificate, Key string // files for TLS without a proxy; both or none
	Contact          string // the person to ask about an account
}

// signInConns bounds the connections that sign-ins take.
const signInConns = 4

// front adds pages, sign-in and TLS to the API of an office.
type front struct {
	pages   *web.Pages      // nil = the API alone
	signIn  *signin.Service // nil = nobody signs in with a browser
	madeUp  bool
	pool    *pgxpool.Pool // nil without sign-in
	encrypt *tls.Config   // nil = plain
	public  string
	log     zerolog.Logger
	users   *access.Users
	api     *office.Office // set before the first request
}

// newFront prepares the front. The caller sets the API before the first request.
func newFront(ctx context.Context, c OfficeConfig, users *access.Users) (*front, error) {
	f := &front{madeUp: isMadeUp(c.Reference), users: users, log: c.Log.With().Str("role", "sign-in").Logger()}
	var err error
	if f.encrypt, err = c.SignIn.loadTLS(); err != nil {
		return nil, err
	}
	if f.public, err = c.publicURL(); err != nil {
		return nil, err
	}
	if f.public == "" {
		c.Log.Warn().Str("addr", c.Addr).Msg("the pages of the office are not served: off this machine they need --tls-cert and --tls-key, or --behind-proxy; the API works")
		return f, nil
	}
	if f.pages, err = web.Load(); err != nil {
		return nil, fmt.Errorf("office: %w", err)
	}
	if !f.pages.Built() {
		c.Log.Info().Msg("the program was built without its pages: / says how to build them")
	}
	if c.Postgres.IsZero() {
		return f, nil
	}
	if f.pool, err = c.Postgres.Open(ctx, "sign-in", signInConns); err != nil {
		return nil, err
	}
	secret, err := readSecretFile(c.SignIn.ClientSecretFile)
	if err == nil {
		f.signIn, err = signin.New(signin.Config{
			PublicURL: f.public, Hosts: c.SignIn.Hosts, Issuer: c.SignIn.Issuer, ClientID: c.SignIn.ClientID, ClientSecret: secret,
			Users: users, Store: signin.NewAccountStore(f.pool), Record: f.recordEvent, IsPath: f.pages.IsPath, MadeUp: f.madeUp, Loopback: c.onThisMachine(),
			Contact: c.SignIn.Contact, Now: time.Now, Logger: f.log,
		})
	}
	if err != nil {
		f.close()
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	if c.SignIn.Issuer == "" {
		slog.SetDefault(slog.New(signin.NewLibraryLog(f.log))) // the library of the provider logs there and nowhere else
	}
	return f, nil
}

func (f *front) close() {
	if f.pool != nil {
		f.pool.Close()
	}
}

// wrapListener puts TLS on the listener when the office has a certificate.
func (f *front) wrapListener(ln net.Listener) net.Listener {
	if f.encrypt == nil {
		return ln
	}
	return tls.NewListener(ln, f.encrypt)
}

// putPagesBefore puts pages and sign-in before the API.
func (f *front) putPagesBefore(api http.Handler) http.Handler {
	if f.pages == nil {
		return api
	}
	mux := http.NewServeMux()
	mux.Handle("/", f.pages.Handler(api))
	if f.signIn == nil {
		mux.Handle("/auth/", signin.Absent(f.madeUp))
		return mux
	}
	people := f.signIn.Handler()
	mux.Handle("/auth/", people)
	mux.Handle("/oidc/", people)
	return f.signIn.Gate(mux)
}

// tellSignedIn returns the function that tells the API the person of a browser session; nil without sign-in.
func (f *front) tellSignedIn() func(*http.Request) (*office.SignedIn, error) {
	if f.signIn == nil {
		return nil
	}
	return func(r *http.Request) (*office.SignedIn, error) {
		who, err := f.signIn.Authenticate(r.Context(), r)
		switch {
		case errors.Is(err, signin.ErrNoCookie):
			return nil, nil //nolint:nilnil // nobody
		case errors.Is(err, signin.ErrEnded):
			return nil, office.ErrSignInEnded
		case err != nil:
			return nil, err
		}
		return &office.SignedIn{User: who.User, SignIn: who.SignIn, At: who.AuthenticatedAt, Ends: who.EndsAt}, nil
	}
}

// ownSignIns gives the API the sign-ins of browsers; nil without sign-in.
func (f *front) ownSignIns() office.SignIns {
	if f.signIn == nil {
		return nil
	}
	return browserSignIns{f.signIn}
}

// browserSignIns shows the sign-ins of browsers in the API's form.
type browserSignIns struct{ *signin.Service }

// ListOwn lists the valid sign-ins of a user.
func (b browserSignIns) ListOwn(ctx context.Context, user string) ([]office.OwnSignIn, error) {
	rows, err := b.Service.ListOwn(ctx, user)
	out := make([]office.OwnSignIn, len(rows))
	for i, r := range rows {
		out[i] = office.OwnSignIn{ID: r.ID, Address: r.Address, BeganAt: r.BeganAt.UTC(), UsedAt: r.UsedAt.UTC(), EndsAt: r.EndsAt.UTC()}
	}
	return out, err
}

// EndOwn ends one sign-in of a user. A sign-in that ended in this very moment is as good as ended.
func (b browserSignIns) EndOwn(ctx context.Context, user, id string) error {
	if err := b.Service.EndOwn(ctx, user, id); !errors.Is(err, signin.ErrNoSignIn) {
		return err
	}
	return nil
}

// recordEvent writes an event of a sign-in to the look-up log.
func (f *front) recordEvent(ctx context.Context, e signin.IdentityEvent) (uint64, error) {
	id := access.Identity{What: string(e.Kind), SignIn: e.SignIn, Address: e.Address}
	all := f.users.All()
	if i := slices.IndexFunc(all, func(u access.User) bool { return u.Name == e.User }); i >= 0 {
		id.User = &all[i]
	}
	id.Detail = e.Detail()
	return f.api.LogIdentity(ctx, id)
}

// onThisMachine reports whether only this machine can reach the office.
func (c *OfficeConfig) onThisMachine() bool {
	return loopbackOnly(c.Addr) && !c.SignIn.BehindProxy
}

// publicURL is the address for browsers. "" means no pages, because a sign-in would travel in clear.
func (c *OfficeConfig) publicURL() (string, error) {
	s := &c.SignIn
	secure := s.Certificate != "" || s.BehindProxy
	if !secure && !c.onThisMachine() {
		if s.PublicURL != "" {
			return "", errors.New("off this machine the pages need TLS: give --tls-cert and --tls-key, or --behind-proxy when a proxy of yours speaks it")
		}
		return "", nil
	}
	if s.PublicURL == "" {
		if s.BehindProxy {
			return "", errors.New("--behind-proxy needs --public-url, the address at which browsers reach the proxy: https://anpr.example")
		}
		scheme := "http://"
		if s.Certificate != "" {
			scheme = "https://"
		}
		return scheme + c.Addr, nil
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || secure && u.Scheme != "https" {
		return "", fmt.Errorf("--public-url %q must begin with https://", s.PublicURL)
	}
	return s.PublicURL, nil
}

// loadTLS reads certificate and key; nil without.
func (s *SignInConfig) loadTLS() (*tls.Config, error) {
	if (s.Certificate == "") != (s.Key == "") {
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	if s.Certificate == "" {
		return nil, nil //nolint:nilnil // no TLS
	}
	pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the office: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// readSecretFile reads a secret from a file that others may not read; "" without a file.
func readSecretFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: chmod 600 %s", path, path)
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// isMadeUp reports whether the reference data in a directory declare themselves made up.
func isMadeUp(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, reference.SampleMarker))
	return err == nil
}

// InviteUser makes a link with which a person in the users' file sets a password, and returns the end of the link's
// validity. The invitation is in the look-up log before the link exists. keyDir holds the keys of the look-up log.
func InviteUser(ctx context.Context, at platform.Postgres, keyDir, file, name, public string) (link string, until time.Time, err error) {
	users, err := LoadUsers(file)
	if err != nil {
		return "", until, err
	}
	all := users.All()
	i := slices.IndexFunc(all, func(u access.User) bool { return u.Name == name })
	switch {
	case i < 0:
		return "", until, fmt.Errorf("%s has no user %s: add the person first, with a role", file, name)
	case all[i].Subject != "":
		return "", until, fmt.Errorf("user %s signs in at another provider, as their subject in %s says: there is no password here", name, file)
	}
	keys, err := access.ReadKeys(keyDir)
	if err != nil {
		return "", until, fmt.Errorf("keys of the look-up log, which names every invitation: %w; give their directory with --lookup-keys", platform.AdviseRights(err))
	}
	pool, err := at.Open(ctx, "invite", 1)
	if err != nil {
		return "", until, err
	}
	defer pool.Close()
	now := time.Now()
	log, err := access.OpenLog(ctx, store.NewLookUps(pool), keys)
	if err != nil {
		return "", until, at.Explain(err)
	}
	made := signin.IdentityEvent{Kind: signin.EventInvite, Account: name, Until: now.Add(signin.InviteTime)}
	if _, err := log.LogIdentity(ctx, access.Identity{What: string(made.Kind), Detail: made.Detail()}); err != nil {
		return "", until, at.Explain(err)
	}
	invite, err := signin.NewAccountStore(pool).Invite(ctx, name, now)
	if err != nil {
		return "", until, at.Explain(err)
	}
	return signin.InviteLink(public, invite), now.Add(signin.InviteTime), nil
}

// describePages returns the line of the banner with the address of the pages and the users who can sign in.
func (m *Machine) describePages() string {
	c := &m.Config.Office
	c.Addr = m.Config.OfficeAddr
	public, err := c.publicURL()
	switch {
	case err != nil || public == "":
		return "not served: off this machine they need --tls-cert and --tls-key, or --behind-proxy"
	case c.SignIn.Issuer != "":
		return public + "/   (people sign in at " + c.SignIn.Issuer + ")"
	case !m.MadeUp || !c.onThisMachine():
		return public + "/   (people sign in with the password that `anpr user invite NAME` lets them set)"
	}
	names := []string{}
	if users, err := LoadUsers(c.Users); err == nil {
		for _, u := range users.All() {
			names = append(names, u.Name)
		}
	}
	return public + "/   (sign in with one click, as " + strings.Join(names, ", ") + ": made-up people)"
}
