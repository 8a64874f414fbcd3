package sink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/rs/zerolog"
)

// Compression of blocks on their way to the server.
type Compression uint8

// The compressions. A row of reads is 172 bytes; LZ4 makes 105 of it for about 120 ns of CPU a row on our side, ZSTD (not
// offered) 77 for 240 (bench/results/2026-11-25-edges.md, BenchmarkClients). On loopback that buys nothing. On a link of B bit/s
// the 67 bytes saved are 536/B seconds: 0.5 us at 1 Gb/s, 54 ns at 10 Gb/s. So below some 4 Gb/s a row LZ4 is faster than
// the link it spares; above it is not: set it to off there.
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

// lz4 reports whether blocks to the address are compressed.
func (c Compression) lz4(addr string) bool {
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

// Config says where ClickHouse is and how to write to it. Zero fields mean the defaults named.
type Config struct {
	Addr        string // host:port of the native protocol; several, separated by commas, are replicas of the same tables: one is used at a time
	Database    string // default "default"
	User        string // default "default"
	Password    string
	TLS         *tls.Config // nil: no TLS
	Compression Compression
	DialTimeout time.Duration // connect and handshake; default 5 s

	InsertTimeout time.Duration // of one try of one table; default 30 s
	Conns         int           // connections for inserts at the same time; default 8. Size it to partitions x Parallel
	Parallel      int           // tables of one block inserted at the same time; default 4
	Quorum        string        // insert_quorum for Replicated tables: a number or auto; empty leaves the server's
	Breaker       Breaker
	TraceJSON     TraceJSON // nil: plain JSON of the steps
	Logger        zerolog.Logger
	Metrics       *Metrics // nil: counted nowhere
}

// Breaker settles when inserts stop hammering a server that does not answer.
type Breaker struct {
	Failures uint32        // consecutive failed inserts that open it; default 3
	OpenFor  time.Duration // until one insert is let through to try; default 1 s
	Probes   uint32        // inserts let through while half open; default 1
	MinWait  time.Duration // first pause between tries of one block; default 50 ms
	MaxWait  time.Duration // longest pause; default 2 s
	// LeaveAfter is how long an address may refuse the inserts of a table before the next one is used, when there are several; default 2 s.
	LeaveAfter time.Duration
}

// EnsureDefaults fills the zero fields.
func (c *Config) EnsureDefaults() {
	fill(&c.Database, "default")
	fill(&c.User, "default")
	fill(&c.DialTimeout, 5*time.Second)
	fill(&c.InsertTimeout, 30*time.Second)
	fill(&c.Conns, 8)
	fill(&c.Parallel, 4)
	fill(&c.Breaker.Failures, 3)
	fill(&c.Breaker.OpenFor, time.Second)
	fill(&c.Breaker.Probes, 1)
	fill(&c.Breaker.MinWait, 50*time.Millisecond)
	fill(&c.Breaker.MaxWait, 2*time.Second)
	fill(&c.Breaker.LeaveAfter, 2*time.Second)
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
}

func fill[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// check names the first setting that cannot work.
func (c *Config) check() error {
	if c.Addr == "" {
		return errors.New("clickhouse address is empty: give host:port of the native protocol, for example 127.0.0.1:9000")
	}
	for _, a := range c.addrs() {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Errorf("clickhouse address %q is not host:port: %w", a, err)
		}
	}
	if c.Breaker.MinWait > c.Breaker.MaxWait {
		return fmt.Errorf("breaker: shortest pause %s is above the longest %s", c.Breaker.MinWait, c.Breaker.MaxWait)
	}
	if c.Conns < 0 || c.Parallel < 0 {
		return fmt.Errorf("connections %d and parallel tables %d must be above 0", c.Conns, c.Parallel)
	}
	return nil
}

func (c *Config) addrs() []string {
	out := strings.Split(c.Addr, ",")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

func (c *Config) options(addr string) ch.Options {
	o := ch.Options{
		Address: addr, Database: c.Database, User: c.User, Password: c.Password,
		DialTimeout: c.DialTimeout, HandshakeTimeout: c.DialTimeout, ClientName: "anpr",
		// Every insert carries a deadline; without one the server may take its time over a large merge.
		ReadTimeout: ch.NoTimeout,
	}
	if c.Compression.lz4(addr) {
		o.Compression = ch.CompressionLZ4
	}
	return o
}
