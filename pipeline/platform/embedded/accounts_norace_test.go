//go:build !race

package embedded

// accountsTried is how many accounts try to reach out of the database: all.
const accountsTried = 1 << 10
