// Package budget holds the pipeline to bench/budget.yaml: it starts the real program as processes, loads it at fixed rates with
// package bench, watches it with package observe, and compares each stage with what it may take. What is deterministic (bytes,
// allocations, rows lost or doubled, hits and offences found) is held exactly, whatever the machine.
package budget
