package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var built = fstest.MapFS{
	"index.html":          {Data: []byte(`<!doctype html><script type="module" src="/assets/index-a1.js"></script>`)},
	"assets/index-a1.js":  {Data: []byte(strings.Repeat("export const a = 1;\n", 100))},
	"assets/index-b2.css": {Data: []byte("p{margin:0}")},
	"absent.html":         {Data: []byte("absent")},
}

func pagesOf(t *testing.T, files fstest.MapFS) *Pages {
	t.Helper()
	p, err := loadPages(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(p *Pages, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).ServeHTTP(w, r)
	return w
}

func TestAProgramWithoutItsPagesSaysHowToBuildThem(t *testing.T) {
	p, err := loadPages(fstest.MapFS{"absent.html": {Data: []byte("make ui")}})
	if err != nil || p.Built() {
		t.Fatal(err, p.Built())
	}
	if w := ask(p, "GET", "/"); w.Code != http.StatusOK || w.Body.String() != "make ui" || w.Header().Get("Content-Security-Policy") != Policy {
		t.Errorf("status %d, body %q, header %v", w.Code, w.Body, w.Header())
	}
	if _, err := loadPages(fstest.MapFS{}); err == nil {
		t.Error("a dist without absent.html must be an error")
	}
	// The page in the repository tells how to build the pages, in all languages.
	raw, err := dist.ReadFile("dist/absent.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lang="nl"`, `lang="fr"`, `lang="en"`, "make ui &amp;&amp; make build"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("absent.html lacks %s", want)
		}
	}
}

func TestTheEmbeddedPagesLoad(t *testing.T) {
	if _, err := Load(); err != nil {
		t.Fatal(err)
	}
}

func TestEveryPageCarriesThePolicyAndIsNotKept(t *testing.T) {
	p := pagesOf(t, built)
	for _, path := range append([]string{"/nowhere"}, p.paths...) {
		h := ask(p, "GET", path, "Accept", "text/html").Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": Policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
	}
	for _, must := range []string{"default-src 'none'", "require-trusted-types-for 'script'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(Policy, must) {
			t.Errorf("policy lacks %s", must)
		}
	}
	if strings.Contains(Policy, "unsafe") {
		t.Error("the policy allows what is unsafe")
	}
}

func TestFilesWithHashedNamesAreKeptForEver(t *testing.T) {
	w := ask(pagesOf(t, built), "GET", "/assets/index-a1.js")
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("status %d, header %v", w.Code, w.Header())
	}
}

func TestAFileIsPackedForWhoTakesIt(t *testing.T) {
	p := pagesOf(t, built)
	plain := ask(p, "GET", "/assets/index-a1.js").Body.String()
	for accept, packed := range map[string]bool{"gzip, br": true, "br;q=1, gzip;q=0.5": true, "": false, "gzip;q=0": false, "gzip; q=0.0": false, "br": false} {
		w := ask(p, "GET", "/assets/index-a1.js", "Accept-Encoding", accept)
		body := io.Reader(w.Body)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("Accept-Encoding %q: packed %v", accept, got)
			continue
		}
		if packed {
			var err error
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != plain {
			t.Errorf("Accept-Encoding %q: %v, other bytes", accept, err)
		}
	}
}

func TestWhatIsNoPageIsTheMatterOfTheAPI(t *testing.T) {
	p := pagesOf(t, built)
	for _, c := range []struct{ method, path, accept string }{
		{"GET", "/v1/me", "application/json"},
		{"GET", "/v1/reads", "text/html"},
		{"GET", "/openapi.json", "*/*"},
		{"POST", "/", "text/html"},
		{"GET", "/assets/index-gone.js", "text/html"},
		{"GET", "/auth/nothing", "text/html"},
		{"GET", "/oidc/nothing", "text/html"},
		{"DELETE", "/nowhere", "text/html"},
	} {
		if w := ask(p, c.method, c.path, "Accept", c.accept); w.Code != http.StatusTeapot {
			t.Errorf("%s %s: status %d, want the API's", c.method, c.path, w.Code)
		}
	}
	if w := ask(p, "GET", "/nowhere", "Accept", "text/html,*/*"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "index-a1.js") {
		t.Errorf("a person at an unknown path: status %d", w.Code)
	}
	if w := ask(p, "HEAD", "/"); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: status %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestOnlyAScreenMayFollowASignIn(t *testing.T) {
	p := pagesOf(t, built)
	for address, want := range map[string]bool{
		"/": true, "/?lang=fr": true, "/?q=https://evil.example": true,
		"//evil.example": false, "//evil.example/?": false, "https://evil.example/": false, "https:": false, "/\\evil.example": false, "\\/evil.example": false,
		"javascript:alert(1)": false, "": false, "/nowhere": false, "/ /": false, "/?a=\r\nSet-Cookie: x": false, "/#//evil": false, " /": false, "/%2f/evil": false,
	} {
		if got := p.IsPath(address); got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}

// The address of one case is a screen; whatever is no random id leads nowhere.
func TestTheScreenOfOneCaseTakesARandomIDAlone(t *testing.T) {
	p := pagesOf(t, built)
	const id = "0b5f3c1e-8f0a-4b1c-9d7e-1a2b3c4d5e6f"
	for path, want := range map[string]int{
		"/case/" + id: http.StatusOK, "/case/": http.StatusNotFound, "/case/1ABC123": http.StatusNotFound, "/case/" + id + "/": http.StatusNotFound,
		"/case/" + strings.ToUpper(id): http.StatusNotFound, "/case/" + id + "/bundle/x": http.StatusNotFound, "/case/{case_id}x": http.StatusNotFound,
	} {
		if got := ask(p, "GET", path, "Accept", "text/html").Code; got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
		if got := p.IsPath(path + "?lang=nl"); got != (want == http.StatusOK) {
			t.Errorf("%s as the place to come back to: %v", path, got)
		}
	}
}
