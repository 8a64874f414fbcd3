// Package source is the pipeline's side of Kafka: group membership, fenced commits with metadata, and reading a
// partition in order. It implements ingest.ConsumerGroup, ingest.Generation and ingest.Reader on segmentio/kafka-go.
//
// The package uses kafka-go's low-level parts on purpose. kafka-go's Reader commits without a generation (a slow
// worker can move the offset of a partition it lost), does not drain its queue on a rebalance, and costs 940 ns and 2
// allocations a record. Groups, commits, look-ups and ticks are kafka-go's. Fetching is done here (reader.go the
// request, batch.go the record batches), because a value can then stay where the socket put it. So this package must
// itself
//
//   - skip the records before the wanted offset: a broker sends whole record batches;
//   - ask for more when a batch is larger than a fetch, and leave a cut batch to the next fetch;
//   - check a batch's checksum and bound its unpacked size;
//   - return from every function in a generation quickly: the group waits for all before it joins again.
package source
