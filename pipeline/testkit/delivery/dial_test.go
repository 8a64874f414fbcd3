package delivery

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

// routes maps an advertised address, a proxy's, to the broker behind the proxy. The tests' own clients go to the
// broker itself: only workers feel the network's faults.
var routes sync.Map

// directly dials the broker behind a proxy.
func directly(ctx context.Context, network, addr string) (net.Conn, error) {
	if to, ok := routes.Load(addr); ok {
		addr = to.(string)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// brokersOf splits a list of brokers.
func brokersOf(addr string) []string { return strings.Split(addr, ",") }

func kafkaTCP(addr string) net.Addr { return kafka.TCP(brokersOf(addr)...) }
