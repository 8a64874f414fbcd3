// make test-tools runs this: the other authority is OpenSSL, which a machine may lack.

//go:build programs

package timestamp

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// authority is a time-stamping authority of OpenSSL, which shares no code with the package.
type authority struct {
	t   *testing.T
	dir string
}

const configText = `[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = Test authority
[ext]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = t
[t]
serial = ./serial
signer_cert = ./cert.pem
signer_key = ./key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
`

func newAuthority(t *testing.T, key ...string) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is not installed, and it is the other authority to test against: Debian, Ubuntu: apt-get install openssl")
	}
	a := &authority{t, t.TempDir()}
	for name, text := range map[string]string{"c.cnf": configText, "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.run(append(append([]string{"req", "-x509", "-config", "c.cnf", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "3650"}, "-newkey"), key...)...)
	return a
}

func (a *authority) run(args ...string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "openssl", args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// answer answers a question as the authority does.
func (a *authority) answer(question []byte) []byte {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, "q"), question, 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.run("ts", "-reply", "-config", "c.cnf", "-section", "t", "-queryfile", "q", "-out", "r")
	out, err := os.ReadFile(filepath.Join(a.dir, "r"))
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *authority) stamp(data []byte, nonce uint64) []byte {
	a.t.Helper()
	q, err := Request(data, nonce)
	if err != nil {
		a.t.Fatal(err)
	}
	token, err := ParseResponse(a.answer(q), data, nonce)
	if err != nil {
		a.t.Fatal(err)
	}
	return token
}

func TestAStampOfAnotherProgramIsRead(t *testing.T) {
	for name, key := range map[string][]string{"RSA": {"rsa:2048"}, "elliptic curve": {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}} {
		t.Run(name, func(t *testing.T) {
			a := newAuthority(t, key...)
			data := []byte("a signature of 64 bytes")
			token := a.stamp(data, 0xfedcba9876543210)
			s, err := Read(token, data)
			if err != nil || s.Authority != "CN=Test authority" || s.At.IsZero() {
				t.Fatalf("got %+v, %v", s, err)
			}
			if _, err := Read(token, []byte("other bytes")); err == nil {
				t.Error("a stamp over other bytes is taken")
			}
			q, err := Request(data, 7)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseResponse(a.answer(q), data, 8); err == nil {
				t.Error("an answer to another question is taken")
			}
			if _, err := ParseResponse(append(a.answer(q), 0), data, 7); err == nil {
				t.Error("an answer with more behind it is taken")
			}
			// Whatever is changed in time, imprint, attributes or signature: the stamp says the same as before or nothing.
			for at := range token {
				b := bytes.Clone(token)
				b[at] ^= 1
				if got, err := Read(b, data); err == nil && got != s {
					t.Fatalf("byte %d changed: got %+v", at, got)
				}
			}
		})
	}
}
