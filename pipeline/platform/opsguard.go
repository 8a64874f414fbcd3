package platform

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// OpsAccess names the networks that may see more than the health of a process, and the host names in their requests.
type OpsAccess struct {
	Allow []netip.Prefix // networks that may see profiles and receipts, beside this machine
	Hosts []string       // host names with a dot, beside the name of this machine
}

// opsGuard protects the ops port. Profiles and receipts (camera ids and times of every read) are for this machine and
// the named networks. The Host of a request must also be a name of this machine. A web page in a local browser may
// point its own name at this machine, but sends this foreign name as Host.
type opsGuard struct {
	access OpsAccess
	next   http.Handler
}

// ServeHTTP answers 421 to a foreign host name, 403 to an address without permission, and passes on the rest.
func (g *opsGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.isOurs(r.Host) {
		http.Error(w, "this port does not answer to that name; name it with --ops-hosts", http.StatusMisdirectedRequest)
		return
	}
	if r.Header.Get("Origin") != "" {
		http.Error(w, "this port does not answer web pages", http.StatusForbidden)
		return
	}
	if isPrivate(r.URL.Path) && !g.trustsAddress(r.RemoteAddr) {
		http.Error(w, "only for this machine, and for networks named with --ops-allow", http.StatusForbidden)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	g.next.ServeHTTP(w, r)
}

// isPrivate reports whether a page shows more than the health of the process.
func isPrivate(path string) bool {
	return !slices.Contains([]string{"/metrics", "/healthz", "/readyz"}, path)
}

// trustsAddress reports whether an address belongs to this machine or to a named network.
func (g *opsGuard) trustsAddress(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	ip := at.Addr().Unmap()
	return ip.IsLoopback() || slices.ContainsFunc(g.access.Allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// isOurs reports whether a host name may belong to this machine: an address, a name without a dot (nobody can point
// such a name elsewhere), the machine's own name or a configured name.
func (g *opsGuard) isOurs(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "" {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
		return true
	}
	own, _ := os.Hostname()
	return strings.EqualFold(name, own) || slices.ContainsFunc(g.access.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// showCommand answers /debug/pprof/cmdline with the command and the names of the flags. A value may be a password and
// is never shown.
func showCommand(w http.ResponseWriter, _ *http.Request) {
	args := slices.Clone(os.Args)
	for i, a := range args {
		name, _, given := strings.Cut(a, "=")
		switch {
		case i == 0:
		case strings.HasPrefix(a, "-") && given:
			args[i] = name + "=..."
		case !strings.HasPrefix(a, "-") && strings.HasPrefix(args[i-1], "-"):
			args[i] = "..."
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strings.Join(args, "\x00")))
}
