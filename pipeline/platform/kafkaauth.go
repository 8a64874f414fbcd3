// Package platform connects the program to other systems and runs the process.
//
//   - [Kafka], [ClickHouse] and [Postgres] hold addresses and accounts, and open connections.
//   - [Migrate] and [MigratePostgres] make the tables.
//   - [Ops] serves health and metrics of the process.
//   - [Parts] stops the parts of the process in order.
//
// Every Kafka client library of this project takes a [DialFunc]. The function logs in by SASL with SCRAM-SHA-256, so
// that neither side learns the password from the other. Package embedded runs the same systems on a single machine.
package platform

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// DialFunc opens a connection that is ready for requests. The type fits kafka.Transport.Dial and
// kafka.Dialer.DialFunc.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Account is a user of a broker.
type Account struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Mechanism is the only SASL mechanism supported.
const Mechanism = "SCRAM-SHA-256"

// timeout bounds the opening of a connection, beside the context.
const timeout = 5 * time.Second

// DialPlain opens a connection without authentication.
func DialPlain(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, addr)
}

// Dialer returns a dialer that logs in as the account; without a user the dialer opens plain connections.
func (a Account) Dialer() DialFunc {
	if a.User == "" {
		return DialPlain
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := DialPlain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if err := a.authenticateConn(ctx, conn); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("log in to Kafka at %s as %s: %w", addr, a.User, err)
		}
		return conn, nil
	}
}

// Requests of a log-in, in their oldest versions, whose bytes have not changed since Kafka 1.0.
const (
	apiHandshake    = 17
	apiAuthenticate = 36
)

func (a Account) authenticateConn(ctx context.Context, conn net.Conn) error {
	deadline := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	if err := negotiateMechanism(conn); err != nil {
		return err
	}
	session, message, err := scram.Sha256(func(context.Context) (scram.Auth, error) {
		return scram.Auth{User: a.User, Pass: a.Password}, nil
	}).Authenticate(ctx, conn.RemoteAddr().String())
	for done := false; err == nil && !done; {
		var challenge []byte
		if challenge, err = exchangeMessage(conn, message); err == nil {
			done, message, err = session.Challenge(challenge)
		}
	}
	if err != nil {
		return err
	}
	if !stop() { // the context ended, and with the context the deadline
		return ctx.Err()
	}
	return conn.SetDeadline(time.Time{})
}

// negotiateMechanism names the mechanism.
func negotiateMechanism(conn net.Conn) error {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(Mechanism)))
	answer, err := sendRequest(conn, apiHandshake, 1, append(body, Mechanism...))
	if err != nil {
		return err
	}
	if len(answer) < 2 {
		return errShort
	}
	if code := int16(binary.BigEndian.Uint16(answer)); code != 0 {
		return fmt.Errorf("the broker does not speak %s (error %d)", Mechanism, code)
	}
	return nil
}

var errShort = errors.New("the broker's answer is cut off")

// exchangeMessage sends a message of the mechanism and returns the broker's message.
func exchangeMessage(conn net.Conn, message []byte) ([]byte, error) {
	answer, err := sendRequest(conn, apiAuthenticate, 0, append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
	if err != nil {
		return nil, err
	}
	if len(answer) < 4 {
		return nil, errShort
	}
	code, rest := int16(binary.BigEndian.Uint16(answer)), answer[2:]
	why := int(int16(binary.BigEndian.Uint16(rest)))
	rest = rest[2:]
	said := ""
	if why > 0 && why <= len(rest) {
		said, rest = string(rest[:why]), rest[why:]
	}
	if code != 0 {
		return nil, fmt.Errorf("user or password is wrong (error %d) %s", code, strings.TrimSpace(said))
	}
	if len(rest) < 4 {
		return nil, errShort
	}
	n := int(int32(binary.BigEndian.Uint32(rest)))
	if rest = rest[4:]; n < 0 || n > len(rest) {
		return nil, errShort
	}
	return rest[:n], nil
}

// maxAnswer is more than a log-in needs.
const maxAnswer = 64 << 10

// sendRequest sends a request and returns the answer without the correlation id.
func sendRequest(conn net.Conn, api, version uint16, body []byte) ([]byte, error) {
	const client = "anpr"
	b := binary.BigEndian.AppendUint32(nil, uint32(2+2+4+2+len(client)+len(body)))
	b = binary.BigEndian.AppendUint16(b, api)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(api)) // correlation
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(client))), client...)
	if _, err := conn.Write(append(b, body...)); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, fmt.Errorf("the broker does not answer a log-in: %w", err)
	}
	n := int(int32(binary.BigEndian.Uint32(head[:4]))) - 4
	if id := binary.BigEndian.Uint32(head[4:]); n < 0 || n > maxAnswer || id != uint32(api) {
		return nil, fmt.Errorf("the broker answers request %d of a log-in with %d bytes for %d", api, n, id)
	}
	answer := make([]byte, n)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, fmt.Errorf("the broker does not answer a log-in: %w", err)
	}
	return answer, nil
}
