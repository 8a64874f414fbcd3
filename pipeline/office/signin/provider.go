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

// Limits for requests under way at the provider. The office redeems a code immediately, so codeTime is short.
const (
	maxUnderWay = 1000
	codeTime    = time.Minute
	tokenTime   = 5 * time.Minute
)

var errUnknown = errors.New("nothing of that name is under way")

// provider is the office's own provider: a full OpenID provider. The office is the only client, and the users in
// users.yaml are the accounts. Requests under way and the signing key live in memory only. Safe for concurrent use.
type provider struct {
	service *Service
	handler http.Handler
	key     signingKey
	hashing chan struct{} // bounds concurrent hashing

	keeping sync.Mutex // held while a password is stored

	mu       sync.Mutex // guards requests
	requests map[string]*authRequest
}

// signingKey signs the provider's tokens.
type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

// SignatureAlgorithm returns RS256.
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Key returns the private key.
func (k signingKey) Key() any { return k.key }

// ID returns the id of the key.
func (k signingKey) ID() string { return k.id }

// publicKey verifies the provider's tokens.
type publicKey struct{ signingKey }

// Algorithm returns RS256.
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }

// Use returns "sig": the key verifies signatures.
func (k publicKey) Use() string { return "sig" }

// Key returns the public key.
func (k publicKey) Key() any { return &k.key.PublicKey }

// newProvider makes the provider below the office's public address.
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

// authRequest is a sign-in under way. A shared value is never changed; [provider.changeRequest] replaces the value.
type authRequest struct {
	oidc.AuthRequest
	id, code, subject string
	began, at         time.Time // at: time of the authentication; zero before
	lang              string
}

// GetID returns the id of the request.
func (a *authRequest) GetID() string { return a.id }

// GetACR returns "": the provider has only one way to sign in.
func (a *authRequest) GetACR() string { return "" }

// GetAMR returns the method of authentication: a password.
func (a *authRequest) GetAMR() []string { return []string{"pwd"} }

// GetAudience returns the office.
func (a *authRequest) GetAudience() []string { return []string{a.ClientID} }

// GetAuthTime returns the time of the authentication.
func (a *authRequest) GetAuthTime() time.Time { return a.at }

// GetClientID returns the id of the office.
func (a *authRequest) GetClientID() string { return a.ClientID }

// GetCodeChallenge returns the PKCE challenge.
func (a *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: a.CodeChallenge, Method: a.CodeChallengeMethod}
}

// GetNonce returns the nonce.
func (a *authRequest) GetNonce() string { return a.Nonce }

// GetScopes returns the scopes.
func (a *authRequest) GetScopes() []string { return a.Scopes }

// GetSubject returns the name of the user.
func (a *authRequest) GetSubject() string { return a.subject }

// Done reports whether the person has authenticated.
func (a *authRequest) Done() bool { return !a.at.IsZero() }

// addRequest stores a new request and drops expired requests. At maxUnderWay, the oldest request is dropped too.
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

// findRequest returns a matching request younger than flowTime, or errUnknown.
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

// inProcess sends HTTP requests to a handler in the same process. The office reaches its own provider without the
// network, whatever proxy stands before the office.
type inProcess struct{ handler http.Handler }

// RoundTrip returns the handler's answer.
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

// written is an HTTP answer in memory.
type written struct {
	header http.Header
	body   bytes.Buffer
	status int
}

// Header returns the header to fill.
func (w *written) Header() http.Header { return w.header }

// WriteHeader notes the status.
func (w *written) WriteHeader(status int) { w.status = status }

// Write appends to the body.
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }

// storage implements the library's storage. Refresh tokens, introspection and further clients are not supported.
type storage struct{ p *provider }

var errNotOffered = errors.New("this provider does not offer that")

// CreateAuthRequest stores a request from the office. PKCE with S256 is required.
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

// AuthRequestByID returns a request under way, only to the browser that began the request.
func (s *storage) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	return s.p.findRequest(func(a *authRequest) bool { return a.id == id && isBound(ctx, a.CodeChallenge) })
}

// AuthRequestByCode returns the request for a code and deletes the request. A code is valid once, within codeTime.
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

// SaveAuthCode stores the code for a request.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	return s.p.changeRequest(id, func(a *authRequest) { a.code = code })
}

// DeleteAuthRequest drops a request.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	delete(s.p.requests, id)
	return nil
}

// CreateAccessToken returns a token without any right: the office only needs the identity.
func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return randomText(16), time.Now().Add(tokenTime), nil // the library uses the real clock
}

// CreateAccessAndRefreshTokens is not offered.
func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (accessID, refresh string, until time.Time, err error) {
	return "", "", time.Time{}, errNotOffered
}

// TokenRequestByRefreshToken is not offered.
func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

// TerminateSession does nothing: the provider keeps no session, and every sign-in requires authentication.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// RevokeToken does nothing: tokens give no right.
func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

// GetRefreshTokenInfo is not offered.
func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (user, token string, err error) {
	return "", "", op.ErrInvalidRefreshToken
}

// SigningKey returns the key, which lives as long as the process.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.p.key, nil }

// SignatureAlgorithms returns RS256.
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
	return &officeClient{s.p.service}, nil
}

// AuthorizeClientIDSecret refuses every secret: the office is a public client with PKCE.
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

// Health always reports success.
func (s *storage) Health(context.Context) error { return nil }
