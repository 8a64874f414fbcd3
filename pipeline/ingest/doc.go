// Package ingest is the data path of one worker: it reads the partitions that the consumer group gives it, turns each
// record into exactly one of stored, merged or rejected, decides hits and candidate offences, and writes them once.
//
// A partition is a shard: all reads of a plate's confusion class are in one partition, handled by one goroutine, so
// the state of a plate needs no lock. Package ingest/shard is that state and the whole logic, without any input or output: same
// records, same rows. A partition worker feeds it from the log and runs the protocol that makes a restart change nothing:
//
//	plan    commit offset s with the metadata "going to insert [s, e)"; a stale generation is refused here and stops
//	insert  the rows of [s, e), with a token made of the range: a repeat is dropped by ClickHouse
//	wait    for the acknowledgement of every hit, offence and reject published meanwhile
//	commit  offset e
//
// A new owner reads the metadata, rebuilds the shard's state by reading back the horizon with outputs suppressed,
// rebuilds exactly [s, e), and goes on. ARCHITECTURE.md tells the whole story.
package ingest
