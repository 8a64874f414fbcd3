// Package lookups fills the pipeline's tables with a seeded year's reads, and measures the office's look-ups there
// (target T8): every kind of question through the HTTP API, with its access log, by 1, 10 and 50 users, while nothing
// else happens and while reads are stored.
//
// Filling:
//
//	year, _ := city.Year(bench.YearConfig{End: today, Rows: 365_000_000})
//	res, err := lookups.Load(ctx, lookups.LoadConfig{Sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: "anpr"}}, Year: year, Progress: os.Stderr})
//
// Rows go through the real sink ([sink.ColumnBlock], [sink.ClickHouse.Insert]) with tokens and batches rows, a day an
// insert. So the tables are as made by the pipeline: same columns, sort order, codecs, projections, materialized
// views, and batches rows for the reconciliation. Filled are reads, hits, batches and the tables derived from them by
// views. Not filled are passages, decisions, offences, merges and rejects. All rows are in partition [Partition] of
// anpr.reads.v1, absent from every broker: a pipeline may run on the same tables. A stopped load goes on at the same
// day when started again with the same year.
//
// Measuring: each user waits for a random time around Config.Think, asks a question and waits for the answer. Target
// T8 states such a closed loop: the rate falls when answers are slow, so the number of answers is reported beside the
// percentiles. A user with no time to think asks at once after each answer.
package lookups
