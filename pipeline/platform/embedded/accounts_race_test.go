//go:build race

package embedded

// accountsTried is the number of accounts that try to reach out of the database. A race would be in the test's own
// process, which sends the same statements for each account.
const accountsTried = 2
