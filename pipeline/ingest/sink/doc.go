// Package sink writes the results of the pipeline: columnar blocks into ClickHouse, alerts and rejects onto Kafka
// topics. It also reads back the state that a shard keeps beyond its stream horizon.
//
//	blk := ch.NewBlock()             a worker makes one and reuses it: Reset keeps its memory
//	blk.Append(rows)                 rows go straight into wire-form column buffers, without allocating
//	ch.Insert(ctx, rg, totals, blk)  one native insert a table, the batches row last
//
// Exactly once. Every insert carries the token "topic/partition/start-end/table/vN" of its planned range. ClickHouse
// drops a part whose token is within the table's deduplication window. So any number of processes may insert a range,
// any number of times and at once: the range counts once, without FINAL. Tokens work per table partition: an insert
// with rows of two months becomes two parts, and each part is dropped or kept by itself. The batches row is written
// after all other tables and so proves that its range is complete. [CheckWindow] refuses tables that remember too few
// tokens.
//
// A plain MergeTree has a gap, and this package closes it: a server killed between noting a token and storing the part
// has lost the rows and refuses their repeat. A range that may have met such a death is looked up, and missing rows
// are inserted under another token (verify.go).
//
// Failure. A transient error (server down, timeout, too many parts) never surfaces from [ClickHouse.Insert]: the same
// block is tried again, behind a circuit breaker, until the rows are stored or the context ends. An error that no
// retry can mend (missing table or column, wrong password) wraps [ingest.ErrStop] and names the cure. The
// [KafkaPublisher] likewise retries until the broker acknowledges.
//
// Durability is ClickHouse's: an acknowledged insert survives the death of the server process. To survive the loss of
// power or of a machine, use replication with Config.Quorum, or fsync settings on the tables.
package sink
