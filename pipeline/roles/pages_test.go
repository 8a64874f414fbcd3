package roles

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A sign-in never travels in clear: off this machine the pages are served with TLS, or not at all.
func TestPagesAreServedWithTLSOrOnThisMachine(t *testing.T) {
	tls := SignInConfig{Certificate: "c", Key: "k"}
	for name, c := range map[string]struct {
		addr    string
		signIn  SignInConfig
		url     string
		refused string
	}{
		"loopback":                           {"127.0.0.1:8080", SignInConfig{}, "http://127.0.0.1:8080", ""},
		"loopback, IPv6":                     {"[::1]:8080", SignInConfig{}, "http://[::1]:8080", ""},
		"loopback, by a name":                {"127.0.0.1:8080", SignInConfig{PublicURL: "http://localhost:8080"}, "http://localhost:8080", ""},
		"loopback, with TLS":                 {"127.0.0.1:8443", tls, "https://127.0.0.1:8443", ""},
		"every address":                      {":8080", SignInConfig{}, "", ""},
		"an address of the machine":          {"10.1.2.3:8080", SignInConfig{}, "", ""},
		"every address, named":               {":8080", SignInConfig{PublicURL: "https://anpr.example"}, "", "--tls-cert"},
		"an address with TLS":                {"10.1.2.3:8443", tls, "https://10.1.2.3:8443", ""},
		"an address with TLS, named":         {"10.1.2.3:8443", SignInConfig{Certificate: "c", Key: "k", PublicURL: "https://anpr.example"}, "https://anpr.example", ""},
		"behind a proxy":                     {"127.0.0.1:8080", SignInConfig{BehindProxy: true, PublicURL: "https://anpr.example"}, "https://anpr.example", ""},
		"behind a proxy on another machine":  {"10.1.2.3:8080", SignInConfig{BehindProxy: true, PublicURL: "https://anpr.example"}, "https://anpr.example", ""},
		"behind a proxy without a name":      {"127.0.0.1:8080", SignInConfig{BehindProxy: true}, "", "--public-url"},
		"behind a proxy that speaks no TLS":  {"127.0.0.1:8080", SignInConfig{BehindProxy: true, PublicURL: "http://anpr.example"}, "", "https://"},
		"with TLS, and a name that says not": {"10.1.2.3:8443", SignInConfig{Certificate: "c", Key: "k", PublicURL: "http://anpr.example"}, "", "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			o := OfficeConfig{Addr: c.addr, SignIn: c.signIn}
			got, err := o.publicURL()
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%q, %v; want an error that names %s", got, err, c.refused)
				}
				return
			}
			if err != nil || got != c.url {
				t.Errorf("%q, %v; want %q", got, err, c.url)
			}
		})
	}
}

// A person is picked from a list on this machine alone. Behind a proxy other machines reach the office.
func TestAnOfficeBehindAProxyIsNotForThisMachineAlone(t *testing.T) {
	o := OfficeConfig{Addr: "127.0.0.1:8080", SignIn: SignInConfig{BehindProxy: true, PublicURL: "https://anpr.example"}}
	if o.onThisMachine() {
		t.Error("an office behind a proxy counts as one of this machine alone")
	}
}

func TestTLSFilesThatDoNotServeAreNamed(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"anpr.example"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certFile, keyFile := write("office.pem", "CERTIFICATE", cert), write("office.key", "PRIVATE KEY", raw)
	for name, c := range map[string]struct {
		s    SignInConfig
		want string
	}{
		"a certificate without a key": {SignInConfig{Certificate: certFile}, "go together"},
		"a key without a certificate": {SignInConfig{Key: keyFile}, "go together"},
		"files that are not there":    {SignInConfig{Certificate: certFile + "x", Key: keyFile}, "certificate of the office"},
		"files exchanged":             {SignInConfig{Certificate: keyFile, Key: certFile}, "certificate of the office"},
	} {
		if _, err := c.s.loadTLS(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	good := SignInConfig{Certificate: certFile, Key: keyFile}
	if got, err := good.loadTLS(); err != nil || len(got.Certificates) != 1 {
		t.Errorf("good files: %v", err)
	}
	if _, err := readSecretFile(certFile); err != nil {
		t.Errorf("a secret of mode 0600: %v", err)
	}
	if err := os.Chmod(certFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecretFile(certFile); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others can read: %v", err)
	}
}
