// Package office is the query API over the pipeline's tables, and the desk at which people decide cases. Police and processing centre ask where a plate was read,
// and which hits and offences there are, with the reasons. Auditors ask who looked up a plate. Operators ask whether
// the tables agree with the ledger.
//
// # The path of a look-up
//
//  1. admitRequest (admit.go) checks the sign-in, the request rate and the role's right to the route.
//  2. The route's handler parses the question and hands a lookup to askFor (lookup.go).
//  3. askFor finds the purpose and reason that the user stated. Package access derives the scope: time window, police
//     zones, plates shown or hidden. The purpose operation needs no statement and never shows a plate.
//  4. askFor charges the user's limits, and demands a second person's approval where the question needs one.
//  5. The look-up log gets an entry for the question, which returns a permit. Without a permit there is no query.
//  6. Package query builds SQL from fixed shapes, within the permit.
//  7. The look-up log gets an entry for the rows and plates to be shown. Only then does the answer leave.
//
// A user's refused or malformed request gets an entry too (unread.go). When the look-up log cannot be written or is
// damaged, the office shuts (shut.go) and answers every look-up with 503.
//
// # Work and cases
//
// The routes of work give people cases to decide (work_*.go, cases_*.go). The state machine and its guards are package
// cases, and its store changes a case in one transaction. The office establishes who acts: user, zones, regimes, purpose,
// entry in the look-up log, appointment, proof of identity. A case of another zone or regime is like none. Until a second
// person has looked, no answer holds what the first one said.
//
// # The API
//
// routes.go lists all routes. The OpenAPI document is generated from the code and served at /openapi.json. A test
// compares the document with the copy in schemas/openapi/office.json. Errors are RFC 9457 problems. Lists have cursors:
// pass next from a page as after. [Client] asks the API, and the Print functions write answers as tables.
//
// # Secrecy
//
// No log line and no metric holds plates, tokens, user names, URLs, request texts or database texts.
package office
