// Package dedup holds the three memories of a shard: [RepeatFilter], which knows the ids of the reads of the last
// minutes, [Passages], which gathers the reads of one vehicle at one site into one passage, and [History], which
// keeps closed passages for the families that compare them; without such a family there is none.
//
// All are driven by the log's clock, the latest received_at of the partition, never by a wall clock: a replay of the
// same records gives the same answers. What they remember at an offset depends only on the records of the last
// [Config.Horizon] of log time before it, so a new owner of a partition rebuilds it by reading that far back. Three
// rules make that exact:
//
//   - a repeat of an id refreshes it, so a chain of retransmissions is one event however long it lasts;
//   - a passage that lasts longer than ParkedAfter becomes a parked vehicle, whose slots begin at fixed instants
//     (multiples of ParkedSlot), so where the chain began no longer matters;
//   - what closes at one record closes in the order (deadline, first offset), not in the order of insertion.
//
// Memory is bounded, see [Config]. Beyond its bounds the oldest is let go early and counted ([RepeatFilter.Evicted],
// [Passages.Forced], [History.Evicted]); only then may a rebuilt memory differ from one that never stopped.
//
// No type is safe for concurrent use: a shard owns them.
package dedup
