// Package delivery holds the tests of the promise that every record of the log is counted exactly once, with
// everything real but the broker: worker processes that are killed with SIGKILL and stopped with SIGSTOP, the
// ClickHouse engine, and the Kafka protocol. Plain `go test` runs them against the embedded broker; with the build
// tag kafka the same tests run against the Apache Kafka at ANPR_TEST_KAFKA, which deploy/kafka-test/run.sh starts
// (`make test-kafka`). A failure prints its seed; ANPR_DELIVERY_SEED repeats its traffic and its faults, though
// not the timing of the processes. The package has no code of its own.
//
// The tag kafka also brings three brokers, which the tests start, kill, stop and restart themselves. The tag
// faults brings networks that delay, cut and lose (toxiproxy between workers and ClickHouse, and workers and
// broker), full disks, stopped and killed engines, members that come and go, and a rolling restart with another
// catalogue (`make test-faults`; ANPR_FAULTS=full does each at its full length). The tag soak is `make soak`.
// Every universe is compared, row by row over all columns but the time of insertion, with an undisturbed run of
// the same log; ANPR_FAULT_RESULTS collects the results.
//
// TestASeededDayMakesTheSameTablesAndTopics keeps results: a day of made-up traffic is the same log for ever, and
// a file has a sum for each column of each table and each field of each output topic. A difference names the table
// and the column.
//
// # What kafka-go 0.4.51 cannot do with Apache Kafka 3.9.2 and 4.3.1
//
// Tried with both; none of it depends on the version but where said. That all else works is what the tests show.
//
//   - Transactions: Batch.Read hands out the markers of a foreign producer's transactions as records, and aborted
//     records as if they counted. The markers end as malformed rejects, so every offset is still accounted for, but no
//     transactional producer may write to anpr.reads.v1 (TestTransactionMarkersAreReadAsRecords).
//   - A join that fails or times out leaves a member behind: the client forgets the member id before it tries to leave.
//     Apache Kafka drops that member after its session timeout. kfake, the embedded broker, starts no session timer for a
//     member whose connection was gone when the rebalance ended, so partitions given to it stand still until the next
//     rebalance; and it drops, without an answer, who waits for a rebalance longer than his own session. With a
//     rebalance timeout above the session timeout two workers blocked each other there for as long as a test waited
//     (90 s), which is why pipeline/ingest/source keeps it below.
//   - The group protocol of KIP-848, which a 4.x broker offers, static membership and cooperative rebalancing: not in
//     kafka-go's ConsumerGroup (read in its source). Every change of members stops all partitions for a moment.
//   - A topic that was just created: produce and fetch answer "not leader for partition" for a moment although the
//     metadata name a leader. Our producers and readers try again; a one-shot client must do so itself.
//
// And one thing of Kafka itself: 4.x refuses a record whose time is more than an hour ahead of the broker's clock
// (log.message.timestamp.after.max.ms; error 32, no retry mends it), 3.9 takes it. A load generator that stamps
// records with the time of its traffic must not run ahead of the clock, or the topic needs another limit.
package delivery
