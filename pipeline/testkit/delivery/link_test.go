//go:build kafka || faults || soak

package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"sync"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is the network between the workers and a server.
type link struct{ proxy *toxiproxy.Proxy }

var toxiServer = sync.OnceValue(func() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
})

// newLink listens on a free port and passes everything on to the server.
func newLink(name, server string) (*link, error) {
	p := toxiproxy.NewProxy(toxiServer(), name, "127.0.0.1:0", server)
	if err := p.Start(); err != nil {
		return nil, err
	}
	routes.Store(p.Listen, server)
	return &link{p}, nil
}

// between is newLink for the length of a test.
func between(t *testing.T, name, server string) *link {
	t.Helper()
	l, err := newLink(name, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

func (l *link) addr() string { return l.proxy.Listen }

// cut ends every connection and refuses new ones.
func (l *link) cut() { l.proxy.Stop() }

// join undoes cut.
func (l *link) join(t *testing.T) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("join the link to %s: %v", l.proxy.Upstream, err)
	}
}

// toxic is a fault of toxiproxy.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // upstream: to the server
	Attributes map[string]int `json:"attributes"`
}

// poison adds faults, to the connections there are too.
func (l *link) poison(t *testing.T, toxics ...toxic) {
	t.Helper()
	for _, x := range toxics {
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			t.Fatalf("%s on the link to %s: %v", text, l.proxy.Upstream, err)
		}
	}
}

// cure removes all faults. Connections on which something was lost are closed.
func (l *link) cure(ctx context.Context) { l.proxy.Toxics.ResetToxics(ctx) }

// advertised is a listener that names another address as its own, for a broker to tell clients.
type advertised struct {
	net.Listener

	addr net.Addr
}

func (a advertised) Addr() net.Addr { return a.addr }

// freeAddr returns a free address of this machine.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
