package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"

	"github.com/gvc-brussels/anpr/pipeline"
)

// pool keeps native connections. At most size are in use at once; a connection that saw any error is closed, and with it
// all idle ones when the connection itself broke, because a restarted server has dropped them all.
type pool struct {
	cfg   *Config
	inUse chan struct{} // one token a connection in use

	mu     sync.Mutex // guards idle, next and closed
	idle   []*client
	next   int // address to dial first
	closed bool
}

// client is a connection with its socket, which is closed to interrupt a query at once: ch-go by itself notices the end
// of a context only when the server sends its next packet.
type client struct {
	*ch.Client
	sock net.Conn
}

var errPoolClosed = fmt.Errorf("the clickhouse sink is closed: %w", pipeline.ErrStop)

func newPool(cfg *Config) *pool {
	return &pool{cfg: cfg, inUse: make(chan struct{}, cfg.Conns)}
}

// do runs f with a connection, for at most timeout after its turn came. The end of the context closes the connection
// under f.
func (p *pool) do(ctx context.Context, timeout time.Duration, f func(context.Context, *ch.Client) error) error {
	select {
	case p.inUse <- struct{}{}:
		defer func() { <-p.inUse }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := p.get(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.sock.Close() })
	err = f(ctx, c.Client)
	if !stop() && err == nil { // the answer came and the context ended: the socket is gone, the rows are stored
		_ = c.Close()
		return nil
	}
	p.put(c, err)
	return err
}

func (p *pool) get(ctx context.Context) (*client, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errPoolClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	first := p.next
	p.mu.Unlock()

	addrs := p.cfg.addrs()
	var errs []error
	for i := range addrs {
		at := (first + i) % len(addrs)
		c, err := p.dial(ctx, addrs[at])
		if err == nil {
			return c, nil
		}
		errs = append(errs, fmt.Errorf("connect to clickhouse at %s: %w", addrs[at], err))
		p.mu.Lock()
		p.next = (at + 1) % len(addrs)
		p.mu.Unlock()
	}
	return nil, errors.Join(errs...)
}

// dialer hands ch-go its socket and keeps it.
type dialer struct {
	cfg  *Config
	sock net.Conn
}

// DialContext opens the socket.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.cfg.dialer().DialContext(ctx, network, addr)
	d.sock = conn
	return conn, err
}

func (p *pool) dial(ctx context.Context, addr string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	d := &dialer{cfg: p.cfg}
	o := p.cfg.options(addr)
	o.Dialer = d
	c, err := ch.Dial(ctx, o)
	if err != nil {
		if d.sock != nil {
			_ = d.sock.Close() // ch-go leaves the socket open when the handshake is refused
		}
		return nil, err
	}
	return &client{Client: c, sock: d.sock}, nil
}

func (p *pool) put(c *client, err error) {
	if err == nil {
		p.mu.Lock()
		if !p.closed {
			p.idle = append(p.idle, c)
			c = nil
		}
		p.mu.Unlock()
		if c != nil {
			_ = c.Close()
		}
		return
	}
	_ = c.Close()
	if !ch.IsException(err) {
		p.drain()
	}
}

func (p *pool) drain() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drain()
}

type contextDialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// dialer returns what opens a socket, with TLS when it is configured.
func (c *Config) dialer() contextDialer {
	d := &net.Dialer{Timeout: c.DialTimeout}
	if c.TLS != nil {
		return &tls.Dialer{NetDialer: d, Config: c.TLS}
	}
	return d
}
