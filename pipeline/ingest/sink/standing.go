package sink

import (
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/sony/gobreaker/v2"
)

// noAnswer is why nothing is inserted when the server said nothing.
const noAnswer = "ClickHouse does not answer"

// InsertFailure returns nil while inserts go through or none is asked for, and else why nothing is inserted: the server refuses, with the name of
// its error, or does not answer. That a server answers a ping says less: with a full disk it does. It asks nobody. Safe for concurrent use.
func (c *ClickHouse) InsertFailure() error {
	if c.breaker.State() == gobreaker.StateClosed {
		return nil
	}
	why := noAnswer
	if last := c.failed.Load(); last != nil {
		why = *last
	}
	return fmt.Errorf("nothing is inserted: %s; the log keeps the backlog", why)
}

// keepFailure keeps why an insert failed, for Standing.
func (c *ClickHouse) keepFailure(err error) {
	why := noAnswer
	if e, ok := ch.AsException(err); ok {
		why = "ClickHouse refuses (" + e.Code.String() + ")" // the message may quote a row
	}
	c.failed.Store(&why)
}
