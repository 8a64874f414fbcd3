// Package harness watches a pipeline from outside while package bench loads it, and holds it to bench/budget.yaml.
//
// Watching: it follows the hit and offence topics as a control room would, polls ClickHouse for what has become visible, reads the
// latency of each stage from the worker's ops port, asks the broker for the lag, and at the end counts rows and records. It shares no
// code with the pipeline. Latencies count from the moment a read was due, not from when it was sent: bench.RunConfig.WallClock puts
// that moment into received_at, which rows and hits carry. Behind a gateway, which sets received_at itself, the moment is looked up by
// read id.
//
// The budget: [Run] starts the real program as processes, loads it at fixed rates and compares each stage with what it may take. What
// is deterministic (bytes, allocations, rows lost or doubled, hits and offences found) is held exactly, whatever the machine.
package harness
