package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Paths of the office's own provider.
const (
	pathProvider = "/oidc"
	pathLogin    = pathProvider + "/login"
	pathInvite   = pathProvider + "/invite"
)

// Bounds of what is under way at the provider. An answer with a code is redeemed at once, by the office itself.
const (
	maxUnderWay = 1000
	codeTime    = time.Minute
	tokenTime   = 5 * time.Minute
)

var errUnknown = errors.New("nothing of that name is under way")

// provider is the office's own provider of sign-ins: a whole OpenID provider with one client, the office, and the
// users of users.yaml as accounts. What is under way lives in this process; its key is made at its start. Safe for
// concurrent use.
type provider struct {
	service *Service
	handler http.Handler
	key     signingKey
	hashing chan struct{} // bounds the passwords that are hashed at a time

	keeping sync.Mutex // held while a password is kept

	mu       sync.Mutex // guards what follows
	requests map[string]*authRequest
}

// signingKey signs the tokens of the provider.
type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

// SignatureAlgorithm names the algorithm.
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Key returns the private key.
func (k signingKey) Key() any { return k.key }

// ID names the key.
func (k signingKey) ID() string { return k.id }

// publicKey is what others check tokens with.
type publicKey struct{ signingKey }

// Algorithm names the algorithm.
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Use says what the key is for.
func (k publicKey) Use() string { return "sig" }

// Key returns the public key.
func (k publicKey) Key() any { return &k.key.PublicKey }

// newProvider makes the provider below the public address of the office.
func newProvider(s *Service) (*provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p := &provider{
		service: s, key: signingKey{id: randomText(8), key: key}, hashing: make(chan struct{}, hashesAtATime), requests: map[string]*authRequest{},
	}
	cfg := &op.Config{CodeMethodS256: true, SupportedScopes: []string{oidc.ScopeOpenID}}
	_, _ = rand.Read(cfg.CryptoKey[:])
	var options []op.Option
	if s.origin.Scheme == "http" {
		options = append(options, op.WithAllowInsecure())
	}
	standard, err := op.NewProvider(cfg, &storage{p}, op.StaticIssuer(s.issuer), options...)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathLogin, p.showLogin)
	mux.HandleFunc("POST "+pathLogin, p.acceptLogin)
	mux.HandleFunc("GET "+pathInvite, p.showInvite)
	mux.HandleFunc("POST "+pathInvite, p.acceptInvite)
	mux.Handle(pathProvider+"/", p.bindSteps(http.StripPrefix(pathProvider, standard)))
	p.handler = mux
	return p, nil
}

// authRequest is one sign-in under way. A value that was handed out is never changed.
type authRequest struct {
	oidc.AuthRequest
	id, code, subject string
	began, at         time.Time // at: when the person was seen; zero until then
	lang              string
}

// GetID returns the id of the request.
func (a *authRequest) GetID() string { return a.id }

// GetACR returns no class: the provider has one way to sign in.
func (a *authRequest) GetACR() string { return "" }

// GetAMR returns how the person was seen.
func (a *authRequest) GetAMR() []string { return []string{"pwd"} }

// GetAudience returns the office.
func (a *authRequest) GetAudience() []string { return []string{a.ClientID} }

// GetAuthTime returns when the person was seen.
func (a *authRequest) GetAuthTime() time.Time { return a.at }

// GetClientID returns the office.
func (a *authRequest) GetClientID() string { return a.ClientID }

// GetCodeChallenge returns the challenge of PKCE.
func (a *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: a.CodeChallenge, Method: a.CodeChallengeMethod}
}

// GetNonce returns the nonce.
func (a *authRequest) GetNonce() string { return a.Nonce }

// GetScopes returns the scopes.
func (a *authRequest) GetScopes() []string { return a.Scopes }

// GetSubject returns the name of the user.
func (a *authRequest) GetSubject() string { return a.subject }

// Done reports whether the person was seen.
func (a *authRequest) Done() bool { return !a.at.IsZero() }

// addRequest keeps a new request. When too many are under way, the oldest goes.
func (p *provider) addRequest(a *authRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var oldest *authRequest
	for id, r := range p.requests {
		if a.began.Sub(r.began) >= flowTime {
			delete(p.requests, id)
		} else if oldest == nil || r.began.Before(oldest.began) {
			oldest = r
		}
	}
	if len(p.requests) >= maxUnderWay && oldest != nil {
		delete(p.requests, oldest.id)
	}
	p.requests[a.id] = a
}

