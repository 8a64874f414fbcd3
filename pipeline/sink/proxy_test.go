package sink

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the sink and a server and fails as told.
type proxy struct {
	ln     net.Listener
	server string
	// answer returns how many bytes of the server's answers one connection lets through before it is cut; below 0 all.
	answer func(conn int) int
	stall  atomic.Bool // accept and say nothing
	stalls int         // connections that stall before stall ends by itself; 0 = all.
	refuse atomic.Bool // close at once
	conns  atomic.Int64

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
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.ln.Addr().String() }

// cut closes every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
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
				_, _ = io.Copy(c, s)
			} else {
				_, _ = io.CopyN(c, s, int64(limit))
			}
			_ = c.Close()
		})
	}
}
