// Package shard is the whole logic of the data path for one partition: decode, normalise, dedup, rules, evidence.
//
// Records and one pair of versions come in, rows go out: a piece of at most [PieceRows] rows of a kind at a time, with the totals of the
// records behind them. Equal records under equal versions give equal rows, however the records are cut into calls.
//
// The package never sees a block, a publisher, a clock of this machine, a broker, a database, a log or a metric: pipeline/imports_test.go
// holds it to that. A worker (package ingest) feeds it from the log, publishes what a piece has and appends the piece to a block.
package shard
