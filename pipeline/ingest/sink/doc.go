// Package sink writes what the pipeline decided: columnar blocks into ClickHouse, alerts and rejects onto Kafka topics.
// It also applies the migrations and reads back the state a shard keeps beyond its stream horizon.
//
//	blk := ch.NewBlock()              one per worker, reused: Reset keeps its memory
//	blk.Read(...); blk.Passage(...)   rows go straight into wire-form column buffers, without allocating
//	ch.Insert(ctx, rg, totals, blk)   one native insert a table, the ledger row last
//
// Exactly once. Every insert carries the token "topic/partition/start-end/table/vN" of its planned range. ClickHouse
// drops a part whose token it has seen within the table's deduplication window, so a range may be inserted any number of
// times, by any number of processes at once, and counts once without FINAL. Tokens work per table partition: an
// insert of rows of two months becomes two parts, each dropped or kept on its own. The ledger row (batches) is written
// after all other tables, so a ledger row proves that its range is complete. [CheckWindow] refuses tables that do not
// remember enough tokens. One gap of the plain MergeTree is closed here: a server killed between noting a token and
// storing the part has lost the rows and refuses their repeat, so ranges that may have met that are looked up, and what
// is missing is inserted under another token (verify.go).
//
// Failure. A transient error (server down, timeout, too many parts) never surfaces from [ClickHouse.Insert]: the same
// block is tried again, behind a circuit breaker, until it is stored or the context ends. An error that no retry can
// mend (missing table or column, wrong password) wraps [ingest.ErrStop] and says what to do. The [Publisher] likewise
// retries until the broker acknowledges.
//
// Durability is ClickHouse's: an acknowledged insert survives the death of the server process; to survive the loss of
// power or of a machine, use replication with Config.Quorum, or fsync settings on the tables.
package sink
