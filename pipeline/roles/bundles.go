package roles

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/evidence/timestamp"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// BundleKeys returns the directory of the keys that sign evidence bundles: beside those of the look-up log.
func BundleKeys(lookUpKeys string) string { return filepath.Join(lookUpKeys, "bundles") }

// openEvidence opens the desk that makes evidence bundles. Its keys are made once.
func openEvidence(c *OfficeConfig, catalogue *rules.Catalogue, log zerolog.Logger) (*office.EvidenceDesk, error) {
	keys, err := signing.Load(BundleKeys(c.LookUpKeys), time.Now())
	if err != nil {
		return nil, err
	}
	files, err := CatalogueFiles(c.Catalogue)
	if err != nil {
		return nil, err
	}
	if c.Catalogue != "" { // the built-in one is in the program, and cannot change
		if files, err = holdCatalogue(files, catalogue); err != nil {
			return nil, err
		}
	}
	desk := &office.EvidenceDesk{Keys: keys, Excerpt: func(family schemas.Family, day schemas.Day) ([]byte, string, error) {
		text, err := rules.Excerpt(files, family, day)
		return text, catalogue.Version(), err
	}}
	desk.Stamp = askStamps(c.TimeStamps)
	path, err := findChromium(c.Chromium)
	if err != nil {
		return nil, err
	}
	if path == "" {
		log.Info().Msg("no Chromium is on this machine: evidence bundles have their dossier as HTML alone")
		return desk, nil
	}
	desk.Print = (&printer{path: path}).print
	return desk, nil
}

// stampTime bounds one question to an authority; maxStamp bounds its answer in bytes.
const (
	stampTime = 10 * time.Second
	maxStamp  = 64 << 10
)

// askStamps returns how an authority is asked for time stamps; nil = none is named.
func askStamps(address string) func(ctx context.Context, signature []byte) ([]byte, error) {
	if address == "" {
		return nil
	}
	return (&stamper{address: address, client: &http.Client{Timeout: stampTime}}).stamp
}

// stamper asks a time-stamping authority over HTTP (RFC 3161 section 3.4).
type stamper struct {
	address string
	client  *http.Client
}

// stamp returns a checked time stamp over data. The authority is sent a SHA-256 alone.
func (s *stamper) stamp(ctx context.Context, data []byte) ([]byte, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	nonce := binary.BigEndian.Uint64(random[:])
	question, err := timestamp.Request(data, nonce)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("time stamp: %w", err)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("time stamp: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxStamp))
	switch {
	case err != nil:
		return nil, fmt.Errorf("time stamp: %w", err)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("time stamp: the authority answered with status %d", res.StatusCode)
	}
	return timestamp.ParseResponse(answer, data, nonce)
}

// findChromium returns the Chromium that prints: the named one, which must be there, else the first of the machine; ""
// for none.
func findChromium(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("--chromium: %w", err)
		}
		return path, nil
	}
	for _, name := range []string{"/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", nil
}

// printer prints dossiers with Chromium.
type printer struct{ path string }

// printTime bounds one dossier.
const printTime = time.Minute

// errNotTagged means that a PDF has no structure for those who cannot see it.
var errNotTagged = errors.New("the PDF has no structure tree")

// print makes a tagged PDF of a page and the pictures beside it. Chromium runs without a network, a profile or an
// environment of ours; the policy in the page forbids every script.
func (p *printer) print(ctx context.Context, page []byte, pictures []bundle.Part) ([]byte, error) {
	dir, err := os.MkdirTemp("", "anpr-dossier-")
	if err != nil {
		return nil, fmt.Errorf("print a dossier: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it holds copies alone
	for _, f := range append([]bundle.Part{{Path: "dossier.html", Data: page}}, pictures...) {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, f.Data, 0o600)); err != nil {
			return nil, fmt.Errorf("print a dossier: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	out := filepath.Join(dir, "dossier.pdf")
	args := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer",
		"--user-data-dir=" + filepath.Join(dir, "profile"), "--print-to-pdf=" + out,
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium refuses to start as root otherwise
	}
	cmd := exec.CommandContext(ctx, p.path, append(args, "file://"+filepath.ToSlash(filepath.Join(dir, "dossier.html")))...)
	cmd.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("print a dossier with %s: %w: %.200s", p.path, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("print a dossier: %s wrote none: %w", p.path, err)
	}
	return data, checkTagged(data)
}
