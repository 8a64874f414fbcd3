package sink

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
)

// proxy stands between the sink and a server and fails as told.
type proxy struct {
	ln     net.Listener
	server string
	// answer returns how many bytes from the server a connection lets through before the cut; below 0 all.
	answer func(conn int) int
	stall  atomic.Bool // accept and say nothing
	stalls int         // connections that stall before stall ends by itself; 0 = all.
	refuse atomic.Bool // close at once
	// exception, unless 0, replaces the code in every exception from the server.
	exception atomic.Uint32
	conns     atomic.Int64

	mu   sync.Mutex // guards open
	open []net.Conn
	wg   sync.WaitGroup
}

// newProxy starts a proxy; setup, which may be nil, changes it before the first connection.
func newProxy(t *testing.T, server string, setup func(*proxy)) *proxy {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, server: server, answer: func(int) int { return -1 }}
	if setup != nil {
		setup(p)
	}
	p.wg.Go(p.run)
	t.Cleanup(func() {
		_ = ln.Close()
		p.cutConns()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.ln.Addr().String() }

// cutConns closes every connection.
func (p *proxy) cutConns() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// exceptions writes the server's answers with other codes in exceptions, which a server sends by themselves.
type exceptions struct {
	p *proxy
	w io.Writer
}

func (x exceptions) Write(b []byte) (int, error) {
	const name = "\rDB::Exception" // the length before the name, the code before that
	if code := x.p.exception.Load(); code != 0 {
		if i := bytes.Index(b, []byte(name)); i >= 5 && b[i-5] == byte(proto.ServerCodeException) {
			b = slices.Clone(b)
			binary.LittleEndian.PutUint32(b[i-4:], code)
		}
	}
	return x.w.Write(b)
}

func (p *proxy) run() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		n := int(p.conns.Add(1))
		if p.refuse.Load() {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, c)
		p.mu.Unlock()
		if p.stall.Load() {
			if n == p.stalls {
				p.stall.Store(false)
			}
			continue
		}
		s, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.server)
		if err != nil {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, s)
		p.mu.Unlock()
		limit := p.answer(n)
		p.wg.Go(func() { // the request arrives whole even when the answer is cut
			_, _ = io.Copy(s, c)
			_ = s.Close()
		})
		p.wg.Go(func() {
			if limit < 0 {
				_, _ = io.Copy(exceptions{p, c}, s)
			} else {
				_, _ = io.CopyN(c, s, int64(limit))
			}
			_ = c.Close()
		})
	}
}
