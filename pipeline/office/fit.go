package office

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// writeProblem answers with a problem document outside the API's own routes. The problem repeats no sent value.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	p := newProblem(status, code, detail)
	p.RequestID = requestID(r.Context())
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: a problem must marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // ignored: the client went away
}

// longAnswers bounds answers of routes that read a whole table. The server's own bound serves other routes.
const longAnswers = 6 * time.Minute

// screenRequest reports whether a request may go on to the routes. An unfit request is already answered.
func (o *Office) screenRequest(w http.ResponseWriter, r *http.Request) bool {
	if len(r.TransferEncoding) > 0 {
		// net/http dropped any Content-Length beside Transfer-Encoding. A proxy may have obeyed the length: nothing
		// else from this connection is read.
		w.Header().Set("Connection", "close")
	}
	switch {
	case r.Header.Get("Origin") != "" && o.cfg.SignedIn == nil:
		writeProblem(w, r, http.StatusForbidden, "cross_site", "the office does not answer web pages")
		return false
	case o.cfg.Loopback && !loopbackName(r.Host):
		writeProblem(w, r, http.StatusMisdirectedRequest, codeWrongHost, "an office of this machine alone answers to localhost and its addresses")
		return false
	}
	if strings.HasSuffix(r.URL.Path, "/verify") {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longAnswers)) // may lack deadlines
	}
	return true
}

// loopbackName reports whether a Host header names this machine. DNS rebinding sends another name.
func loopbackName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// answerUnknown answers requests outside the API's routes.
func answerUnknown(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" && method != r.Method {
				w.Header().Set("Allow", method)
				writeProblem(w, r, http.StatusMethodNotAllowed, codeMethod, "this route is asked with "+method)
				return
			}
		}
		writeProblem(w, r, http.StatusNotFound, access.CodeNotFound, "there is no such route; /openapi.json lists all")
	}
}

// severalTimes lists the parameters that may repeat.
var severalTimes = []string{"camera"}

// readQuery refuses a repeated parameter, because a proxy may have checked the other copy. Days and instants are
// rewritten in the routes' one form.
func readQuery(ctx huma.Context, route access.Route) error {
	r, _ := humago.Unwrap(ctx)
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, "the query cannot be read: escape it as in a URL")
	}
	for name, given := range values {
		if len(given) > 1 && !slices.Contains(severalTimes, name) {
			return newInvalid("query", "gives a parameter twice; only camera may be")
		}
	}
	changed := false
	for name, parse := range map[string]func(string) (string, error){"from": whenFrom(route), "to": whenTo(route), "day": dayOf} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		written, err := parse(text)
		if err != nil {
			return newInvalid(name, err.Error())
		}
		if written != text {
			values.Set(name, written)
			changed = true
		}
	}
	if changed {
		r.URL.RawQuery = values.Encode()
	}
	return nil
}

// dayOf normalises a day.
func dayOf(text string) (string, error) {
	d, err := schemas.ParseDayWritten(text)
	return d.String(), err
}

// whenFrom returns the parser for a window's beginning on the route. A replay accepts only days.
func whenFrom(route access.Route) func(string) (string, error) {
	if route == access.RouteReplay {
		return dayOf
	}
	return func(text string) (string, error) {
		t, err := schemas.ParseFrom(text)
		return t.Format(time.RFC3339Nano), err
	}
}

// whenTo returns the parser for a window's end on the route.
func whenTo(route access.Route) func(string) (string, error) {
	if route == access.RouteReplay {
		return dayOf
	}
	return func(text string) (string, error) {
		t, err := schemas.ParseTo(text)
		return t.Format(time.RFC3339Nano), err
	}
}
