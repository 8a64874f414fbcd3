package signin

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

func TestEveryTextOfThePagesIsThereInEveryLanguage(t *testing.T) {
	if got := slices.Sorted(maps.Keys(wordsOf)); !slices.Equal(got, []string{"en", "fr", "nl"}) {
		t.Fatalf("languages %v", got)
	}
	for lang, w := range wordsOf {
		for key := range wordsOf["nl"].Texts {
			if w.Texts[key] == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		if len(w.Texts) != len(wordsOf["nl"].Texts) {
			t.Errorf("%s has %d texts, nl has %d", lang, len(w.Texts), len(wordsOf["nl"].Texts))
		}
		for _, role := range access.Roles() {
			if w.Roles[string(role)] == "" {
				t.Errorf("%s has no name for the role %s", lang, role)
			}
		}
	}
}

func TestAnAddressThatNothingHasIsSaidInTheLanguageOfThePerson(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	const page = "text/html,application/xhtml+xml"
	for _, c := range []struct {
		method, path, lang, wrong string // wrong: the requested host name
		status                    int
		title                     string
	}{
		{"GET", "/auth/nothing", "nl-BE,nl;q=0.9", "", 404, wordsOf["nl"].Texts["missingTitle"]},
		{"GET", "/auth/nothing", "fr-BE,fr;q=0.9,nl;q=0.5", "", 404, wordsOf["fr"].Texts["missingTitle"]},
		{"GET", "/auth/nothing?lang=en", "fr", "", 404, wordsOf["en"].Texts["missingTitle"]},
		{"GET", "/oidc/nothing", "fr", "", 404, wordsOf["fr"].Texts["missingTitle"]},
		{"GET", "/auth/sign-out", "fr", "", 405, wordsOf["fr"].Texts["missingTitle"]},
		{"GET", "/auth/sign-in", "de,fr", "other.example", 421, wordsOf["fr"].Texts["wrongHostTitle"]},
	} {
		header := []string{"Accept", page, "Accept-Language", c.lang}
		if c.wrong != "" {
			header = append(header, "Host", c.wrong)
		}
		got := b.do(c.method, c.path, nil, header...)
		if got.status != c.status || !strings.Contains(got.body, "<h1>"+c.title+"</h1>") || strings.Contains(got.body, "/auth/sign-in") || got.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s in %s: status %d: %s", c.method, c.path, c.lang, got.status, got.body)
		}
		if c.status == 405 && got.header.Get("Allow") != "POST" {
			t.Errorf("%s %s: allowed is %q", c.method, c.path, got.header.Get("Allow"))
		}
		header[1] = "application/json"
		if got := b.do(c.method, c.path, nil, header...); got.status != c.status || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("a program asks %s %s: status %d: %s", c.method, c.path, got.status, got.body)
		}
	}
	absent := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/auth/sign-in", nil)
	r.Header.Set("Accept", page)
	r.Header.Set("Accept-Language", "fr")
	Absent(true).ServeHTTP(absent, r)
	if absent.Code != 404 || !strings.Contains(absent.Body.String(), wordsOf["fr"].Texts["missingTitle"]) {
		t.Errorf("without sign-in: status %d: %s", absent.Code, absent.Body)
	}
}
