//go:build race

package ingest_test

// memoryFactor is how much more memory a process may have: the race detector keeps shadows of all of it.
const memoryFactor = 8
