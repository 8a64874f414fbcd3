package signin

import (
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// officeClient describes the office to the provider in the same process. The provider has no other client.
type officeClient struct{ service *Service }

// GetID returns the id of the office.
func (c *officeClient) GetID() string { return c.service.cfg.ClientID }

// RedirectURIs returns the only permitted return address.
func (c *officeClient) RedirectURIs() []string {
	return []string{c.service.origin.String() + "/auth/callback"}
}

// PostLogoutRedirectURIs returns nothing: the provider keeps no session.
func (c *officeClient) PostLogoutRedirectURIs() []string { return nil }

// ApplicationType returns the type for a web application.
func (c *officeClient) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

// AuthMethod returns "none": the office has no secret, and PKCE protects the code.
func (c *officeClient) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

// ResponseTypes permits only the code flow.
func (c *officeClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes permits only the code flow.
func (c *officeClient) GrantTypes() []oidc.GrantType { return []oidc.GrantType{oidc.GrantTypeCode} }

// LoginURL returns the address of the sign-in form.
func (c *officeClient) LoginURL(id string) string { return pathLogin + "?id=" + url.QueryEscape(id) }

// AccessTokenType returns the type for opaque tokens.
func (c *officeClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

// IDTokenLifetime is short: the office reads the token once, immediately.
func (c *officeClient) IDTokenLifetime() time.Duration { return tokenTime }

// DevMode permits plain http. Only an office on loopback has such an address.
func (c *officeClient) DevMode() bool { return c.service.origin.Scheme == "http" }

// RestrictAdditionalIdTokenScopes permits no further scope.
func (c *officeClient) RestrictAdditionalIdTokenScopes() func([]string) []string { return noScopes } //nolint:staticcheck // the name of the interface

// RestrictAdditionalAccessTokenScopes permits no further scope.
func (c *officeClient) RestrictAdditionalAccessTokenScopes() func([]string) []string { return noScopes }

func noScopes([]string) []string { return nil }

// IsScopeAllowed permits no further scope.
func (c *officeClient) IsScopeAllowed(string) bool { return false }

// IDTokenUserinfoClaimsAssertion keeps claims out of the token.
func (c *officeClient) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew is 0: office and provider share a clock.
func (c *officeClient) ClockSkew() time.Duration { return 0 }
