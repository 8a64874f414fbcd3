package platform_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

const topic = "t.v1"

func broker(t *testing.T, user, password string) string {
	t.Helper()
	b, err := embedded.StartBroker(embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: t.TempDir(), Topics: map[string]int{topic: 1}, User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b.Addr()
}

// write produces a record through a connection of kafka-go.
func write(ctx context.Context, addr string, dial platform.DialFunc) error {
	conn, err := (&kafka.Dialer{Timeout: 5 * time.Second, DialFunc: dial}).DialLeader(ctx, "tcp", addr, topic, 0)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.WriteMessages(kafka.Message{Value: []byte("x")})
	return err
}

func TestOnlyTheRightPasswordLogsIn(t *testing.T) {
	addr := broker(t, "anpr", "right")
	if err := write(t.Context(), addr, platform.Account{User: "anpr", Password: "right"}.Dialer()); err != nil {
		t.Errorf("the right password: %v", err)
	}
	for name, a := range map[string]platform.Account{
		"a wrong password": {User: "anpr", Password: "wrong"}, "an unknown user": {User: "root", Password: "right"}, "no user": {}, "a user with commas": {User: "a,=b", Password: "right"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := write(ctx, addr, a.Dialer()); err == nil {
			t.Errorf("%s: logged in", name)
		} else if strings.Contains(err.Error(), "right") {
			t.Errorf("%s: the error has the password: %v", name, err)
		}
		cancel()
	}
}

func TestABrokerThatAsksNobodyIsDialledAsEver(t *testing.T) {
	if err := write(t.Context(), broker(t, "", ""), platform.Account{}.Dialer()); err != nil {
		t.Error(err)
	}
}

// Whatever answers in the place of a broker, a log-in ends with an error, in time, and gives no password away.
func TestALogInSurvivesWhateverAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "one byte": "\x00", "half a size": "\x00\x00", "a huge answer": "\x7f\xff\xff\xff\x00\x00\x00\x11", "a negative size": "\xff\xff\xff\xff\x00\x00\x00\x11",
		"another's answer": "\x00\x00\x00\x06\x00\x00\x00\x01\x00\x00", "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "cut off": "\x00\x00\x00\x05\x00\x00\x00\x11\x00",
		"no such mechanism": "\x00\x00\x00\x0a\x00\x00\x00\x11\x00\x21\x00\x00\x00\x00",
		"a bad challenge":   "\x00\x00\x00\x0a\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x0e\x00\x00\x00\x24\x00\x00\xff\xff\x00\x00\x00\x02zz",
		"a cut challenge":   "\x00\x00\x00\x0a\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x0c\x00\x00\x00\x24\x00\x00\xff\xff\x00\x00\x0f\xff",
	} {
		t.Run(name, func(t *testing.T) {
			var lc net.ListenConfig
			l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			said := make(chan string, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, answer)
				_ = conn.(*net.TCPConn).CloseWrite()
				heard, _ := io.ReadAll(conn)
				said <- string(heard)
				_ = conn.Close()
			}()
			conn, err := platform.Account{User: "anpr", Password: "the-password"}.Dialer()(t.Context(), "tcp", l.Addr().String())
			if err == nil {
				_ = conn.Close()
				t.Error("logged in")
			}
			if heard := <-said; strings.Contains(heard, "the-password") {
				t.Errorf("the password was sent: %q", heard)
			}
		})
	}
}
