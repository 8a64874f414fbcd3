// Package query turns a permitted look-up into one ClickHouse SELECT with a fixed shape, and runs the SELECT.
//
// Text from a request never becomes SQL. Statements consist of constants (the type fragment), and values travel as
// {name:Type} parameters. The choice of constants depends only on the presence of filters.
//
// Every statement needs an [access.Permit]. The permit's window and zones become conditions in WHERE. Without the
// right to plates, columns that may hold a plate are empty.
//
// The fact tables are ReplacingMergeTree and are read without FINAL, so a row may appear twice until a merge. LIMIT 1
// BY the row's id drops repeats. Where LIMIT 1 BY would read too much, Go code drops the repeats after the query
// ([DB.Reads]). Counts use uniqExact or a set of offsets. An answer is therefore the same before and after a merge.
//
// A pattern or a confusable plate is first resolved against the table of distinct plates, within the permit's zones
// and time (plates.go, search.go). The reads are then found by sort key.
//
// Statements run with readonly, a time limit and a limit on result rows. They leave no entry in the server's
// query_log, because such an entry would contain the requested plates.
package query
