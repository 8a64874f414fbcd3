// Package schemas is the contract of the pipeline: the types that pass between its stages, the deterministic ids, the
// closed set of reject reasons, the topic names and the embedded ClickHouse migrations. It is a leaf: it imports
// nothing of this module, and everything else may import it.
//
// Units. Time is [Micros]: microseconds since 1970-01-01T00:00:00Z, UTC. Legal days are [Day] in Europe/Brussels.
// Speed is [Speed]: tenths of a kilometre per hour. Confidence is per mille (0..1000). Money is euro cents. Positions
// are micro-degrees. There is no floating point in anything that decides.
//
// Compatibility. Protobuf field numbers and enum values, reason names, rule ids and table columns are only added,
// never reused or given another meaning.
package schemas
