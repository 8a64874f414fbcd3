//go:build race

package office

// searchesTried is the number of searches that are compared with a scan. They are asked one at a time, so a race shows in a few.
const searchesTried = 12
