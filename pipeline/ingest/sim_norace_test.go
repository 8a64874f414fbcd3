//go:build !race

package ingest

// simSeeds is how many seeds the simulation gets by default.
const simSeeds = 330

// sameSeeds is how many seeds of each profile run twice.
const sameSeeds = 3