// findRequest returns a request that is not too old.
func (p *provider) findRequest(match func(*authRequest) bool) (*authRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.service.cfg.Now()
	for _, r := range p.requests {
		if match(r) && now.Sub(r.began) < flowTime {
			return r, nil
		}
	}
	return nil, errUnknown
}

// changeRequest replaces a request by a changed copy.
func (p *provider) changeRequest(id string, with func(*authRequest)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.requests[id]
	if !ok {
		return errUnknown
	}
	changed := *r
	with(&changed)
	p.requests[id] = &changed
	return nil
}

// inProcess sends requests to a handler of this process: the office asks its own provider without the network,
// whatever stands before it.
type inProcess struct{ handler http.Handler }

// RoundTrip answers a request with what the handler writes.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &written{header: http.Header{}, status: http.StatusOK}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, in)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// written is an answer in memory.
type written struct {
	header http.Header
	body   bytes.Buffer
	status int
}

// Header returns the header of the answer.
func (w *written) Header() http.Header { return w.header }

// WriteHeader notes the status.
func (w *written) WriteHeader(status int) { w.status = status }

// Write keeps the body.
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }

// storage is what the library asks of the provider. Refresh tokens, introspection and other clients do not exist.
type storage struct{ p *provider }

var errNotOffered = errors.New("this provider does not offer that")

// CreateAuthRequest keeps what the office asked for.
func (s *storage) CreateAuthRequest(ctx context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if !isBound(ctx, r.CodeChallenge) {
		return nil, errUnknown
	}
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is needed")
	}
	a := &authRequest{AuthRequest: *r, id: randomText(16), began: s.p.service.cfg.Now(), lang: "nl"}
	for _, l := range r.UILocales {
		if base, _ := l.Base(); wordsOf[base.String()].Texts != nil {
			a.lang = base.String()
			break
		}
	}
	s.p.addRequest(a)
	return a, nil
}

// AuthRequestByID returns a request that is under way in the browser that asks.
func (s *storage) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	return s.p.findRequest(func(a *authRequest) bool { return a.id == id && isBound(ctx, a.CodeChallenge) })
}

// AuthRequestByCode returns the request of a code. A code serves once and for a minute: with it the request is gone.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	a, err := s.p.findRequest(func(a *authRequest) bool { return a.code != "" && a.code == code })
	if err != nil {
		return nil, err
	}
	s.p.mu.Lock()
	delete(s.p.requests, a.id)
	s.p.mu.Unlock()
	if s.p.service.cfg.Now().Sub(a.at) >= codeTime {
		return nil, errUnknown
	}
	return a, nil
}

// SaveAuthCode keeps the code of a request.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	return s.p.changeRequest(id, func(a *authRequest) { a.code = code })
}

// DeleteAuthRequest forgets a request.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	delete(s.p.requests, id)
	return nil
}

// CreateAccessToken gives a token that opens nothing: the office needs the identity alone.
func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return randomText(16), time.Now().Add(tokenTime), nil // the library counts from the real clock
}

// CreateAccessAndRefreshTokens is not offered.
func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (accessID, refresh string, until time.Time, err error) {
	return "", "", time.Time{}, errNotOffered
}

// TokenRequestByRefreshToken is not offered.
func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

// TerminateSession has nothing to end: the provider keeps no session, so every sign-in asks for the person.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// RevokeToken has nothing to revoke: tokens open nothing.
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

// GetRefreshTokenInfo is not offered.
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (user, token string, err error) {
	return "", "", op.ErrInvalidRefreshToken
}

// SigningKey returns the key of this process.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.p.key, nil }

// SignatureAlgorithms names the algorithm.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet returns the public key.
func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.p.key}}, nil
}

// GetClientByClientID returns the office, the only client.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.p.service.cfg.ClientID {
		return nil, errUnknown
	}
	return &client{s.p.service}, nil
}

// AuthorizeClientIDSecret refuses every secret: the office is a public client, PKCE holds.
func (s *storage) AuthorizeClientIDSecret(context.Context, string, string) error {
	return errNotOffered
}

// SetUserinfoFromScopes adds nothing: rights never come from a claim.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromToken is not offered.
func (s *storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errNotOffered
}

// SetIntrospectionFromToken is not offered.
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}

// GetPrivateClaimsFromScopes adds nothing.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil //nolint:nilnil // no claims
}

// GetKeyByIDAndClientID is not offered.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

// ValidateJWTProfileScopes is not offered.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}

// Health reports that the provider is there.
func (s *storage) Health(context.Context) error { return nil }
