package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed all:dist
var dist embed.FS

//go:embed routes.json
var routesFile []byte

// Policy is the content security policy for every page. Scripts, styles and requests come only from the office. Inline
// code, frames, and text that becomes a script (Trusted Types) are forbidden.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html default"

// SetHeaders sets the security headers for a page.
func SetHeaders(h http.Header) {
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// page is a file, ready to send.
type page struct {
	plain, packed []byte
	kind          string
}

// Pages serves the office's pages. Pages is immutable and safe for concurrent use.
type Pages struct {
	paths []string        // screens of the router
	files map[string]page // by address: /assets/...
	index page            // for every screen; without built pages, a page that tells how to build them
	built bool
}

// Load reads the pages embedded in the program.
func Load() (*Pages, error) {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return loadPages(built)
}

func loadPages(built fs.FS) (*Pages, error) {
	p := &Pages{files: map[string]page{}}
	if err := json.Unmarshal(routesFile, &p.paths); err != nil {
		return nil, fmt.Errorf("routes.json: %w", err)
	}
	index, err := fs.ReadFile(built, "index.html")
	if p.built = err == nil; !p.built {
		if index, err = fs.ReadFile(built, "absent.html"); err != nil {
			return nil, fmt.Errorf("pages: neither index.html nor absent.html is there: %w", err)
		}
	}
	p.index = newPage("index.html", index)
	if !p.built {
		return p, nil
	}
	err = fs.WalkDir(built, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(built, name)
		p.files["/"+name] = newPage(name, raw)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("pages: %w", err)
	}
	return p, nil
}

// kinds are the content types of the files. The machine's own list does not matter.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".json": "application/json", ".woff2": "font/woff2",
}

func newPage(name string, raw []byte) page {
	p := page{plain: raw, kind: kinds[path.Ext(name)]}
	if p.kind == "" {
		p.kind = "application/octet-stream"
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return p // an invalid level: the page is sent uncompressed
	}
	if _, err := w.Write(raw); err == nil && w.Close() == nil && out.Len() < len(raw) {
		p.packed = out.Bytes()
	}
	return p
}

// Built reports whether the program contains the pages. Without them, every screen tells how to build them.
func (p *Pages) Built() bool { return p.built }

// IsPath reports whether an address is a screen in this office: a path on the router's list, with or without a query,
// and without characters that could lead elsewhere.
func (p *Pages) IsPath(address string) bool {
	at, _, _ := strings.Cut(address, "?")
	return p.hasScreen(at) && !strings.ContainsAny(address, "\\#\r\n\t") && !strings.HasPrefix(address, "//")
}

// hasScreen reports whether a path is on the router's list. A part in braces stands for a random id.
func (p *Pages) hasScreen(at string) bool {
	parts := strings.Split(at, "/")
	return slices.ContainsFunc(p.paths, func(screen string) bool {
		return slices.EqualFunc(strings.Split(screen, "/"), parts, func(want, got string) bool {
			return want == got || strings.HasPrefix(want, "{") && randomID.MatchString(got)
		})
	})
}

// randomID is the form of an id in the address of a screen.
var randomID = regexp.MustCompile(`^[0-9a-f-]{36}$`)

// Handler serves the screens and their files, and passes every other request to next, the API.
func (p *Pages) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		if f, ok := p.files[r.URL.Path]; ok {
			SetHeaders(w.Header())
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable") // the name holds the hash of the content
			sendPage(w, r, f, http.StatusOK)
			return
		}
		known := p.hasScreen(r.URL.Path)
		if !known && !forBrowser(r) {
			next.ServeHTTP(w, r)
			return
		}
		SetHeaders(w.Header())
		status := http.StatusOK
		if !known {
			status = http.StatusNotFound
		}
		sendPage(w, r, p.index, status)
	})
}

// forBrowser reports whether a person asks for an unknown page, rather than a program for an unknown API object.
func forBrowser(r *http.Request) bool {
	for _, prefix := range []string{"/v1/", "/auth/", "/assets/", "/oidc/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return false
		}
	}
	return AcceptsPage(r)
}

// AcceptsPage reports whether a request accepts HTML, as a browser does when a person follows a link.
func AcceptsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

func sendPage(w http.ResponseWriter, r *http.Request, f page, status int) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if f.packed != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client went away: nothing to do
	}
}

// acceptsGzip reports whether a browser accepts gzip. A browser may forbid gzip with q=0.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.TrimRight(strings.ReplaceAll(quality, " ", ""), "0.") != "q=" {
			return true
		}
	}
	return false
}
