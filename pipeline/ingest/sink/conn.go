package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Open makes a pool of connections for queries (office, demonstration, state). It does not connect: the first query
// does. The caller closes it.
func Open(cfg Config) (driver.Conn, error) {
	cfg.EnsureDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(cfg.queryOptions())
	if err != nil {
		return nil, fmt.Errorf("open clickhouse connection pool: %w", err)
	}
	return conn, nil
}

func (c *Config) queryOptions() *clickhouse.Options {
	o := &clickhouse.Options{
		Addr: c.addrs(), TLS: c.TLS, DialTimeout: c.DialTimeout,
		Auth:       clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password},
		ClientInfo: clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{Name: "anpr"}}},
		// An idle connection that a restarted server has dropped is replaced instead of handed out.
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
	}
	if slices.ContainsFunc(c.addrs(), c.Compression.lz4) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if len(o.Addr) > 1 {
		o.DialStrategy, o.ConnMaxLifetime = c.dialWritable, replicaLifetime
	}
	return o
}

// replicaLifetime is after how long a connection for queries is made anew, and its replica chosen anew. A worker that takes a partition
// over asks again for 30 s when the tables seem to be behind its commit: it must meet another replica within that time.
const replicaLifetime = 10 * time.Second

// dialWritable connects to the first address whose tables take writes, or to the first that answers when none does. A replica that is
// read-only has lost its Keeper, so it does not learn of new rows either: what is read back from it may be old.
func (c *Config) dialWritable(ctx context.Context, _ int, o *clickhouse.Options, dial clickhouse.Dial) (clickhouse.DialResult, error) {
	var second, last []string
	var errs []error
	try := func(addr string) (clickhouse.DialResult, bool) {
		r, err := dial(ctx, addr, o)
		if err != nil {
			errs = append(errs, fmt.Errorf("connect to clickhouse at %s: %w", addr, err))
		}
		return r, err == nil
	}
	for _, addr := range o.Addr {
		readOnly, err := c.readOnly(ctx, addr)
		switch {
		case err != nil:
			last = append(last, addr) // asked once more: it may be the question that it refuses
		case readOnly:
			second = append(second, addr)
		default:
			if r, ok := try(addr); ok {
				return r, nil
			}
		}
	}
	for _, addr := range append(second, last...) {
		if r, ok := try(addr); ok {
			return r, nil
		}
	}
	return clickhouse.DialResult{}, errors.Join(errs...)
}

// readOnly reports whether a replicated table of the database takes no writes at that address. A server that does not let this user ask is
// taken for one that takes them.
func (c *Config) readOnly(ctx context.Context, addr string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	o := c.options(addr)
	o.Dialer = c.dialer()
	conn, err := ch.Dial(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	var n proto.ColUInt64
	err = conn.Do(ctx, ch.Query{
		Body:   "SELECT countIf(is_readonly) FROM system.replicas WHERE database = currentDatabase()",
		Result: proto.Results{{Data: &n}},
	})
	if ch.IsException(err) {
		return false, nil
	}
	return len(n) > 0 && n[0] > 0, err
}

// Dial opens one connection of the native protocol, for a stream of many rows (a replay). The addresses are tried in turn. The
// caller closes it.
func Dial(ctx context.Context, cfg Config) (*ch.Client, error) {
	cfg.EnsureDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range cfg.addrs() {
		o := cfg.options(addr)
		o.Dialer = cfg.dialer()
		c, err := ch.Dial(ctx, o)
		if err == nil {
			return c, nil
		}
		errs = append(errs, fmt.Errorf("connect to clickhouse at %s: %w", addr, err))
	}
	return nil, errors.Join(errs...)
}
