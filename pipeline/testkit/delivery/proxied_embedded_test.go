//go:build (faults || soak) && !kafka

package delivery

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// behindLinks returns a broker for this test, the address for workers, and the links to the broker.
func behindLinks(t *testing.T) (addr string, links []*link) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := between(t, "broker", server.Addr().String())
	told, err := net.ResolveTCPAddr("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	c, err := kfake.NewCluster(
		kfake.Ports(told.Port), kfake.ListenFn(func(string, string) (net.Listener, error) { return advertised{server, told}, nil }),
		kfake.GroupMinSessionTimeout(time.Second), kfake.DataDir(t.TempDir()), kfake.SyncWrites(),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return l.addr(), []*link{l}
}

// alone: an embedded broker belongs to its test.
func alone(t *testing.T) { t.Parallel() }
