//go:build race

package ingest

// simSeeds is how many seeds the simulation gets by default: fewer under the race detector, which is ten times slower.
const simSeeds = 44

// sameSeeds is how many seeds of each profile run twice.
const sameSeeds = 1
