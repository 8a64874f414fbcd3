// Package reconcile keeps the accounts of the data path and checks the path from outside. Nothing on the path
// depends on this package except the gateway's receipts. The package reads log, tables and topics and reports
// whether they add up.
//
//   - [Journal] is the gateway's own durable list of acknowledged records, independent of the log.
//   - [Sources.Reconcile] balances, for a time range of receipt, the journal against the log, the log against the tables,
//     and the output topics against their tables, and names every residual by camera, minute, offset and id.
//   - [ContinuousWatch] does the same continuously, with metrics.
//   - [ProtocolChecker] reads the history of the consumer group's commits and the batches table and finds a gap, an overlap,
//     a backward commit, a plan without an insert and an insert without a plan.
//
// The package shares no code with the pipeline but the form of a plan: an account with the pipeline's own decoder
// would make the pipeline's own mistakes. Reports show cameras, offsets and ids, never a plate.
package reconcile
