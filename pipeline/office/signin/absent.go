package signin

import (
	"net/http"

	"github.com/gvc-brussels/anpr/pipeline/office/web"
)

// Absent serves /auth/ in an office without sign-in by browser: the pages say so, and scripts keep using tokens.
// madeUp says that the office shows made-up data.
func Absent(madeUp bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/site", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"sign_in": "none", "made_up": madeUp})
	})
	mux.HandleFunc("GET /auth/style.css", showStyle) // for the page that tells how to build the screens
	pages := &Service{cfg: Config{MadeUp: madeUp}}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if web.AcceptsPage(r) {
			pages.showFault(w, langOf(r), http.StatusNotFound, "missing")
			return
		}
		writeProblem(w, http.StatusNotFound, "not_found", "nobody signs in here with a browser; the API takes tokens")
	})
	return mux
}
