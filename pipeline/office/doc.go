// Package office is the query API of the pipeline: where was this plate, which hits, which candidate offences and why, is
// the ledger whole, who looked up what. Every look-up states a purpose and a reason, is written to the access log before it
// is answered, and sees only what its scope allows (package access); SQL comes from fixed shapes only (package query).
//
// The document of the API is generated from the code and served at /openapi.json; schemas/openapi/office.json is the copy
// that a test compares with it. Errors are RFC 9457 problems. Lists have cursors: pass next of a page as after.
//
// No log line and no metric has plates, tokens, names of users, URLs, texts of requests or of the database.
package office
