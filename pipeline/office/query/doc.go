// Package query turns a permitted look-up into one ClickHouse SELECT of a fixed shape, and runs it.
//
// No text of a request ever becomes SQL: statements are put together of constants (the type fragment), values travel as
// {name:Type} parameters, and which constants are taken depends only on which filters are set. Every statement needs an
// [access.Permit], whose window and zones are part of its WHERE and whose missing right to plates empties the columns that
// may hold one. Repeats of a row (fact tables are ReplacingMergeTree and are read without FINAL) are dropped by LIMIT 1 BY
// the row's id, or after the query where that would read too much ([DB.Reads]), and are counted by uniqExact of the id or as a
// set of offsets, so an answer is the same before and after a merge.
//
// A pattern or a confusable plate is resolved against the dimension of distinct plates first (plates.go, search.go), in the
// permit's own zones and age, and then reads are looked up by their sort key.
//
// Statements run with readonly, a time limit, a bound on result rows, and without an entry in the server's query_log, which
// would keep the plates asked for.
package query
