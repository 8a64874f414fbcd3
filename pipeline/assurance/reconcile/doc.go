// Package reconcile checks the data path from outside: it reads log, tables and topics and reports whether the
// numbers balance. Nothing on the path depends on this package except the gateway's receipts.
//
//   - [Journal] is the gateway's durable list of acknowledged records, independent of the log.
//   - [Sources.Reconcile] compares journal with log, log with tables, and output topics with tables, for a time range
//     of receipt. The report names every residual by camera, minute, offset and id.
//   - [ContinuousWatch] reconciles minute after minute, with metrics.
//   - [ProtocolChecker] compares the consumer group's commits with the batches table. A breach is a gap, an overlap, a
//     backward commit, a plan without an insert or an insert without a plan.
//
// The package shares only the form of a plan with the pipeline: the pipeline's own decoder would repeat the
// pipeline's own mistakes. Reports show cameras, offsets and ids, never a plate.
package reconcile
