package sink

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// closedPort is an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// listenAnswering returns an address which gives every caller the same answer to its first bytes, and hangs up.
func listenAnswering(t *testing.T, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if answer != "" {
				_, _ = c.Read(make([]byte, 1<<10))
				_, _ = c.Write([]byte(answer))
			}
			_ = c.Close()
		}
	}()
	return ln.Addr().String()
}

// A worker and `anpr migrate` meet the same wrong settings; both say in our words what is wrong and how to mend it.
func TestAWrongSettingOfClickHouseIsToldWithItsCure(t *testing.T) {
	addr, db := testkit.Database(t)
	for _, c := range []struct {
		name  string
		cfg   Config
		say   []string
		final bool
	}{
		{"nothing listens", Config{ClickHouse: platform.ClickHouse{Addr: closedPort(t)}}, []string{"does not answer at", "ANPR_CLICKHOUSE_ADDR", "9000", "refused"}, false},
		{"what listens hangs up", Config{ClickHouse: platform.ClickHouse{Addr: listenAnswering(t, "")}}, []string{"does not answer at", "ANPR_CLICKHOUSE_ADDR"}, false},
		{"the HTTP port", Config{ClickHouse: platform.ClickHouse{Addr: listenAnswering(t, "HTTP/1.0 400 Bad Request\r\n\r\nPort 9000 is for clickhouse-client program\r\n")}}, []string{"native protocol", "9000", "8123 is HTTP"}, true},
		{"the name of no machine", Config{ClickHouse: platform.ClickHouse{Addr: "no-such-machine.invalid:9000"}}, []string{"does not answer at", "no-such-machine"}, false},
		{"a wrong password", Config{ClickHouse: platform.ClickHouse{Addr: addr, Password: "wrong"}}, []string{"does not let user \"default\" in", "ANPR_CLICKHOUSE_PASSWORD"}, true},
		{"a user who does not exist", Config{ClickHouse: platform.ClickHouse{Addr: addr, User: "nobody"}}, []string{"does not let user \"nobody\" in", "ANPR_CLICKHOUSE_USER"}, true},
		{"no database", Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: "absent"}}, []string{"has no database \"absent\"", "run anpr migrate"}, true},
		{"no tables", Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}, []string{"is missing", "run anpr migrate"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.DialTimeout = 2 * time.Second
			conn, err := c.cfg.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			c.cfg.EnsureDefaults()
			checkExplained(t, "a worker", c.cfg.Explain(CheckWindow(t.Context(), conn, c.cfg.Database, 1)), c.say, c.final)
			if c.cfg.Database == "default" {
				checkExplained(t, "migrate", platform.Migrate(t.Context(), c.cfg.ClickHouse, zerolog.Nop()), c.say, c.final)
			}
		})
	}
}

func checkExplained(t *testing.T, who string, err error, say []string, final bool) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: got no error", who)
	}
	for _, w := range say {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: got %q, want %q in it", who, err, w)
		}
	}
	for _, foreign := range []string{"dial tcp", "handshake", "DB::Exception", "code:", "reset it", "users.xml", "EOF", "packet"} {
		if strings.Contains(err.Error(), foreign) {
			t.Errorf("%s: got %q, which has the driver's %q in it", who, err, foreign)
		}
	}
	if errors.Is(err, ingest.ErrStop) != final {
		t.Errorf("%s: %q: waiting does not mend it: got %t, want %t", who, err, !final, final)
	}
}
