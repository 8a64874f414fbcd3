package signin

import (
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is the office as the client of its own provider.
type client struct{ service *Service }

// GetID returns the id of the office.
func (c *client) GetID() string { return c.service.cfg.ClientID }

// RedirectURIs returns the one address to come back to.
func (c *client) RedirectURIs() []string {
	return []string{c.service.origin.String() + "/auth/callback"}
}

// PostLogoutRedirectURIs returns none: the provider keeps no session.
func (c *client) PostLogoutRedirectURIs() []string { return nil }

// ApplicationType says that the office is a web application.
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

// AuthMethod says that the office has no secret; PKCE binds the code to it.
func (c *client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

// ResponseTypes returns the code flow alone.
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes returns the code flow alone.
func (c *client) GrantTypes() []oidc.GrantType { return []oidc.GrantType{oidc.GrantTypeCode} }

// LoginURL returns the page on which a person signs in.
func (c *client) LoginURL(id string) string { return pathLogin + "?id=" + url.QueryEscape(id) }

// AccessTokenType says that access tokens are opaque.
func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

// IDTokenLifetime is short: the office reads the token once, at once.
func (c *client) IDTokenLifetime() time.Duration { return tokenTime }

// DevMode permits http, which is for this machine alone.
func (c *client) DevMode() bool { return c.service.origin.Scheme == "http" }

// RestrictAdditionalIdTokenScopes keeps no further scope.
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string { return noScopes } //nolint:staticcheck // the name of the interface

// RestrictAdditionalAccessTokenScopes keeps no further scope.
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return noScopes }

func noScopes([]string) []string { return nil }

// IsScopeAllowed permits no further scope.
func (c *client) IsScopeAllowed(string) bool { return false }

// IDTokenUserinfoClaimsAssertion keeps claims out of the token.
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew is none: both are one process.
func (c *client) ClockSkew() time.Duration { return 0 }
