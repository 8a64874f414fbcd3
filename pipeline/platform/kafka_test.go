package platform

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Whatever fails on the way to the brokers, the error of each question names their address: a broker that refuses, one
// that hangs up before its answer, and one that hangs up in the middle of it.
func TestEveryFailedQuestionToKafkaNamesTheAddress(t *testing.T) {
	for name, answer := range map[string][]byte{"refused": nil, "hung up before the answer": {}, "hung up in the answer": {0, 0, 0, 40, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := brokenBroker(t, answer)
			a := Kafka{Addr: addr}.NewAdmin("test")
			defer a.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for question, ask := range map[string]func() error{
				"partitions": func() error { _, err := a.Partitions(ctx, "reads"); return err },
				"bounds":     func() error { _, err := a.Bounds(ctx, "reads", []int32{0}); return err },
				"commits":    func() error { _, err := a.Commits(ctx, "workers", "reads", []int32{0}); return err },
				"members":    func() error { _, err := a.CountMembers(ctx, "workers"); return err },
				"set":        func() error { return a.SetGroup(ctx, "workers", "reads", []GroupCommit{{}}) },
				"delete":     func() error { return a.DeleteGroup(ctx, "workers") },
				"fetch":      func() error { _, err := a.FetchRecords(ctx, "reads", 0, 0); return err },
			} {
				if err := ask(); err == nil || !strings.Contains(err.Error(), addr) {
					t.Errorf("%s: got %v, want an error with %s", question, err, addr)
				}
			}
		})
	}
}

// brokenBroker listens, reads a little of each connection, sends answer and hangs up. With a nil answer nobody listens.
func brokenBroker(t *testing.T, answer []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if answer == nil {
		_ = l.Close()
		return l.Addr().String()
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadAtLeast(conn, make([]byte, 256), 4)
			_, _ = conn.Write(answer)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}
