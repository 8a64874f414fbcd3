// Package lookups fills the tables of the pipeline with a seeded year of reads, and measures the look-ups of the office on it
// (target T8): every kind of question through the HTTP API, with its access log, by 1, 10 and 50 users, while nothing else happens
// and while reads are stored.
//
// Filling:
//
//	year, _ := city.Year(bench.YearConfig{End: today, Rows: 365_000_000})
//	res, err := lookups.Load(ctx, lookups.LoadConfig{Sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: "anpr"}}, Year: year, Progress: os.Stderr})
//
// Rows go through the real sink ([sink.Block], [sink.ClickHouse.Insert]) with its tokens and its ledger, a day an insert, so the
// tables are those the pipeline makes: same columns, sort order, codecs, projections, materialized views, and a ledger that
// reconciles. What is filled: reads, hits, batches and what views derive from them. What is not: passages, decisions,
// offences, merges, rejects. All rows are of the partition [Partition] of anpr.reads.v1, which no broker has, so a pipeline
// may run on the same tables. A load that was stopped goes on at the day it was at when it is started again with the same year.
//
// Measuring: users think: each waits for a random time around Config.Think, asks one question and waits for the answer. That is a
// closed loop, as T8 states it: its rate falls when answers are slow, so the number of answers is reported beside the percentiles.
// A user with no time to think asks at once after each answer.
package lookups
