package replay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ClickHouse/ch-go"
)

// ErrUnreachable means that no connection to ClickHouse could be opened. It says nothing about a passage.
var ErrUnreachable = errors.New("ClickHouse cannot be reached")

// Connections are at most n connections to ClickHouse for small queries, opened when they are needed and used again. Safe
// for concurrent use.
type Connections struct {
	dial  DialNative
	slots chan struct{} // one for each connection that may be in use
	idle  chan *connection
	dials atomic.Int64
}

// connection is a native connection, used by one goroutine at a time.
type connection struct {
	*ch.Client
	isBroken bool // a query failed, so that the state of the stream is not known
}

// Do runs a query and notes whether the connection is still good.
func (c *connection) Do(ctx context.Context, q ch.Query) error {
	err := c.Client.Do(ctx, q)
	c.isBroken = c.isBroken || err != nil
	return err
}

// NewConnections makes room for n connections; none is opened yet. The caller calls [Connections.Close].
func NewConnections(dial DialNative, n int) *Connections {
	return &Connections{dial: dial, slots: make(chan struct{}, n), idle: make(chan *connection, n)}
}

// Dials returns how often a connection was opened.
func (c *Connections) Dials() int64 { return c.dials.Load() }

// Close closes the idle connections. Nobody may use c meanwhile or after.
func (c *Connections) Close() {
	for {
		select {
		case conn := <-c.idle:
			_ = conn.Close()
		default:
			return
		}
	}
}

// use waits for a connection and runs f with it. f runs a second time, with a new connection, when a used one turned out to
// be closed by the server; so f only reads.
func (c *Connections) use(ctx context.Context, f func(*connection) error) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		conn, wasUsed, err := c.take(ctx)
		if err != nil {
			return err
		}
		err = f(conn)
		if !conn.isBroken && !conn.IsClosed() {
			c.idle <- conn // never blocks: there are no more connections than slots
			return err
		}
		_ = conn.Close()
		if !wasUsed || err == nil || ch.IsException(err) || ctx.Err() != nil {
			return err
		}
	}
}

// take returns an idle connection, or a new one.
func (c *Connections) take(ctx context.Context) (conn *connection, wasUsed bool, err error) {
	for {
		select {
		case conn = <-c.idle:
			if !conn.IsClosed() {
				return conn, true, nil
			}
		default:
			c.dials.Add(1)
			client, err := c.dial(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return nil, false, ctx.Err()
				}
				return nil, false, fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			return &connection{Client: client}, false, nil
		}
	}
}
