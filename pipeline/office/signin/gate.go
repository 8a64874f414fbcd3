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

// Gate stands before everything that browsers get from the office. An honest client never sends a request that Gate
// refuses: a foreign host name, a cookie or a form from another site, two cookies or two tokens. A proxy might have
// checked only the other cookie or token.
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

// refuseRequest returns why a request is refused; status 0 = the request may pass.
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
	// A form sends the origin "null" if the page sends no referrer. Only Sec-Fetch-Site tells whether the page is from
	// here.
	if origin := r.Header.Get("Origin"); origin != "" && !s.isOwnOrigin(origin, r.Host) && (origin != "null" || site != "same-origin") {
		return http.StatusForbidden, "cross_site", "the office answers its own pages alone"
	}
	if isPage(r.URL.Path) && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return 0, "", "" // any site may link to a page: a GET changes nothing
	}
	if (cookies > 0 || changesSignIn(r)) && site != "same-origin" {
		return http.StatusForbidden, "cross_site", "the office takes a sign-in from its own pages alone"
	}
	return 0, "", ""
}

// changesSignIn reports whether a request ends a sign-in or sends a password. No other site may trigger such a
// request.
func changesSignIn(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	return strings.HasPrefix(r.URL.Path, "/auth/") || r.URL.Path == pathLogin || r.URL.Path == pathInvite
}

// isPage reports whether a path is outside the API: a page, or a file for a page.
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

// isOurs reports whether host names the office: the public address, a name in Hosts, or loopback where Config permits
// loopback.
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

// isOwnOrigin reports whether an origin is the requested host.
func (s *Service) isOwnOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host) && u.Scheme == s.origin.Scheme
}
