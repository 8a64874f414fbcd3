//go:build !race

package ingest_test

// memoryFactor is how much more memory a process may have.
const memoryFactor = 1
