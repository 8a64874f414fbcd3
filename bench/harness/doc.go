// Package harness watches a pipeline from outside while package bench loads it, and compares the pipeline with
// bench/budget.yaml.
//
// Watching: the harness follows the hit and offence topics like a control room, polls ClickHouse for visible rows,
// reads each stage's latency from the worker's ops port, asks the broker for the lag, and at the end counts rows and
// records. It shares no code with the pipeline. Latencies count from a read's due time, not from its sending:
// bench.RunConfig.WallClock puts the due time into received_at, carried by rows and hits. A gateway sets received_at
// itself; behind a gateway the due time is looked up by read id.
//
// The budget: [Run] starts the real program as processes, loads it at fixed rates and compares each stage with its
// budget. Deterministic values (bytes, allocations, rows lost or doubled, hits and offences found) must be exact, on
// any machine.
package harness
