//go:build kafka

package delivery

import (
	"os"
	"testing"
)

// brokerAddr returns the address of the real broker, shared by all tests.
func brokerAddr(t *testing.T) string {
	t.Helper()
	addr := os.Getenv("ANPR_TEST_KAFKA")
	if addr == "" {
		t.Fatal("ANPR_TEST_KAFKA is not set: these tests need a broker; deploy/kafka-test/run.sh starts one and sets it")
	}
	return addr
}

// brokerKind names the broker in results.
func brokerKind() string { return "Apache Kafka " + os.Getenv("ANPR_TEST_KAFKA_VERSION") }

// stopBrokers ends the shared brokers.
func stopBrokers() { stopCluster() }

// deadKeepPartitions: Apache Kafka's session timers do not depend on the connection.
const deadKeepPartitions = false
