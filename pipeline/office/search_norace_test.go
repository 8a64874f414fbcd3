//go:build !race

package office

// searchesTried is the number of searches that are compared with a scan.
const searchesTried = 60
