//go:build !kafka

package delivery

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// brokerAddr returns the address of an embedded broker of this test.
func brokerAddr(t *testing.T) string { return testkit.Broker(t, nil) }

// brokerKind names the broker in results.
func brokerKind() string { return "embedded broker" }

// stopBrokers ends what tests started and share: nothing.
func stopBrokers() {}

// deadKeepPartitions: a member that dies while it waits to join gets no session timer from kfake when its connection is
// gone before the answer, so it keeps the partitions that the next rebalance gives it until there is another rebalance.
const deadKeepPartitions = true
