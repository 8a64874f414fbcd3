// Package ingest is a worker's data path. A worker reads the partitions assigned by the consumer group, turns each
// record into exactly one stored, merged or rejected record, decides hits and candidate offences, and writes the
// results once.
//
// A partition is a shard: all reads in a confusion class are in one partition, handled by one goroutine, so a plate's
// state needs no lock. Package ingest/shard holds this state and the whole logic, without any input or output: same
// records, same rows. A partition worker feeds the shard from the log and runs the protocol by which a restart changes
// nothing:
//
//	plan    commit offset s with the metadata "going to insert [s, e)"; a stale generation is refused here and stops
//	insert  the rows of [s, e), with a token made from the range: ClickHouse drops a repeat
//	wait    for the acknowledgement of every hit, offence and reject published meanwhile
//	commit  offset e
//
// A new owner reads the metadata, rebuilds the shard's state by reading back the horizon with outputs suppressed,
// rebuilds exactly [s, e), and goes on. ARCHITECTURE.md tells the whole story.
package ingest
