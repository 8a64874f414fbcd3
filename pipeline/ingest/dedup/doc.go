// Package dedup holds the three memories of a shard. [RepeatFilter] knows the read ids from the last minutes.
// [Passages] gathers the reads of one vehicle at one site into one passage. [History] keeps closed passages for
// families that compare passages; without such a family there is no history.
//
// The log clock drives all three: the latest received_at in the partition, never a wall clock. A replay of the same
// records therefore gives the same answers. The state at an offset depends only on the records within [Config.Horizon]
// of log time before. A new owner of a partition rebuilds the state by reading back to the horizon. Three rules make
// the rebuild exact:
//
//   - A repeated id is refreshed, so a chain of retransmissions is one event, however long the chain lasts.
//   - A passage that lasts longer than ParkedAfter becomes a parked vehicle. The slots of a parked vehicle begin at
//     fixed instants (multiples of ParkedSlot), so the beginning of the chain no longer matters.
//   - Passages that close at one record close in the order (deadline, first offset), not in the order of insertion.
//
// Memory is bounded, see [Config]. At a bound, the oldest entry is dropped early and counted ([RepeatFilter.Evicted],
// [Passages.Forced], [History.Evicted]). Only then may a rebuilt memory differ from a memory that never stopped.
//
// No type is safe for concurrent use: each shard owns its memories.
package dedup
