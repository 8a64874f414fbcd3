// Package reconcile keeps the accounts of the data path and checks them from outside. Nothing on the path depends on it but
// the gateway's receipts; it reads what the others left and says whether it adds up.
//
//   - [Journal] is the gateway's own durable list of what the broker acknowledged, independent of the log.
//   - [Sources.Reconcile] balances, for a window of receipt, the journal against the log, the log against the tables, and the
//     output topics against theirs, and names what is left over by camera, minute, offset and id.
//   - [ContinuousWatch] does the same continuously and shows it as metrics.
//   - [ProtocolChecker] reads the history of the consumer group's commits and the batches table and finds a gap, an overlap, a
//     commit that went backwards, a plan without its insert and an insert without a plan.
//
// It shares no code with the pipeline but the form of a plan: an account that used the pipeline's own decoder would
// make the pipeline's own mistakes. It shows cameras, offsets and ids, never a plate.
package reconcile
