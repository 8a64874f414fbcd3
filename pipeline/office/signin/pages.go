package signin

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/web"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

//go:embed pages/texts.json
var wordsFile []byte

// pageWords are the texts for the server's pages in one language.
type pageWords struct {
	Texts map[string]string `json:"texts"`
	Roles map[string]string `json:"roles"` // by role
}

// wordsOf holds the words by language.
var wordsOf = readWords(wordsFile)

func readWords(file []byte) (all map[string]pageWords) {
	if err := json.Unmarshal(file, &all); err != nil {
		panic("BUG: pages/texts.json: " + err.Error())
	}
	return all
}

// view is the data for a page template.
type view struct {
	Lang    string
	T       map[string]string
	MadeUp  bool
	Contact string
	Title   string // for a fault
	Text    string // for a fault
	SignIn  string // for a fault: text of the link to sign in; "" = signing in does not help
	Next    string // address to continue to
	ID      string // id of the request at the provider, or the invitation
	Name    string
	Fault   string
	People  []choice
}

// choice is a user in the list for made-up data.
type choice struct{ Name, Role, Where string }

func (s *Service) newView(lang string) view {
	return view{Lang: lang, T: wordsOf[lang].Texts, MadeUp: s.cfg.MadeUp, Contact: s.cfg.Contact}
}

// showPage writes a page. The pages have no script; the style is a separate file.
func (s *Service) showPage(w http.ResponseWriter, status int, name string, v view) {
	web.SetHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, name, v); err != nil {
		s.cfg.Logger.Debug().Err(err).Msg("page not sent whole")
	}
}

// showNext writes a page that continues to a screen without a click.
func (s *Service) showNext(w http.ResponseWriter, lang, next string) {
	v := s.newView(lang)
	v.Next = next
	s.showPage(w, http.StatusOK, "next.html", v)
}

// titleOf maps a fault to the text key for the heading. Other faults have the heading faultTitle.
var titleOf = map[string]string{"inviteGone": "inviteTitle", "missing": "missingTitle", "wrongHost": "wrongHostTitle"}

// showFault writes a page about a fault, with advice for the person.
func (s *Service) showFault(w http.ResponseWriter, lang string, status int, text string) {
	v := s.newView(lang)
	v.Title, v.Text = v.T["faultTitle"], v.T[text]
	switch text {
	case "missing", "wrongHost": // the address is wrong
	case "inviteGone": // the person may never have signed in
		v.SignIn = v.T["title"]
	default:
		v.SignIn = v.T["again"]
	}
	if title := titleOf[text]; title != "" {
		v.Title = v.T[title]
	}
	s.showPage(w, status, "fault.html", v)
}

// showFaultsAsPages replaces plain-text errors from routers and the provider library. A person gets a page in their
// language; a program gets a problem document for an unknown address or method.
func (s *Service) showFaultsAsPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := &written{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(got, r)
		plain := got.status >= http.StatusBadRequest && strings.HasPrefix(got.header.Get("Content-Type"), "text/plain")
		missing := got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed
		if allow := got.header.Get("Allow"); plain && allow != "" {
			w.Header().Set("Allow", allow)
		}
		switch {
		case plain && missing && web.AcceptsPage(r):
			s.showFault(w, langOf(r), got.status, "missing")
		case plain && got.status == http.StatusMethodNotAllowed:
			writeProblem(w, got.status, "method", "this address is not asked with this method")
		case plain && missing:
			writeProblem(w, got.status, "not_found", "there is no such address")
		case plain && web.AcceptsPage(r):
			s.showFault(w, langOf(r), got.status, "failed")
		default:
			maps.Copy(w.Header(), got.header)
			w.WriteHeader(got.status)
			_, _ = w.Write(got.body.Bytes()) // the client went away: nothing to do
		}
	})
}

func showStyle(w http.ResponseWriter, _ *http.Request) {
	b, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic("BUG: the style is embedded: " + err.Error())
	}
	web.SetHeaders(w.Header())
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(b) // the client went away: nothing to do
}

// langOf returns the language for a request: the language in the address, else the first known language that the
// browser names, else Dutch.
func langOf(r *http.Request) string {
	for _, named := range []string{r.URL.Query().Get("lang"), r.URL.Query().Get("ui_locales")} {
		if _, ok := wordsOf[named]; ok {
			return named
		}
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		tag, _, _ = strings.Cut(tag, "-")
		if _, ok := wordsOf[tag]; ok {
			return tag
		}
	}
	return "nl"
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an answer must marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b) // the client went away: nothing to do
}

// writeProblem answers with a problem document and returns the request id for the process log. The document repeats
// nothing from the request.
func writeProblem(w http.ResponseWriter, status int, code, detail string) (requestID string) {
	requestID = newRequestID()
	b, err := json.Marshal(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail, "code": code, "request_id": requestID})
	if err != nil {
		panic("BUG: a problem must marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Request-Id", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client went away: nothing to do
	return requestID
}

// newRequestID returns a random id in the same form as the API's request ids.
func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
