package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// explainedError gives the meaning of a driver's error and the cure, and unwraps to the driver's error.
type explainedError struct {
	text  string
	cause error
}

// Error returns the text.
func (e *explainedError) Error() string { return e.text }

// Unwrap returns the driver's error.
func (e *explainedError) Unwrap() error { return e.cause }

// Explain adds meaning and cure to an error of a query or a connection: nothing listens, another protocol answers,
// the password is wrong, the database or a right is missing. A permanent error wraps schemas.ErrStop. Any other error
// comes back unchanged.
func (c *ClickHouse) Explain(err error) error {
	if err == nil || errors.Is(err, schemas.ErrStop) || errors.Is(err, context.Canceled) {
		return err
	}
	stop := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", &explainedError{fmt.Sprintf(format, args...), err}, schemas.ErrStop)
	}
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok {
		switch proto.Error(e.Code) {
		case proto.ErrAuthenticationFailed, proto.ErrUnknownUser, proto.ErrWrongPassword, proto.ErrRequiredPassword:
			return stop("clickhouse at %s does not let user %q in: check the user (ANPR_CLICKHOUSE_USER) and the password (ANPR_CLICKHOUSE_PASSWORD, or the file of ANPR_CLICKHOUSE_PASSWORD_FILE)", c.Addr, c.User)
		case proto.ErrUnknownDatabase:
			return stop("clickhouse at %s has no database %q: run anpr migrate, or correct ANPR_CLICKHOUSE_DATABASE", c.Addr, c.Database)
		case proto.ErrUnknownTable:
			return stop("database %q of clickhouse at %s lacks a table: run anpr migrate", c.Database, c.Addr)
		case proto.ErrAccessDenied, proto.ErrReadonly:
			return stop("clickhouse at %s: user %q lacks a right: %s; grant it as in deploy/clickhouse/users.d", c.Addr, c.User, CutServerMessage(e.Message))
		}
		return err
	}
	if strings.Contains(err.Error(), "unexpected packet") {
		return stop("what listens at %s does not speak ClickHouse's native protocol; give the native port in ANPR_CLICKHOUSE_ADDR, usually 9000 (8123 is HTTP)", c.Addr)
	}
	if isUnreachable(err) {
		return &explainedError{fmt.Sprintf("clickhouse does not answer at %s: start it, or correct ANPR_CLICKHOUSE_ADDR (native protocol, usually port 9000; 8123 is HTTP): %s", c.Addr, lastOf(err)), err}
	}
	return err
}

// isUnreachable reports whether no answer came at all: nothing listens, the name is unknown, the time ran out, or the
// other side hung up.
func isUnreachable(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, clickhouse.ErrAcquireConnTimeout)
}

// lastOf is the end of an error's text. Example: connection refused
func lastOf(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "what listens there hangs up"
	}
	parts := strings.Split(err.Error(), ": ")
	return parts[len(parts)-1]
}

// CutServerMessage shortens a server message. ClickHouse quotes values in some messages, and no value belongs in a log.
func CutServerMessage(msg string) string {
	msg, _, _ = strings.Cut(msg, "\n")
	msg = strings.TrimPrefix(msg, "DB::Exception: ")
	const most = 200
	if len(msg) > most {
		msg = msg[:most] + "..."
	}
	return msg
}
