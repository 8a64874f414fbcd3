// Package observe watches a pipeline from outside while package bench loads it: it follows the hit and offence topics as a control
// room would, polls ClickHouse for what has become visible, reads the latency of each stage from the worker's ops port, asks
// the broker for the lag, and at the end counts rows and records. It shares no code with the pipeline.
//
// Latencies count from the moment a read was due, not from when it was sent: bench.RunConfig.WallClock puts that moment into
// received_at, which rows and hits carry. Behind a gateway, which sets received_at itself, the moment is looked up by read id.
package observe
