package sink

import (
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/sony/gobreaker/v2"
)

// noAnswer is the failure text when the server did not answer.
const noAnswer = "ClickHouse does not answer"

// InsertFailure returns nil while inserts go through or none is wanted, else an error with the cause: the server
// refuses, with the error's name, or does not answer. A ping would prove less: a server with a full disk answers
// pings. InsertFailure sends nothing. Safe for concurrent use.
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

// keepFailure keeps the cause of a failed insert for InsertFailure.
func (c *ClickHouse) keepFailure(err error) {
	why := noAnswer
	if e, ok := ch.AsException(err); ok {
		why = "ClickHouse refuses (" + e.Code.String() + ")" // the message may quote a row
	}
	c.failed.Store(&why)
}
