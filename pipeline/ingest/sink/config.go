package sink

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Config says where ClickHouse is and how to write there. A zero field means the default.
type Config struct {
	platform.ClickHouse // several addresses are replicas with the same tables; the sink uses a single address at a time

	InsertTimeout time.Duration // for a try on a single table; default 30 s
	Conns         int           // connections for inserts at the same time; default 8. Size it to partitions x Parallel
	Parallel      int           // tables inserted at the same time from a block; default 4
	Quorum        string        // insert_quorum for Replicated tables: a number or auto; empty leaves the server's
	Breaker       Breaker
	Logger        zerolog.Logger
	Metrics       *Metrics // nil: counted nowhere
}

// Breaker says when inserts pause for a server that does not answer.
type Breaker struct {
	Failures uint32        // consecutive failed inserts until the breaker opens; default 3
	OpenFor  time.Duration // time until an insert is let through to try; default 1 s
	Probes   uint32        // inserts let through while half open; default 1
	MinWait  time.Duration // first pause between a block's tries; default 50 ms
	MaxWait  time.Duration // longest pause; default 2 s
	// LeaveAfter is how long an address may refuse the inserts of a table before the next address is used; default 2 s.
	LeaveAfter time.Duration
}

// EnsureDefaults fills the zero fields.
func (c *Config) EnsureDefaults() {
	c.ClickHouse.EnsureDefaults()
	fillDefault(&c.InsertTimeout, 30*time.Second)
	fillDefault(&c.Conns, 8)
	fillDefault(&c.Parallel, 4)
	fillDefault(&c.Breaker.Failures, 3)
	fillDefault(&c.Breaker.OpenFor, time.Second)
	fillDefault(&c.Breaker.Probes, 1)
	fillDefault(&c.Breaker.MinWait, 50*time.Millisecond)
	fillDefault(&c.Breaker.MaxWait, 2*time.Second)
	fillDefault(&c.Breaker.LeaveAfter, 2*time.Second)
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
}

func fillDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// checkSettings returns an error for the first setting that cannot work.
func (c *Config) checkSettings() error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Breaker.MinWait > c.Breaker.MaxWait {
		return fmt.Errorf("breaker: shortest pause %s is above the longest %s", c.Breaker.MinWait, c.Breaker.MaxWait)
	}
	if c.Conns < 0 || c.Parallel < 0 {
		return fmt.Errorf("connections %d and parallel tables %d must be above 0", c.Conns, c.Parallel)
	}
	return nil
}
