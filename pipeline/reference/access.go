package reference

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxSources bounds a camera's source ids, and its addresses.
const maxSources = 64

// heldPrefix is an address range and the camera which needs no token from there.
type heldPrefix struct {
	prefix netip.Prefix
	line   int
	camera string
}

// readAccess reads how a camera authenticates beside its token, and its names in messages.
func (l *cameraLoader) readAccess(m *yamlMap, c *schemas.Camera) {
	a := schemas.Access{
		AuthHeader: yamlOptional(m, "auth_header", "", readHeaderName),
		Subject:    yamlOptional(m, "client_subject", "", readText),
		Behind:     yamlOptional(m, "behind", "", readIdent),
		SourceIDs:  readTexts(m, "source_id", readText),
	}
	for _, p := range readTexts(m, "addresses", readPrefix) {
		a.Addresses = append(a.Addresses, p)
		l.prefixes = append(l.prefixes, heldPrefix{p, m.line, c.ID})
	}
	if a.Behind != "" && len(a.SourceIDs) == 0 {
		m.addProblem(m.line, "behind", errors.New("needs source_id; write by what the messages name this camera"))
	}
	if a.Behind != "" && (a.Behind == c.ID || a.AuthHeader != "" || len(a.Addresses) > 0 || a.Subject != "") {
		m.addProblem(m.line, "behind", errors.New("is the camera whose address this one uses; give auth_header, addresses and client_subject there"))
		a.Behind = "" // reported once
	}
	if a.Subject != "" {
		if first, twice := l.subjects[a.Subject]; twice {
			_, line := m.takeKey("client_subject")
			l.p.addProblemf(line, m.joinPath("client_subject"), "is also that of the camera in line %d; issue each camera its own certificate", first)
		}
		l.subjects[a.Subject] = m.line
	}
	if a.AuthHeader != "" || a.Subject != "" || a.Behind != "" || len(a.SourceIDs) > 0 || len(a.Addresses) > 0 {
		c.Access = &a
	}
}

// readTexts reads a list with plain values, or a single value.
func readTexts[T comparable](m *yamlMap, key string, read func(string) (T, error)) (out []T) {
	n, _ := m.takeKey(key)
	if n == nil {
		return nil
	}
	if _, list := n.(*ast.SequenceNode); !list {
		return []T{yamlValue(m, key, read)}
	}
	m.eachElement(key, func(n ast.Node, path string) {
		s, err := scalarText(n)
		var v T
		if err == nil {
			v, err = read(s)
		}
		if err == nil && slices.Contains(out, v) {
			err = errors.New("is there twice; keep one")
		}
		if err == nil && len(out) == maxSources {
			err = fmt.Errorf("is one too many; at most %d are taken", maxSources)
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error())
			return
		}
		out = append(out, v)
	})
	return out
}

// readHeaderName reads an HTTP header's name. Devices write _ for -: both spellings name the same header here.
func readHeaderName(s string) (string, error) {
	if s == "" || len(s) > maxName || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return "", fmt.Errorf("%.40q is no name of an HTTP header; write it as the device sends it, such as x_auth_key", s)
	}
	switch name := http.CanonicalHeaderKey(s); name {
	case "Authorization", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Connection", "Forwarded", "Cookie":
		return "", fmt.Errorf("%s has a meaning of its own; leave auth_header out or name the device's own header", name)
	default:
		return name, nil
	}
}

// readPrefix reads an address or an address range: 10.1.2.3, 10.1.2.0/28, 2001:db8::/64.
func readPrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%.60q is no address; write 10.1.2.3 or 10.1.2.0/28", s)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%s has bits beyond its length; write %s", p, p.Masked())
	}
	if p.Bits() < 8 {
		return p, fmt.Errorf("%s is a large part of the Internet; name the camera's own addresses", p)
	}
	return p, nil
}

// checkAddresses refuses an address shared by two cameras, because the address would not tell the sender.
func (l *cameraLoader) checkAddresses() {
	slices.SortFunc(l.prefixes, func(a, b heldPrefix) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	for i := 1; i < len(l.prefixes); i++ {
		a, b := l.prefixes[i-1], l.prefixes[i]
		if a.prefix.Overlaps(b.prefix) {
			l.p.addProblemf(b.line, "addresses", "%s is also an address of camera %s; give each camera its own, or write behind and source_id for those of one recorder", b.prefix, a.camera)
		}
	}
}

// joinSources tells each camera with its own address the sources behind the address.
func (l *cameraLoader) joinSources() {
	byID := make(map[string]*schemas.Camera, len(l.out))
	for _, c := range l.out {
		byID[c.ID] = c
	}
	for _, c := range l.out {
		a := c.Access
		if a == nil || len(a.SourceIDs) == 0 {
			continue
		}
		host := c
		if a.Behind != "" {
			host = byID[a.Behind]
			if host == nil || host.Accepts().Behind != "" {
				l.p.addProblemf(l.ids[c.ID], "behind", "%.64q of camera %s is no camera with an address of its own; name the one that the recorder posts to", a.Behind, c.ID)
				continue
			}
		}
		if host.Access == nil {
			host.Access = &schemas.Access{}
		}
		if host.Access.Sources == nil {
			host.Access.Sources = map[string]string{}
		}
		for _, id := range a.SourceIDs {
			if other, twice := host.Access.Sources[id]; twice {
				l.p.addProblemf(l.ids[c.ID], "source_id", "%.64q is that of %s and of %s, behind one address; each source is one camera", id, min(other, c.ID), max(other, c.ID))
			}
			host.Access.Sources[id] = c.ID
		}
	}
}
