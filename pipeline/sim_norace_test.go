//go:build !race

package pipeline

// simSeeds is how many seeds the simulation gets by default.
const simSeeds = 330
