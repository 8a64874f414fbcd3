//go:build !kafka

package delivery

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// brokerAddr returns the address of an embedded broker for this test.
func brokerAddr(t *testing.T) string { return testkit.Broker(t, nil) }

// brokerKind names the broker in results.
func brokerKind() string { return "embedded broker" }

// stopBrokers has nothing to end.
func stopBrokers() {}

// deadKeepPartitions: kfake starts no session timer for a member that dies while waiting to join, when the
// connection is gone before the answer. The dead member keeps the partitions from the next rebalance until the
// rebalance after.
const deadKeepPartitions = true
