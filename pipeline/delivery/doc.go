// Package delivery holds the tests of the promise that every record of the log is counted exactly once, with everything
// real but the broker: worker processes that are killed with SIGKILL and stopped with SIGSTOP, the ClickHouse engine,
// and the Kafka protocol. Plain `go test` runs them against the embedded broker; with the build tag kafka the same tests,
// and those of what only a real broker can show, run against the Apache Kafka at ANPR_TEST_KAFKA (`make test-kafka`
// starts one, deploy/kafka-test/run.sh). The package has no code of its own.
package delivery
