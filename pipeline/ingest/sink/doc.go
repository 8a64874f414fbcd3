// Package sink writes the pipeline's results: columnar blocks into ClickHouse, alerts and rejects onto Kafka topics.
// It also reads back the shard state from beyond the stream horizon.
//
//	blk := ch.NewBlock()             a worker reuses its block: Reset keeps the memory
//	blk.Append(rows)                 rows go straight into wire-form column buffers, without allocating
//	ch.Insert(ctx, rg, totals, blk)  a native insert per table, the batches row last
//
// Exactly once. Every insert carries the token "topic/partition/start-end/table/vN" for its planned range. ClickHouse
// drops a part whose token is within the table's deduplication window. So any number of processes may insert a range,
// any number of times and at once: the range counts once, without FINAL. Tokens work per table partition: an insert
// with rows from two months becomes two parts, and each part is dropped or kept by itself. The batches row is written
// after all other tables and so proves a complete range. [CheckWindow] refuses tables with too few remembered tokens.
//
// A plain MergeTree has a gap, and this package closes it: a server killed between noting a token and storing the part
// has lost the rows and refuses their repeat. After a possible death like this the range is looked up, and missing
// rows are inserted under another token (verify.go).
//
// Failure. A transient error (server down, timeout, too many parts) never surfaces from [ClickHouse.Insert]: the same
// block is tried again, behind a circuit breaker, until the rows are stored or the context ends. A lasting error
// (missing table or column, wrong password) wraps [ingest.ErrStop] and names the cure. The [KafkaPublisher] likewise
// retries until the broker acknowledges.
//
// Durability is ClickHouse's: an acknowledged insert survives the server process. To survive a power failure or a lost
// machine, use replication with Config.Quorum, or fsync settings on the tables.
package sink
