package signin

import "net/http"

// Absent serves /auth/ where nobody can sign in with a browser: the pages say so, and scripts go on with their tokens.
func Absent(madeUp bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/site", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"sign_in": "none", "made_up": madeUp})
	})
	mux.HandleFunc("GET /auth/style.css", showStyle) // of the page that says how to build the others
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "not_found", "nobody signs in here with a browser; the API takes tokens")
	})
	return mux
}
