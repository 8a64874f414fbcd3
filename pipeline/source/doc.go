// Package source is the pipeline's side of Kafka: group membership, fenced commits with metadata, and reading one
// partition in order. It implements pipeline.Group, pipeline.Session and pipeline.Reader on segmentio/kafka-go.
//
// It uses the low-level parts of kafka-go on purpose. The Reader type commits without a generation (a slow worker can
// move the offset of a partition it lost), does not drain its queue on a rebalance, and costs 940 ns and 2 allocations
// a record against 217 ns and none for Conn.ReadBatch with Batch.Read. In exchange this package must itself
//
//   - skip the records before the wanted offset: Batch.Read, unlike ReadMessage, returns them;
//   - grow its buffer and read again after io.ErrShortBuffer, which ends the batch but loses nothing;
//   - return from every function of a generation quickly: the group waits for all of them before it joins again.
package source
