//go:build race

package embedded

// accountsTried is how many accounts try to reach out of the database. A race would be in this process, which asks for
// each account the same.
const accountsTried = 2
