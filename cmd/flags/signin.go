package flags

import "github.com/gvc-brussels/anpr/pipeline/roles"

// SignInFlags describe how people reach the pages of the office and sign in.
type SignInFlags struct {
	PublicURL        string   `help:"Address at which browsers reach the office, such as https://anpr.example. Default: the address it listens on." env:"ANPR_PUBLIC_URL"`
	Hosts            []string `help:"Further names under which the office is asked." env:"ANPR_HOSTS"`
	OIDCIssuer       string   `name:"oidc-issuer" help:"Provider of sign-ins, by its issuer. Default: the office's own, with passwords that people set by anpr user invite." env:"ANPR_OIDC_ISSUER"`
	OIDCClientID     string   `name:"oidc-client-id" help:"Name of the office as a client of that provider." env:"ANPR_OIDC_CLIENT_ID"`
	OIDCClientSecret string   `name:"oidc-client-secret-file" help:"File with the secret of the office at that provider; none for a public client." type:"path" env:"ANPR_OIDC_CLIENT_SECRET_FILE"`
	BehindProxy      bool     `help:"A proxy of yours speaks TLS and passes requests on to the office; needs --public-url." env:"ANPR_BEHIND_PROXY"`
	TLSCert          string   `name:"tls-cert" help:"Certificate of the office's own TLS, PEM, with its chain." type:"path" env:"ANPR_TLS_CERT"`
	TLSKey           string   `name:"tls-key" help:"Key of that certificate." type:"path" env:"ANPR_TLS_KEY"`
	Contact          string   `help:"Whom people ask about their account, as the pages show it." env:"ANPR_CONTACT"`
}

// SignIn returns the configuration.
func (f *SignInFlags) SignIn() roles.SignInConfig {
	return roles.SignInConfig{
		PublicURL: f.PublicURL, Hosts: f.Hosts, Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecretFile: f.OIDCClientSecret,
		BehindProxy: f.BehindProxy, Certificate: f.TLSCert, Key: f.TLSKey, Contact: f.Contact,
	}
}
