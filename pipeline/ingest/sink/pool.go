package sink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// connPool keeps native connections to one address at a time; leave.go says when it goes on to the next. At most
// cfg.Conns connections are in use at once. A connection with any error is closed. When the connection itself broke,
// all idle ones are closed too, because a restarted server has dropped them all.
type connPool struct {
	cfg   *Config
	addrs []string
	inUse chan struct{} // a token for each connection in use
	now   func() time.Time

	mu      sync.Mutex // guards the fields below
	idle    []*client
	at      int                    // the address in use
	refused map[string]refusedSpan // by table, for the address in use
	closed  bool
}

// client is a connection with its socket. Closing the socket interrupts a query at once; ch-go alone notices the end
// of a context only when the server sends the next packet.
type client struct {
	*ch.Client
	sock net.Conn
	at   int // the address's number
}

var errPoolClosed = fmt.Errorf("the clickhouse sink is closed: %w", ingest.ErrStop)

func newPool(cfg *Config) *connPool {
	return &connPool{cfg: cfg, addrs: cfg.Addrs(), inUse: make(chan struct{}, cfg.Conns), now: time.Now, refused: map[string]refusedSpan{}}
}

// withConn runs f with a connection, for at most timeout from the moment a connection is free. The end of the context
// closes the connection under f.
func (p *connPool) withConn(ctx context.Context, timeout time.Duration, f func(context.Context, *ch.Client) error) error {
	_, err := p.withConnAt(ctx, timeout, f)
	return err
}

// insertWithConn is withConn for an insert into a table. An address that refuses inserts for too long is left for the
// next.
func (p *connPool) insertWithConn(ctx context.Context, timeout time.Duration, table string, f func(context.Context, *ch.Client) error) error {
	at, err := p.withConnAt(ctx, timeout, f)
	if at >= 0 && ctx.Err() == nil {
		p.noteInsert(at, table, err)
	}
	return err
}

// withConnAt is withConn and returns the number of the address in use, -1 for none.
func (p *connPool) withConnAt(ctx context.Context, timeout time.Duration, f func(context.Context, *ch.Client) error) (int, error) {
	select {
	case p.inUse <- struct{}{}:
		defer func() { <-p.inUse }()
	case <-ctx.Done():
		return -1, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := p.takeConn(ctx)
	if err != nil {
		return -1, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.sock.Close() })
	err = f(ctx, c.Client)
	if !stop() && err == nil { // the answer came and the context ended: the socket is closed, the rows are stored
		_ = c.Close()
		return c.at, nil
	}
	p.returnConn(c, err)
	return c.at, err
}

func (p *connPool) takeConn(ctx context.Context) (*client, error) {
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
	first := p.at
	p.mu.Unlock()

	var errs []error
	for i := range p.addrs {
		at := (first + i) % len(p.addrs)
		c, err := p.dialAddress(ctx, p.addrs[at])
		if err == nil {
			c.at = at
			return c, nil
		}
		errs = append(errs, fmt.Errorf("connect to clickhouse at %s: %w", p.addrs[at], err))
		if ctx.Err() == nil {
			p.leaveAddress(at, leftUnreachable)
		}
	}
	return nil, errors.Join(errs...)
}

// dialer opens the socket for ch-go and keeps it.
type dialer struct {
	cfg  *Config
	sock net.Conn
}

// DialContext opens the socket.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.cfg.Dialer().DialContext(ctx, network, addr)
	d.sock = conn
	return conn, err
}

func (p *connPool) dialAddress(ctx context.Context, addr string) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	d := &dialer{cfg: p.cfg}
	o := p.cfg.NativeOptions(addr)
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

func (p *connPool) returnConn(c *client, err error) {
	if err == nil {
		p.mu.Lock()
		if !p.closed && c.at == p.at {
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
		p.closeIdle()
	}
}

func (p *connPool) closeIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
}

func (p *connPool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.closeIdle()
}
