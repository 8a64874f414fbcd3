package signin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/web"
)

// Gate stands before everything that the office serves to a browser and refuses what no honest client sends: another
// host's name, a request of another site that carries a cookie or that a page sent, two cookies or two tokens of which
// a proxy may have checked the other.
func (s *Service) Gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, code, detail := s.refuseRequest(r)
		switch {
		case status == http.StatusMisdirectedRequest && web.AcceptsPage(r):
			s.showFault(w, langOf(r), status, "wrongHost")
			return
		case status != 0:
			id := writeProblem(w, status, code, detail)
			s.cfg.Logger.Debug().Str("request_id", id).Str("code", code).Msg("request refused before the API")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseRequest says why a request is not let in; 0 = it is.
func (s *Service) refuseRequest(r *http.Request) (status int, code, detail string) {
	tokens := len(r.Header.Values("Authorization"))
	cookies := countSignIns(r)
	switch {
	case !s.isOurs(r.Host):
		return http.StatusMisdirectedRequest, "wrong_host", "the office does not answer to this name; the operator adds names with --hosts"
	case tokens > 1:
		return http.StatusBadRequest, "malformed", "send one Authorization header"
	case cookies > 1:
		return http.StatusBadRequest, "malformed", "send one sign-in"
	case tokens > 0 && cookies > 0:
		return http.StatusBadRequest, "malformed", "send a sign-in or a token, not both"
	}
	site := r.Header.Get("Sec-Fetch-Site")
	// A form of a page that sends no referrer has the origin "null"; only the browser's own header tells it from that
	// of another site.
	if origin := r.Header.Get("Origin"); origin != "" && !s.isOwnOrigin(origin, r.Host) && (origin != "null" || site != "same-origin") {
		return http.StatusForbidden, "cross_site", "the office answers its own pages alone"
	}
	if isPage(r.URL.Path) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return 0, "", "" // may be navigated to from anywhere: it changes nothing by that alone
	}
	if (cookies > 0 || changesSignIn(r)) && site != "same-origin" {
		return http.StatusForbidden, "cross_site", "the office takes a sign-in from its own pages alone"
	}
	return 0, "", ""
}

// changesSignIn reports whether a request ends a sign-in or hands a password over, which no other site may make a
// browser do.
func changesSignIn(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	return strings.HasPrefix(r.URL.Path, "/auth/") || r.URL.Path == pathLogin || r.URL.Path == pathInvite
}

// isPage reports whether a path is a page or a file of one, and not the API.
func isPage(path string) bool {
	return !strings.HasPrefix(path, "/v1/") && path != "/openapi.json" && path != "/auth/me"
}

func countSignIns(r *http.Request) (n int) {
	for _, c := range r.Cookies() {
		if c.Name == cookieSignIn {
			n++
		}
	}
	return n
}

// isOurs reports whether a request names the office: by its public address, by a name on the list, or on a machine of
// one's own by loopback.
func (s *Service) isOurs(host string) bool {
	if strings.EqualFold(host, s.origin.Host) || slices.ContainsFunc(s.cfg.Hosts, func(h string) bool {
		return strings.EqualFold(h, host) || strings.EqualFold(h, withoutPort(host))
	}) {
		return true
	}
	return s.cfg.Loopback && isLoopbackName(withoutPort(host))
}

func withoutPort(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}

func isLoopbackName(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// isOwnOrigin reports whether an origin is that of the very host that was asked.
func (s *Service) isOwnOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host) && u.Scheme == s.origin.Scheme
}
