package sink

import (
	"fmt"
	"slices"

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
