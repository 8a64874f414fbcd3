package platform

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Compression of blocks on their way to the server.
type Compression uint8

// The compressions. A row of reads has 172 bytes. LZ4 shrinks the row to 105 bytes for about 120 ns of CPU, ZSTD (not
// offered) to 77 bytes for 240 ns (bench/results/2026-11-25-edges.md, BenchmarkClients). On a link of B bit/s the 67
// saved bytes are worth 536/B seconds: 0.5 us at 1 Gb/s, 54 ns at 10 Gb/s. Below some 4 Gb/s LZ4 is therefore faster
// than the plain bytes. Faster links and loopback need no compression.
const (
	CompressionAuto Compression = iota // off to a loopback address, LZ4 to any other
	CompressionOff
	CompressionLZ4
)

var compressionNames = [...]string{"auto", "off", "lz4"}

// ParseCompression reads "auto", "off" or "lz4"; empty is auto.
func ParseCompression(s string) (Compression, error) {
	if s == "" {
		return CompressionAuto, nil
	}
	if i := slices.Index(compressionNames[:], s); i >= 0 {
		return Compression(i), nil
	}
	return 0, fmt.Errorf("compression %q is not known: use auto, off or lz4", s)
}

// String returns the name that ParseCompression reads.
func (c Compression) String() string {
	if int(c) >= len(compressionNames) {
		return "invalid"
	}
	return compressionNames[c]
}

// usesLZ4 reports whether blocks to the address are compressed.
func (c Compression) usesLZ4(addr string) bool {
	if c != CompressionAuto {
		return c == CompressionLZ4
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// ClickHouse holds addresses and account of a ClickHouse. A zero field means the stated default.
type ClickHouse struct {
	Addr        string // host:port of the native protocol; several, separated by commas, are replicas of the same tables
	Database    string // default "default"
	User        string // default "default"
	Password    string
	TLS         *tls.Config // nil: no TLS
	Compression Compression
	DialTimeout time.Duration // connect and handshake; default 5 s
}

// EnsureDefaults fills the zero fields.
func (c *ClickHouse) EnsureDefaults() {
	c.Database, c.User = cmp.Or(c.Database, "default"), cmp.Or(c.User, "default")
	c.DialTimeout = cmp.Or(c.DialTimeout, 5*time.Second)
}

// Check returns an error that names the first impossible setting.
func (c *ClickHouse) Check() error {
	if c.Addr == "" {
		return errors.New("clickhouse address is empty: give host:port of the native protocol, for example 127.0.0.1:9000")
	}
	for _, a := range c.Addrs() {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("clickhouse address %q is not host:port: %w", a, err)
		}
	}
	return nil
}

// Addrs returns the single addresses.
func (c *ClickHouse) Addrs() []string { return splitAddrs(c.Addr) }

// splitAddrs splits addresses separated by commas.
func splitAddrs(addr string) []string {
	out := strings.Split(addr, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// NativeOptions returns the options of a connection of the native protocol to addr, without a dialer.
func (c *ClickHouse) NativeOptions(addr string) ch.Options {
	o := ch.Options{
		Address: addr, Database: c.Database, User: c.User, Password: c.Password,
		DialTimeout: c.DialTimeout, HandshakeTimeout: c.DialTimeout, ClientName: "anpr",
		// Every insert carries a deadline, because the server may take long over a large merge.
		ReadTimeout: ch.NoTimeout,
	}
	if c.Compression.usesLZ4(addr) {
		o.Compression = ch.CompressionLZ4
	}
	return o
}

// ContextDialer opens connections.
type ContextDialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dialer returns a dialer, with TLS when TLS is configured.
func (c *ClickHouse) Dialer() ContextDialer {
	d := &net.Dialer{Timeout: c.DialTimeout}
	if c.TLS != nil {
		return &tls.Dialer{NetDialer: d, Config: c.TLS}
	}
	return d
}

// Open makes a pool of connections for queries. The first query connects, not Open. The caller closes the pool.
func (c ClickHouse) Open() (driver.Conn, error) {
	c.EnsureDefaults()
	if err := c.Check(); err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(c.queryOptions())
	if err != nil {
		return nil, fmt.Errorf("open clickhouse connection pool: %w", err)
	}
	return conn, nil
}

func (c *ClickHouse) queryOptions() *clickhouse.Options {
	o := &clickhouse.Options{
		Addr: c.Addrs(), TLS: c.TLS, DialTimeout: c.DialTimeout,
		Auth:       clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password},
		ClientInfo: clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{Name: "anpr"}}},
		// The pool replaces an idle connection that a restarted server has dropped.
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
	}
	if slices.ContainsFunc(c.Addrs(), c.Compression.usesLZ4) {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	if len(o.Addr) > 1 {
		o.DialStrategy, o.ConnMaxLifetime = c.dialWritable, replicaLifetime
	}
	return o
}

// OpenDB opens the pool for libraries on database/sql. The caller closes the pool.
func (c ClickHouse) OpenDB() *sql.DB {
	c.EnsureDefaults()
	return clickhouse.OpenDB(c.queryOptions())
}

// replicaLifetime is the age at which a connection for queries is closed and a replica chosen anew. At a take-over, a
// worker repeats the query for 30 s while the tables seem to be behind the commit. The worker must reach another
// replica within the 30 s.
const replicaLifetime = 10 * time.Second

// dialWritable connects to the first address whose tables take writes, else to the first answering address. A read-only
// replica has lost the Keeper and gets no new rows, so state from such a replica may be old.
func (c *ClickHouse) dialWritable(ctx context.Context, _ int, o *clickhouse.Options, dial clickhouse.Dial) (clickhouse.DialResult, error) {
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
			last = append(last, addr) // asked again at the end: perhaps only the question was refused
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

// readOnly reports whether a replicated table of the database refuses writes at addr. A server that forbids the query
// counts as writable.
func (c *ClickHouse) readOnly(ctx context.Context, addr string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	o := c.NativeOptions(addr)
	o.Dialer = c.Dialer()
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

// DialNative opens a connection of the native protocol, for a stream of many rows (a replay). The addresses are
// tried in turn. The caller closes the connection.
func (c ClickHouse) DialNative(ctx context.Context) (*ch.Client, error) {
	c.EnsureDefaults()
	if err := c.Check(); err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range c.Addrs() {
		o := c.NativeOptions(addr)
		o.Dialer = c.Dialer()
		client, err := ch.Dial(ctx, o)
		if err == nil {
			return client, nil
		}
		errs = append(errs, fmt.Errorf("connect to clickhouse at %s: %w", addr, err))
	}
	return nil, errors.Join(errs...)
}
