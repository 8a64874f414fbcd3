package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go"
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
	return o
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
