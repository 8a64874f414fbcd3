//go:build !race

package ingest

// simSeeds is how many seeds the simulation gets by default.
const simSeeds = 330
