// Package source is the pipeline's side of Kafka: group membership, fenced commits with metadata, and reading one
// partition in order. It implements ingest.Group, ingest.Session and ingest.Reader on segmentio/kafka-go.
//
// It uses the low-level parts of kafka-go on purpose. The Reader type commits without a generation (a slow worker can
// move the offset of a partition it lost), does not drain its queue on a rebalance, and costs 940 ns and 2 allocations
// a record. Groups, commits, look-ups and ticks are kafka-go's; fetching is done here (reader.go the request, batch.go the
// record batches), because a value can then stay where the socket put it. So this package must itself
//
//   - skip the records before the wanted offset: a broker sends whole record batches;
//   - ask for more when one batch is larger than a fetch, and leave one that is cut off to the next fetch;
//   - check the checksum of a batch and bound what a compressed one unpacks to;
//   - return from every function of a generation quickly: the group waits for all of them before it joins again.
package source
