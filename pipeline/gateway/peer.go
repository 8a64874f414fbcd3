package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// peer is the sender of a request, as far as the connection and a trusted proxy say.
type peer struct {
	addr    netip.Addr // sender; invalid when the proxy did not name the sender
	remote  netip.Addr // other end of the connection: the sender, or the proxy
	subject string     // client certificate verified by a trusted proxy; "" = none
}

// failureKey is the address for counting failures: the sender, or the proxy in front.
func (p peer) failureKey() netip.Addr {
	if p.addr.IsValid() {
		return p.addr
	}
	return p.remote
}

// identifyPeer finds the sender. X-Forwarded-For counts only from a trusted proxy, from the right, past further
// trusted proxies: the sender may have written everything further left. A subject from any other sender refuses the
// request.
func (g *Gateway) identifyPeer(r *http.Request) (peer, *schemas.RejectError) {
	near, _ := netip.ParseAddrPort(r.RemoteAddr)
	p := peer{remote: near.Addr().Unmap().WithZone("")}
	trusted := g.trustsProxy(p.remote)
	if name := g.cfg.SubjectHeader; name != "" {
		switch subjects := r.Header.Values(name); {
		case len(subjects) > 0 && !trusted:
			return p, schemas.Rejectf(schemas.ReasonUnauthorised, name,
				"comes from no trusted proxy; leave it out, or name the proxy with --trusted-proxy")
		case len(subjects) > 1:
			return p, schemas.Rejectf(schemas.ReasonMalformed, name,
				"is there %d times; let the proxy replace what the sender wrote", len(subjects))
		case len(subjects) == 1:
			p.subject = strings.TrimSpace(subjects[0])
		}
	}
	if !trusted {
		p.addr = p.remote
		return p, nil
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		a, ok := parseHop(hop)
		if !ok {
			return p, nil
		}
		if !g.trustsProxy(a) {
			p.addr = a
			return p, nil
		}
	}
	return p, nil
}

// parseHop reads an address with or without a port, as proxies write it.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

func (g *Gateway) trustsProxy(a netip.Addr) bool {
	for _, p := range g.cfg.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
